"""Runs and what they logged."""

from typing import ClassVar, Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.ui.contexts.shared import Context, Pair

RunStatus = Literal["running", "scheduled", "finished", "failed", "killed"]


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run.

    Attributes:
        id: of the run.
        name: given by its author.
        kind: `run`, `pipeline` or another.
        status: running, scheduled, finished, failed or killed.
        system: it belongs to, or empty.
        started_at: when it began.
        finished_at: when it ended, or None.
        metrics: the latest value of the leading metrics.
    """

    id: str
    name: str
    kind: str
    status: RunStatus
    system: str
    started_at: Micros
    finished_at: Micros | None
    metrics: tuple[Pair, ...] = ()


class RunsPage(Context, frozen=True, kw_only=True):
    """What was tried, and how did it end?

    Attributes:
        sentence: the answer.
        runs: newest first.
        systems: names to filter by.
        system: filter that stands, or empty.
        older: cursor of the next page, or None at the end.
    """

    template: ClassVar[str] = "runs.html"

    sentence: str
    runs: tuple[RunRow, ...]
    systems: tuple[str, ...]
    system: str = ""
    older: str | None = None
