"""Reads of tracking, in the caller's transaction."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Table, bindparam, select

from homeostat.core.errors import NotFound
from homeostat.store.db.schema.track import (
    run_artifacts,
    run_params,
    run_series,
    run_surroundings,
    run_tags,
    runs,
)
from homeostat.track import points, usage
from homeostat.track.blocks import Points
from homeostat.track.records import (
    Artifact,
    Latest,
    RunDetail,
    RunRecord,
    RunSummary,
    Series,
)

_IDS = 500  # bound in one statement
_RUN = [runs.c[name] for name in RunRecord.__struct_fields__]
# Made once: to build such a statement takes longer than to run it.
_GET = select(runs).where(runs.c.id == bindparam("run_id"))
_RECORD = select(*_RUN).where(runs.c.id == bindparam("run_id"))
_AROUND = select(run_surroundings.c.body).where(run_surroundings.c.run_id == bindparam("run_id"))
_RECORDS = select(*_RUN).where(runs.c.id.in_(bindparam("ids", expanding=True)))
_SHOWN = {
    run_params: (run_params.c.value, run_params.c.is_text),
    run_tags: (run_tags.c.value,),
    run_series: (run_series.c.points, run_series.c.step, run_series.c.logged_at, run_series.c.value),
}
_KEYED = {
    table: select(table.c.run_id, table.c.key, *columns)
    .where(table.c.run_id.in_(bindparam("ids", expanding=True)))
    .order_by(table.c.run_id, table.c.key)
    for table, columns in _SHOWN.items()
}


def get(connection: Connection, run_id: str) -> RunDetail:
    """All of a run but its curves.

    Raises: NotFound naming the id.
    """
    row = connection.execute(_GET, {"run_id": run_id}).mappings().first()
    if row is None:
        raise NotFound(f"There is no run {run_id!r}. List those there are: homeostat runs list")
    (summary,) = summaries(connection, [_run(row)])
    around = connection.execute(_AROUND, {"run_id": run_id}).scalar()
    used = usage.of_runs(connection, [run_id]).get(run_id, usage.Usage([], [], []))
    return RunDetail(
        **msgspec.structs.asdict(summary),
        artifacts=artifacts(connection, run_id),
        inputs=tuple(used.datasets),
        model_inputs=tuple(used.models),
        outputs=tuple(used.outputs),
        surroundings={} if around is None else msgspec.json.decode(around),
    )


def artifacts(connection: Connection, run_id: str) -> tuple[Artifact, ...]:
    """Artifacts of a run, by name."""
    query = select(run_artifacts).where(run_artifacts.c.run_id == run_id).order_by(run_artifacts.c.name)
    return tuple(
        Artifact(name=kept.name, digest=kept.digest, size_bytes=kept.size_bytes, media_type=kept.media_type)
        for kept in connection.execute(query)
    )


def record(connection: Connection, run_id: str) -> RunRecord | None:
    """A run, deleted or not; None if there is none of this id."""
    row = connection.execute(_RECORD, {"run_id": run_id}).mappings().first()
    return None if row is None else _run(row)


def records(connection: Connection, run_ids: Sequence[str]) -> list[RunRecord]:
    """Runs by their ids, in that order; ids of none are left out."""
    found: dict[str, RunRecord] = {}
    for first in range(0, len(run_ids), _IDS):
        for row in connection.execute(_RECORDS, {"ids": run_ids[first : first + _IDS]}).all():
            found[row.id] = RunRecord(**dict(zip(RunRecord.__struct_fields__, row, strict=True)))
    return [found[run_id] for run_id in run_ids if run_id in found]


def summaries(connection: Connection, found: Sequence[RunRecord]) -> list[RunSummary]:
    """Runs with their params, tags and latest metrics: three queries for a page of them."""
    params: dict[str, dict[str, Any]] = {run.id: {} for run in found}
    tags: dict[str, dict[str, str]] = {run.id: {} for run in found}
    ids = list(params)
    for run_id, key, text, is_text in _of_runs(connection, run_params, ids):
        params[run_id][key] = text if is_text else msgspec.json.decode(text)
    for run_id, key, text in _of_runs(connection, run_tags, ids):
        tags[run_id][key] = text
    metrics = latest(connection, ids)
    return [
        RunSummary(run=run, params=params[run.id], tags=tags[run.id], metrics=tuple(metrics.get(run.id, ())))
        for run in found
    ]


def recent(
    connection: Connection,
    *,
    system: str | None = None,
    kind: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> list[RunRecord]:
    """Runs that are not deleted, newest first.

    Args:
        cursor: id of the last run of the page before; ids sort by their start.
    """
    query = select(*_RUN).where(runs.c.deleted_at.is_(None)).order_by(runs.c.id.desc()).limit(limit)
    if system is not None:
        query = query.where(runs.c.system == system)
    if kind is not None:
        query = query.where(runs.c.kind == kind)
    if cursor is not None:
        query = query.where(runs.c.id < cursor)
    return [_run(row) for row in connection.execute(query).mappings()]


def latest(connection: Connection, run_ids: Sequence[str]) -> dict[str, list[Latest]]:
    """The newest point of every metric of some runs, by run: one query for a page of them."""
    found: dict[str, list[Latest]] = {}
    for run_id, key, count, step, at, value in _of_runs(connection, run_series, run_ids):
        newest = Latest(key=key, points=count, step=step, logged_at=at, value=points.read(value))
        found.setdefault(run_id, []).append(newest)
    return found


def series(connection: Connection, run_id: str, key: str, *, steps: tuple[int, int] | None = None) -> Series:
    """One curve in the order it was logged.

    Args:
        steps: only points with a step in this range, both ends included.
    Raises: NotFound naming the metrics there are.
    """
    found = connection.execute(
        select(run_series.c.id).where(run_series.c.run_id == run_id, run_series.c.key == key)
    ).scalar()
    if found is None:
        known = ", ".join(one.key for one in latest(connection, [run_id]).get(run_id, [])) or "none"
        raise NotFound(f"Run {run_id} has no metric {key!r}. It has: {known}.")
    curve = points.curve(connection, found, steps=steps)
    return Series(key=key, steps=curve.steps.tolist(), logged_at=curve.at.tolist(), values=curve.values.tolist())


def curves(connection: Connection, run_ids: Sequence[str], key: str) -> dict[str, Points]:
    """One metric of many runs, by run, as arrays; runs without it are left out."""
    found: dict[str, Points] = {}
    for first in range(0, len(run_ids), _IDS):
        query = select(run_series.c.run_id, run_series.c.id).where(
            run_series.c.run_id.in_(run_ids[first : first + _IDS]), run_series.c.key == key
        )
        for run_id, id_ in connection.execute(query).all():
            found[run_id] = points.curve(connection, id_)
    return found


def all_there(connection: Connection, run_ids: Sequence[str]) -> None:
    """Raises: NotFound naming the first run that is not there."""
    for first in range(0, len(run_ids), _IDS):
        ids = run_ids[first : first + _IDS]
        known = set(connection.execute(select(runs.c.id).where(runs.c.id.in_(ids))).scalars())
        if missing := [run_id for run_id in ids if run_id not in known]:
            raise NotFound(f"There is no run {missing[0]!r}. List those there are: homeostat runs list")


def _of_runs(connection: Connection, table: Table, run_ids: Sequence[str]) -> list[Any]:
    """Rows of a table of `_KEYED`, of some runs, by run and key."""
    rows: list[Any] = []
    for first in range(0, len(run_ids), _IDS):
        rows += connection.execute(_KEYED[table], {"ids": run_ids[first : first + _IDS]}).all()
    return rows


def _run(row: RowMapping) -> RunRecord:
    return RunRecord(**{name: row[name] for name in RunRecord.__struct_fields__})
