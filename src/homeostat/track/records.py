"""What a run says (events, as they stand in its spool) and what is known of it (records)."""

from typing import Any, Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.core.ids import RunId

# killed: its process ended without finishing it.
RunStatus = Literal["running", "finished", "failed", "killed"]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", array_like=True):
    """Base of what a spool holds; positions are fixed, fields are added at the end with defaults."""


class Started(_Event, frozen=True, kw_only=True, tag="started"):
    id: RunId
    at: Micros
    name: str
    kind: str
    system: str
    parent: str
    surroundings: dict[str, Any]


class Points(_Event, frozen=True, kw_only=True, tag="points"):
    """Metric points in the order they were logged: (key, step, at, value)."""

    points: list[tuple[str, int, int, float]]


class ParamsSet(_Event, frozen=True, kw_only=True, tag="params"):
    """Flat dotted keys; values are JSON."""

    params: dict[str, str]


class Tagged(_Event, frozen=True, kw_only=True, tag="tag"):
    key: str
    value: str


class Noted(_Event, frozen=True, kw_only=True, tag="note"):
    text: str


class ArtifactKept(_Event, frozen=True, kw_only=True, tag="artifact"):
    name: str
    digest: Digest
    size_bytes: int


class Finished(_Event, frozen=True, kw_only=True, tag="finished"):
    """`dropped`: log calls that could not be kept."""

    at: Micros
    status: RunStatus
    error: str
    dropped: int


Event = Started | Points | ParamsSet | Tagged | Noted | ArtifactKept | Finished


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of runs.

    Attributes:
        code, environment: digests, or empty if not captured.
        dropped: log calls that could not be kept (a full disk, a value that is no number).
    """

    id: RunId
    name: str
    kind: str
    status: RunStatus
    system: str
    parent: str
    started_at: Micros
    finished_at: Micros | None
    code: str
    environment: str
    error: str
    note: str
    dropped: int


class Latest(msgspec.Struct, frozen=True, kw_only=True):
    """The newest point of a metric, and how many there are. `value` may be NaN or infinite."""

    key: str
    points: int
    step: int
    logged_at: Micros
    value: float


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    digest: Digest
    size_bytes: int


class RunDetail(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run but its curves. Params are JSON values under flat dotted keys."""

    run: RunRecord
    params: dict[str, Any]
    tags: dict[str, str]
    metrics: tuple[Latest, ...]
    artifacts: tuple[Artifact, ...]
    surroundings: dict[str, Any]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A curve in the order it was logged. Values may be NaN or infinite."""

    key: str
    steps: list[int]
    logged_at: list[int]
    values: list[float]
