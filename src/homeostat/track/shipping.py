"""From spool to database, exactly once: the offset is committed in the transaction of the rows."""

import math
from collections.abc import Iterable
from typing import Any, assert_never

from sqlalchemy import Connection, Table, insert, select, update

from homeostat.core.clock import Micros
from homeostat.core.digests import canonical_json
from homeostat.core.ids import RunId
from homeostat.store import ledger, lineage
from homeostat.store.db import Database
from homeostat.store.db.schema.track import run_artifacts, run_params, run_points, run_series, run_tags, runs
from homeostat.store.lineage import Edge, node
from homeostat.track.facts import RunFinished, RunStarted
from homeostat.track.records import ArtifactKept, Event, Finished, Noted, ParamsSet, Points, Started, Tagged
from homeostat.track.spool import Batch, Spool

_BATCH_BYTES = 4 * 1024 * 1024  # of spool in one transaction: a second of the write lock at most


def ship(database: Database, spool: Spool) -> None:
    """Bring all whole frames of `spool` that are not there yet into the database."""
    while _ship_batch(database, spool):
        pass


def bury(database: Database, spool: Spool, at: Micros) -> bool:
    """Ship what a dead process left and mark its run as killed if it was running.

    Returns: whether it was.
    """
    ship(database, spool)
    with database.write() as connection:
        status = connection.execute(select(runs.c.status).where(runs.c.id == spool.run_id)).scalar()
        if status != "running":
            return False
        finished = Finished(at=at, status="killed", error="Its process ended without finishing it.", dropped=0)
        _apply(connection, spool.run_id, [finished])
        return True


def _ship_batch(database: Database, spool: Spool) -> bool:
    with database.read() as connection:
        # Most looks find nothing new: they should not wait for the write lock.
        if not _unshipped(connection, spool).events:
            return False
    with database.write() as connection:
        batch = _unshipped(connection, spool)
        _apply(connection, spool.run_id, batch.events)
        connection.execute(update(runs).where(runs.c.id == spool.run_id).values(spooled=batch.end))
        return True


def _unshipped(connection: Connection, spool: Spool) -> Batch:
    offset = connection.execute(select(runs.c.spooled).where(runs.c.id == spool.run_id)).scalar()
    return spool.read(offset or 0, _BATCH_BYTES)


def _apply(connection: Connection, run_id: RunId, events: Iterable[Event]) -> None:
    for event in events:
        match event:
            case Started():
                _start(connection, event)
            case Points():
                _points(connection, run_id, event)
            case ParamsSet():
                for key, value in event.params.items():
                    _put(connection, run_params, run_id, {"key": key}, {"value": value})
            case Tagged():
                _put(connection, run_tags, run_id, {"key": event.key}, {"value": event.value})
            case Noted():
                connection.execute(update(runs).where(runs.c.id == run_id).values(note=event.text))
            case ArtifactKept():
                kept = {"digest": event.digest, "size_bytes": event.size_bytes}
                _put(connection, run_artifacts, run_id, {"name": event.name}, kept)
            case Finished():
                _finish(connection, run_id, event)
            case _:
                assert_never(event)


def _start(connection: Connection, event: Started) -> None:
    code, environment = (str(event.surroundings.get(name, "")) for name in ("code", "environment"))
    connection.execute(
        insert(runs).values(
            id=event.id,
            name=event.name,
            kind=event.kind,
            status="running",
            system=event.system,
            parent=event.parent,
            started_at=event.at,
            code=code,
            environment=environment,
            surroundings=canonical_json(event.surroundings).decode(),
            error="",
            note="",
            dropped=0,
            spooled=0,
        )
    )
    origins = {"code": code, "environment": environment}
    run = node("run", event.id)
    lineage.record(connection, event.at, [Edge(run, node(kind, key), kind) for kind, key in origins.items() if key])
    ledger.append(connection, event.at, RunStarted(system=event.system, run_id=event.id, name=event.name))


def _finish(connection: Connection, run_id: RunId, event: Finished) -> None:
    run = connection.execute(select(runs.c.name, runs.c.system).where(runs.c.id == run_id)).one()
    connection.execute(
        update(runs)
        .where(runs.c.id == run_id)
        .values(status=event.status, finished_at=event.at, error=event.error, dropped=event.dropped)
    )
    ledger.append(
        connection,
        event.at,
        RunFinished(system=run.system, run_id=run_id, name=run.name, status=event.status, error=event.error),
    )


def _points(connection: Connection, run_id: RunId, event: Points) -> None:
    by_key: dict[str, list[tuple[int, int, float]]] = {}
    for key, step, at, value in event.points:
        by_key.setdefault(key, []).append((step, at, value))
    rows: list[dict[str, Any]] = []
    for key, points in by_key.items():
        step, at, value = points[-1]
        latest = {"step": step, "logged_at": at, "value": _stored(value)}
        series, before = _series(connection, run_id, key, latest, len(points))
        rows += [
            {"series": series, "number": before + index, "step": step, "logged_at": at, "value": _stored(value)}
            for index, (step, at, value) in enumerate(points)
        ]
    connection.execute(insert(run_points), rows)


def _series(connection: Connection, run_id: RunId, key: str, latest: dict[str, Any], added: int) -> tuple[int, int]:
    """Count `added` points on a series, making it if needed; its id and how many points it held before."""
    found = connection.execute(
        select(run_series.c.id, run_series.c.points).where(run_series.c.run_id == run_id, run_series.c.key == key)
    ).first()
    if found is None:
        made = connection.execute(insert(run_series).values(run_id=run_id, key=key, points=added, **latest))
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0]), 0
    connection.execute(
        update(run_series).where(run_series.c.id == found.id).values(points=found.points + added, **latest)
    )
    return found.id, found.points


def _put(connection: Connection, table: Table, run_id: RunId, key: dict[str, str], values: dict[str, Any]) -> None:
    """Insert, or overwrite what stands under the same key."""
    (name, word) = next(iter(key.items()))
    known = connection.execute(
        update(table).where(table.c.run_id == run_id, table.c[name] == word).values(**values)
    ).rowcount
    if not known:
        connection.execute(insert(table).values(run_id=run_id, **key, **values))


def _stored(value: float) -> float | None:
    """SQLite keeps no NaN, so NaN is null everywhere; infinities stay."""
    return None if math.isnan(value) else value
