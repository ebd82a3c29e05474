"""Reading pipeline runs, their actions and the results under a key."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, func, select, tuple_

from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound
from homeostat.pipelines.records import Action, Candidate, Observed, PipelineRun, Repeated, RunSummary, Stored
from homeostat.store.db.schema.pipelines import actions, pipeline_runs

_SUMMARY = [
    pipeline_runs.c[name]
    for name in ("id", "pipeline", "system", "actor", "status", "started_at", "started_wall", "finished_wall")
]
_STORED, _CANDIDATE = Stored.__struct_config__.tag, Candidate.__struct_config__.tag


def get(connection: Connection, run_id: str) -> PipelineRun:
    """One run with its actions.

    Raises: NotFound if no pipeline ran under this id.
    """
    row = connection.execute(select(pipeline_runs).where(pipeline_runs.c.id == run_id)).mappings().first()
    if row is None:
        raise NotFound(f"No pipeline run {run_id!r}. See `homeostat runs`.")
    return _run(row, run_actions(connection, run_id))


def recent(
    connection: Connection, *, system: str | None = None, before_wall: float | None = None, limit: int = 50
) -> list[PipelineRun]:
    """Runs with their actions, newest first.

    Args:
        before_wall: only runs started before this second of the machine's clock: the cursor of a page.
    """
    query = select(pipeline_runs).order_by(pipeline_runs.c.started_wall.desc(), pipeline_runs.c.id.desc()).limit(limit)
    if system is not None:
        query = query.where(pipeline_runs.c.system == system)
    if before_wall is not None:
        query = query.where(pipeline_runs.c.started_wall < before_wall)
    rows = connection.execute(query).mappings().all()
    found: dict[str, list[Action]] = {row["id"]: [] for row in rows}
    # A page has few runs, so that their ids fit one statement.
    wanted = select(actions).where(actions.c.run_id.in_(found)).order_by(actions.c.started_wall, actions.c.id)
    for row in connection.execute(wanted).mappings():
        found[row["run_id"]].append(_action(row))
    return [_run(row, found[row["id"]]) for row in rows]


def summaries(connection: Connection, pipeline: str, *, before: str | None = None, limit: int = 50) -> list[RunSummary]:
    """Runs of a pipeline, newest first.

    Args:
        before: only runs that started before this one: the cursor of a page.
    """
    started = pipeline_runs.c.started_wall
    query = select(*_SUMMARY).where(pipeline_runs.c.pipeline == pipeline)
    if before is not None:
        mark = select(started, pipeline_runs.c.id).where(pipeline_runs.c.id == before)
        query = query.where(tuple_(started, pipeline_runs.c.id) < mark.scalar_subquery())
    rows = connection.execute(query.order_by(started.desc(), pipeline_runs.c.id.desc()).limit(limit)).mappings()
    return _counted(connection, [RunSummary(**row) for row in rows])


def latest_by_pipeline(connection: Connection) -> list[RunSummary]:
    """The newest run of each pipeline, newest first."""
    started = pipeline_runs.c.started_wall
    last = (
        select(pipeline_runs.c.pipeline, func.max(started).label("started_wall"))
        .group_by(pipeline_runs.c.pipeline)
        .subquery()
    )
    is_last = (pipeline_runs.c.pipeline == last.c.pipeline) & (started == last.c.started_wall)
    rows = connection.execute(select(*_SUMMARY).join(last, is_last).order_by(started.desc())).mappings()
    return _counted(connection, [RunSummary(**row) for row in rows])


def run_actions(connection: Connection, run_id: str) -> list[Action]:
    """Actions of a run in the order of their calls."""
    query = select(actions).where(actions.c.run_id == run_id).order_by(actions.c.started_wall, actions.c.id)
    return [_action(row) for row in connection.execute(query).mappings()]


def runs_of(connection: Connection, action_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Pipeline and run of some actions, by their ids."""
    query = select(actions.c.id, actions.c.pipeline, actions.c.run_id).where(actions.c.id.in_(action_ids))
    return {row.id: (row.pipeline, row.run_id) for row in connection.execute(query)}


def repeated(connection: Connection, action_ids: Sequence[str]) -> dict[str, Repeated]:
    """What came of running actions a second time, of those that somebody asked that for, by their ids."""
    query = select(actions.c.id, actions.c.repeated).where(actions.c.id.in_(action_ids), actions.c.repeated != "")
    return {row.id: row.repeated for row in connection.execute(query)}


def made_under(connection: Connection, key: Digest, limit: int = 8) -> list[Action]:
    """Actions that ran under a key, newest first: the trace of the key."""
    query = select(actions).where(actions.c.key == key, actions.c.status == "ran")
    newest = query.order_by(actions.c.started_wall.desc(), actions.c.id.desc()).limit(limit)
    return [_action(row) for row in connection.execute(newest).mappings()]


def made_for_run_before(connection: Connection, pipeline: str, run_id: str) -> list[Action]:
    """What answered the calls of a pipeline's run before this one: very likely what will answer this one's."""
    newest = select(pipeline_runs.c.id).where(pipeline_runs.c.pipeline == pipeline, pipeline_runs.c.id != run_id)
    newest = newest.order_by(pipeline_runs.c.started_wall.desc(), pipeline_runs.c.id.desc()).limit(1)
    used = select(actions.c.made_by).where(actions.c.run_id == newest.scalar_subquery())
    rows = connection.execute(select(actions).where(actions.c.id.in_(used), actions.c.status == "ran")).mappings()
    return [_action(row) for row in rows]


def latest_calls(connection: Connection, step: str) -> Sequence[Action]:
    """Calls of a step in the newest run that has it, in their order."""
    newest = (
        select(actions.c.run_id)
        .where(actions.c.step == step)
        .order_by(actions.c.started_wall.desc(), actions.c.id.desc())
    )
    run_id = connection.execute(newest.limit(1)).scalar()
    if run_id is None:
        return []
    query = select(actions).where(actions.c.run_id == run_id, actions.c.step == step).order_by(actions.c.position)
    return [_action(row) for row in connection.execute(query).mappings()]


def call_before(connection: Connection, later: Action) -> Action | None:
    """The call at the same place of the same pipeline in the newest earlier run."""
    query = (
        select(actions)
        .where(
            actions.c.step == later.step,
            actions.c.pipeline == later.pipeline,
            actions.c.position == later.position,
            actions.c.run_id != later.run_id,
            actions.c.started_wall <= later.started_wall,
        )
        .order_by(actions.c.started_wall.desc(), actions.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else _action(row)


def action_row(found: Action) -> dict[str, Any]:
    """The row of an action, as `actions` holds it."""
    row = msgspec.structs.asdict(found)
    for name in ("outputs", "arguments", "variables", "observed"):
        row[name] = msgspec.json.encode(row[name]).decode()
    return row


def _counted(connection: Connection, found: Sequence[RunSummary]) -> list[RunSummary]:
    """With how many calls ran, were cached, failed."""
    # A page has few runs, so that their ids fit one statement.
    wanted = actions.c.run_id.in_([run.id for run in found])
    query = select(actions.c.run_id, actions.c.status, func.count()).where(wanted)
    counts: dict[str, dict[str, int]] = {run.id: {} for run in found}
    for run_id, status, count in connection.execute(query.group_by(actions.c.run_id, actions.c.status)):
        counts[run_id][status] = count
    return [msgspec.structs.replace(run, **counts[run.id]) for run in found]


def _action(row: RowMapping) -> Action:
    return Action(
        **{
            **row,
            "outputs": msgspec.json.decode(row["outputs"], type=tuple[Stored, ...]),
            "arguments": msgspec.json.decode(row["arguments"], type=dict[str, Stored]),
            "variables": msgspec.json.decode(row["variables"]),
            "observed": msgspec.json.decode(row["observed"], type=Observed),
        }
    )


def _run(row: RowMapping, made: Sequence[Action]) -> PipelineRun:
    return PipelineRun(
        **{
            **row,
            "arguments": msgspec.json.decode(row["arguments"], type=dict[str, Stored]),
            "result": _revived(msgspec.json.decode(row["result"])),
            "actions": tuple(made),
        }
    )


def _revived(value: Any) -> Any:
    """A recorded result with its records as such."""
    if isinstance(value, list):
        return [_revived(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == _STORED:
        return msgspec.convert(value, Stored)
    if value.get("type") == _CANDIDATE:
        return Candidate(**{name: _revived(value[name]) for name in Candidate.__struct_fields__})
    return {name: _revived(item) for name, item in value.items()}
