"""Pipelines: what ran, what was reused, and why."""

from typing import ClassVar

import msgspec

from homeostat.core.clock import Micros
from homeostat.ui.charts.records import Graph, NodeState
from homeostat.ui.contexts.shared import Context


class PipelineRunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a pipeline.

    Attributes:
        id: of the run.
        pipeline: that ran.
        system: it trained, or empty.
        actor: who ran it.
        status: running, finished or failed.
        started_at: when it began.
        took_us: of the machine's time, or None while it runs.
        ran: calls of steps that ran.
        cached: calls that were answered by what was kept.
        failed: calls that failed.
    """

    id: str
    pipeline: str
    system: str
    actor: str
    status: str
    started_at: Micros
    took_us: int | None
    ran: int
    cached: int
    failed: int


class PipelinesPage(Context, frozen=True, kw_only=True):
    """Which pipelines are there, and how did their last runs go?

    Attributes:
        sentence: the answer.
        pipelines: the last run of each, newest first.
    """

    template: ClassVar[str] = "pipelines.html"

    sentence: str
    pipelines: tuple[PipelineRunRow, ...]


class StepChange(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a step depends on that was not as in the run before.

    Attributes:
        kind: such as argument, column, function, constant, package.
        name: of the thing.
        before: a short value, version or digest; empty if there was none.
        after: likewise; empty if there is none any more.
    """

    kind: str
    name: str
    before: str
    after: str


class StepRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a step in a run.

    Attributes:
        name: of the step.
        state: ran, cached or failed; of several calls the worst.
        calls: how often it was called.
        cached: of these, how many were answered by what was kept.
        took_us: of the machine's time, all calls together.
        why: it ran, or did not, in a sentence.
        changes: what was not as in the run before.
        previous: id of that run, or empty.
        reads: what it read beside its arguments, a line each.
        more_reads: how many more there are.
        repeated: `same` or `differs` if it ran twice, else empty.
        error: what it raised, or empty.
    """

    name: str
    state: NodeState
    calls: int
    cached: int
    took_us: int
    why: str
    changes: tuple[StepChange, ...]
    previous: str
    reads: tuple[str, ...]
    more_reads: int
    repeated: str
    error: str


class PipelinePage(Context, frozen=True, kw_only=True):
    """What ran, what was reused, why did this rerun?

    Attributes:
        sentence: the answer.
        run: the run that is shown.
        error: what ended it, or empty.
        graph: its steps and what each took from which.
        steps: in the order of their first calls.
        runs: of this pipeline, newest first.
        older: cursor of the next page of runs, or None at the end.
    """

    template: ClassVar[str] = "pipeline.html"

    sentence: str
    run: PipelineRunRow
    error: str
    graph: Graph
    steps: tuple[StepRow, ...]
    runs: tuple[PipelineRunRow, ...]
    older: str | None = None
