"""Runs of pipelines: what ran, what was reused, and why."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection

from homeostat.core.clock import SECOND
from homeostat.core.errors import NotFound
from homeostat.pipelines import queries
from homeostat.pipelines.records import Action, PipelineRun, RunSummary, Why
from homeostat.ui import formats
from homeostat.ui.charts.graph import STATE_NAMES
from homeostat.ui.charts.records import Graph, GraphNode, NodeState
from homeostat.ui.contexts import PipelinePage, PipelineRunRow, PipelinesPage, StepChange, StepRow
from homeostat.ui.reading.here import Here

_RUNS = 20  # of a pipeline on its page
_READS = 40  # of a step
_CHANGES = 40


def page(connection: Connection, here: Here) -> PipelinesPage:
    latest = queries.latest_by_pipeline(connection)
    return PipelinesPage(**here.frame, sentence=_sentence(latest), pipelines=tuple(map(_row, latest)))


def one(connection: Connection, here: Here, name: str, *, run_id: str, before: str | None) -> PipelinePage:
    """A run of a pipeline: the one asked for, or the newest.

    Raises: NotFound saying which pipelines or runs there are.
    """
    found = queries.summaries(connection, name, before=before, limit=_RUNS + 1)
    newest = found[0] if found and before is None else next(iter(queries.summaries(connection, name, limit=1)), None)
    if newest is None:
        known = ", ".join(one.pipeline for one in queries.latest_by_pipeline(connection)) or "none"
        raise NotFound(
            f"No pipeline {name!r} has run. Those that have: {known}. Run one: homeostat run MODULE:FUNCTION"
        )
    run = queries.get(connection, run_id or newest.id)
    if run.pipeline != name:
        raise NotFound(f"Run {run.id!r} is of pipeline {run.pipeline}, not of {name}.")
    repeated = queries.repeated(connection, [action.made_by for action in run.actions])
    steps = tuple(
        _step(why, [one for one in run.actions if one.step == why.step], repeated)
        for why in here.pipelines.why_each(run)
    )
    shown = found[:_RUNS]
    return PipelinePage(
        **here.frame,
        sentence=_told(run, steps),
        run=_row(_summary(run)),
        error=run.error,
        graph=_graph(run, steps),
        steps=steps,
        runs=tuple(map(_row, shown)),
        older=shown[-1].id if len(found) > _RUNS else None,
    )


def _sentence(latest: Sequence[RunSummary]) -> str:
    if not latest:
        return "No pipeline has run yet."
    ill = [one.pipeline for one in latest if one.status == "failed"]
    if ill:
        return f"The last run of {', '.join(ill)} failed."
    ran, cached = (sum(getattr(one, name) for one in latest) for name in ("ran", "cached"))
    return f"In the last runs of {formats.plural(len(latest), 'pipeline')} {formats.plural(ran, 'step')} ran and {cached:,} were reused."


def _told(run: PipelineRun, steps: Sequence[StepRow]) -> str:
    if not steps:
        return f"{run.pipeline} called no step." if run.status == "finished" else f"{run.pipeline} is {run.status}."
    by_state = {state: [step for step in steps if step.state == state] for state in ("failed", "ran", "cached")}
    if by_state["failed"]:
        return f"{run.pipeline} failed in {', '.join(step.name for step in by_state['failed'])}."
    if not by_state["ran"]:
        return f"Nothing ran: all {formats.plural(len(steps), 'step')} of {run.pipeline} were reused."
    reused = f", {len(by_state['cached'])} reused" if by_state["cached"] else ""
    return f"{formats.plural(len(by_state['ran']), 'step')} ran{reused}: {_because(by_state['ran'][0])}."


def _because(first: StepRow) -> str:
    """Why the first step that ran did, in few words: those after it mostly follow from it."""
    if not first.previous:
        return f"{first.name} for the first time"
    if not first.changes:
        return f"{first.name} though nothing it depends on changed"
    named = [f"{change.kind} {change.name}" for change in first.changes]
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return f"for {first.name}, {', '.join(named[:3])}{more} changed"


def _row(run: RunSummary) -> PipelineRunRow:
    return PipelineRunRow(
        id=run.id,
        pipeline=run.pipeline,
        system=run.system,
        actor=run.actor,
        status=run.status,
        started_at=run.started_at,
        took_us=None if run.finished_wall is None else round((run.finished_wall - run.started_wall) * SECOND),
        ran=run.ran,
        cached=run.cached,
        failed=run.failed,
    )


def _summary(run: PipelineRun) -> RunSummary:
    statuses = [action.status for action in run.actions]
    return RunSummary(
        id=run.id,
        pipeline=run.pipeline,
        system=run.system,
        actor=run.actor,
        status=run.status,
        started_at=run.started_at,
        started_wall=run.started_wall,
        finished_wall=run.finished_wall,
        ran=statuses.count("ran"),
        cached=statuses.count("cached"),
        failed=statuses.count("failed"),
    )


def _step(why: Why, calls: Sequence[Action], repeated: Mapping[str, str]) -> StepRow:
    """Args: repeated: what came of running the actions that made the results a second time."""
    reads = why.observed.lines()
    changes = [
        StepChange(kind=change.kind, name=change.name, before=change.before, after=change.after)
        for change in why.changes
    ]
    outcomes = {call.repeated or repeated.get(call.made_by, "") for call in calls}
    return StepRow(
        name=why.step,
        state=_state(calls),
        calls=len(calls),
        cached=sum(call.status == "cached" for call in calls),
        took_us=round(_seconds(calls) * SECOND),
        why=why.sentence,
        changes=tuple(changes[:_CHANGES]),
        previous=why.previous_run_id,
        reads=tuple(reads[:_READS]),
        more_reads=max(0, len(reads) - _READS),
        repeated=next((one for one in ("differs", "same") if one in outcomes), ""),
        error=next((call.error for call in calls if call.error), ""),
    )


def _state(calls: Sequence[Action]) -> NodeState:
    found = {call.status for call in calls}
    return "failed" if "failed" in found else "ran" if "ran" in found else "cached"


def _seconds(calls: Sequence[Action]) -> float:
    return sum(call.finished_wall - call.started_wall for call in calls if call.status != "cached")


def _graph(run: PipelineRun, steps: Sequence[StepRow]) -> Graph:
    links = dict.fromkeys(_links(run.actions))
    sources = dict.fromkeys(start for start, _ in links if "@" in start)
    # A step that calls itself with its own results, or in a circle with others, has no place after itself.
    order = {name: index for index, name in enumerate([*sources, *(step.name for step in steps)])}
    forward = [(start, end) for start, end in links if order[start] < order[end]]
    critical = _critical({step.name: step.took_us for step in steps}, list(order), forward)
    nodes = [
        GraphNode(name=name, state="data", detail="dataset", href=f"/data/{name.replace('@', '/')}") for name in sources
    ]
    nodes += [
        GraphNode(
            name=step.name,
            state=step.state,
            detail=_detail(step),
            is_critical=step.name in critical,
            href=f"#step-{index}",
        )
        for index, step in enumerate(steps, 1)
    ]
    return Graph(title=f"Steps of {run.pipeline} and what each takes", nodes=tuple(nodes), links=tuple(forward))


def _detail(step: StepRow) -> str:
    calls = f", {step.calls} calls" if step.calls > 1 else ""
    took = f" {formats.took(step.took_us)}" if step.state != "cached" else ""
    return f"{STATE_NAMES[step.state]}{took}{calls}"


def _links(actions: Sequence[Action]) -> Iterator[tuple[str, str]]:
    """What each step takes from which step or dataset. Plain values have no place in the lineage and no link."""
    made: dict[str, str] = {}
    for action in actions:
        for stored in action.arguments.values():
            for leaf in stored.leaves():
                if leaf.node in made:
                    if made[leaf.node] != action.step:
                        yield made[leaf.node], action.step
                else:
                    yield from ((origin.partition(":")[2], action.step) for origin in leaf.origin)
        made |= {leaf.node: action.step for stored in action.outputs for leaf in stored.leaves() if leaf.node}


def _critical(took: Mapping[str, int], order: Sequence[str], links: Sequence[tuple[str, str]]) -> set[str]:
    """The steps whose times together are the longest way, those aside that took none."""
    longest: dict[str, tuple[int, str]] = {}
    for name in order:
        before = [(longest[start][0], start) for start, end in links if end == name]
        until, last = max(before, default=(0, ""))
        longest[name] = (until + took.get(name, 0), last)
    at = max(order, key=lambda name: longest[name][0], default="")
    found = set()
    while at:
        found.add(at)
        at = longest[at][1]
    return {name for name in found if took.get(name)}
