"""Reads of tracking, in the caller's transaction."""

import math

import msgspec
from sqlalchemy import Connection, RowMapping, select

from homeostat.core.errors import NotFound
from homeostat.store.db.schema.track import run_artifacts, run_params, run_points, run_series, run_tags, runs
from homeostat.track.records import Artifact, Latest, RunDetail, RunRecord, Series

_RUN = [runs.c[name] for name in RunRecord.__struct_fields__]


def get(connection: Connection, run_id: str) -> RunDetail:
    """All of a run but its curves.

    Raises: NotFound naming the id.
    """
    row = connection.execute(select(runs).where(runs.c.id == run_id)).mappings().first()
    if row is None:
        raise NotFound(f"There is no run {run_id!r}. List those there are: homeostat runs")
    params = connection.execute(
        select(run_params.c.key, run_params.c.value).where(run_params.c.run_id == run_id).order_by(run_params.c.key)
    )
    tags = connection.execute(
        select(run_tags.c.key, run_tags.c.value).where(run_tags.c.run_id == run_id).order_by(run_tags.c.key)
    )
    artifacts = connection.execute(
        select(run_artifacts).where(run_artifacts.c.run_id == run_id).order_by(run_artifacts.c.name)
    )
    return RunDetail(
        run=_run(row),
        params={key: msgspec.json.decode(value) for key, value in params},
        tags={key: value for key, value in tags},  # noqa: C416  rows are no tuples to the type checker
        metrics=tuple(latest(connection, [run_id]).get(run_id, ())),
        artifacts=tuple(Artifact(name=kept.name, digest=kept.digest, size_bytes=kept.size_bytes) for kept in artifacts),
        surroundings=msgspec.json.decode(row["surroundings"]),
    )


def recent(
    connection: Connection,
    *,
    system: str | None = None,
    kind: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> list[RunRecord]:
    """Runs, newest first.

    Args:
        cursor: id of the last run of the page before; ids sort by their start.
    """
    query = select(*_RUN).order_by(runs.c.id.desc()).limit(limit)
    if system is not None:
        query = query.where(runs.c.system == system)
    if kind is not None:
        query = query.where(runs.c.kind == kind)
    if cursor is not None:
        query = query.where(runs.c.id < cursor)
    return [_run(row) for row in connection.execute(query).mappings()]


def latest(connection: Connection, run_ids: list[str]) -> dict[str, list[Latest]]:
    """The newest point of every metric of some runs, by run: one query for a page of them."""
    found: dict[str, list[Latest]] = {}
    query = select(run_series).where(run_series.c.run_id.in_(run_ids)).order_by(run_series.c.key)
    for row in connection.execute(query):
        found.setdefault(row.run_id, []).append(
            Latest(key=row.key, points=row.points, step=row.step, logged_at=row.logged_at, value=_value(row.value))
        )
    return found


def series(connection: Connection, run_id: str, key: str) -> Series:
    """One curve in the order it was logged.

    Raises: NotFound naming the metrics there are.
    """
    found = connection.execute(
        select(run_series.c.id).where(run_series.c.run_id == run_id, run_series.c.key == key)
    ).scalar()
    if found is None:
        known = ", ".join(one.key for one in latest(connection, [run_id]).get(run_id, [])) or "none"
        raise NotFound(f"Run {run_id} has no metric {key!r}. It has: {known}.")
    points = connection.execute(
        select(run_points.c.step, run_points.c.logged_at, run_points.c.value)
        .where(run_points.c.series == found)
        .order_by(run_points.c.number)
    ).all()
    return Series(
        key=key,
        steps=[point.step for point in points],
        logged_at=[point.logged_at for point in points],
        values=[_value(point.value) for point in points],
    )


def _run(row: RowMapping) -> RunRecord:
    return RunRecord(**{name: row[name] for name in RunRecord.__struct_fields__})


def _value(stored: float | None) -> float:
    return math.nan if stored is None else stored
