"""What a run says (events, as they stand in its spool) and what is known of it (records)."""

from typing import Any, Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.core.ids import RunId

# killed: its process ended without finishing it. scheduled: announced by a client, not begun.
RunStatus = Literal["running", "scheduled", "finished", "failed", "killed"]
Life = Literal["active", "deleted", "all"]

DEFAULT_EXPERIMENT = 0
DEFAULT_EXPERIMENT_NAME = "Default"
NAME = "mlflow.runName"  # the tag in which clients of MLflow keep a run's name
NOTE = "mlflow.note.content"  # the tag in which clients of MLflow keep a run's note
DATASET_CONTEXT = "mlflow.data.context"  # the tag of an input that says what it was used for


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", array_like=True):
    """Base of what a spool holds; positions are fixed, fields are added at the end with defaults."""


class Started(_Event, frozen=True, kw_only=True, tag="started"):
    """`experiment`: its name; it is made if there is none."""

    id: RunId
    at: Micros
    name: str
    kind: str
    system: str
    parent: str
    surroundings: dict[str, Any]
    experiment: str = DEFAULT_EXPERIMENT_NAME
    user: str = ""
    source: str = ""


class Resumed(_Event, frozen=True, kw_only=True, tag="resumed"):
    """A run that was started before goes on in this spool."""

    at: Micros


class Surrounded(_Event, frozen=True, kw_only=True, tag="surrounded"):
    """What surrounds a run, captured while it ran already."""

    at: Micros
    surroundings: dict[str, Any]


class Curve(_Event, frozen=True, kw_only=True, tag="curve"):
    """Points of one metric in the order they were logged: native 8-byte numbers, as `blocks.Points.of` takes them."""

    key: str
    steps: bytes
    at: bytes
    values: bytes


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
    media_type: str = ""


class DatasetUsed(_Event, frozen=True, kw_only=True, tag="dataset"):
    """A dataset that a run read. `context`: what for, such as training."""

    at: Micros
    name: str
    digest: str
    source_type: str
    source: str
    context: str
    schema: str = ""
    profile: str = ""


class Finished(_Event, frozen=True, kw_only=True, tag="finished"):
    """`dropped`: log calls that could not be kept."""

    at: Micros
    status: RunStatus
    error: str
    dropped: int


Event = Started | Resumed | Surrounded | Curve | ParamsSet | Tagged | Noted | ArtifactKept | DatasetUsed | Finished


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of runs. `artifact_location` is empty if artifacts lie in the object store of the workspace."""

    id: int
    name: str
    artifact_location: str
    created_at: Micros
    updated_at: Micros
    deleted_at: Micros | None
    tags: dict[str, str]


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of runs.

    Attributes:
        code, environment: digests, or empty if not captured.
        user, source: who ran what; empty if unknown.
        dropped: log calls that could not be kept (a full disk, a value that is no number).
        deleted_at: when it was thrown away; None if it was not.
    """

    id: RunId
    experiment_id: int
    name: str
    kind: str
    status: RunStatus
    system: str
    parent: str
    user: str
    source: str
    started_at: Micros
    finished_at: Micros | None
    code: str
    environment: str
    error: str
    note: str
    dropped: int
    deleted_at: Micros | None


class Latest(msgspec.Struct, frozen=True, kw_only=True):
    """The newest point of a metric, by (step, logged_at, value), and how many there are. `value` may be NaN or infinite."""

    key: str
    points: int
    step: int
    logged_at: Micros
    value: float


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """`name`: a path with `/`. `media_type` may be empty."""

    name: str
    digest: Digest
    size_bytes: int
    media_type: str = ""


class DatasetInput(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that a run read; `tags` say what for."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str
    profile: str
    tags: dict[str, str]


class ModelOutput(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str
    step: int


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a table of runs shows it. Params are JSON values under flat dotted keys."""

    run: RunRecord
    params: dict[str, Any]
    tags: dict[str, str]
    metrics: tuple[Latest, ...]


class RunDetail(RunSummary, frozen=True, kw_only=True):
    """All of a run but its curves."""

    artifacts: tuple[Artifact, ...]
    inputs: tuple[DatasetInput, ...]
    model_inputs: tuple[str, ...]
    outputs: tuple[ModelOutput, ...]
    surroundings: dict[str, Any]


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of one page of a search, and the token of the next; empty at the end."""

    runs: tuple[RunSummary, ...]
    next_token: str


class ExperimentPage(msgspec.Struct, frozen=True, kw_only=True):
    experiments: tuple[Experiment, ...]
    next_token: str


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A curve in the order it was logged. Values may be NaN or infinite."""

    key: str
    steps: list[int]
    logged_at: list[int]
    values: list[float]
