"""From spool to database, exactly once: the offset is committed in the transaction of the rows.

The spool lies here, or with a client that sends what is new of it; then its id stands for it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

import msgspec
from sqlalchemy import Connection, insert, select, update

from homeostat.core.clock import Micros
from homeostat.core.errors import BadData
from homeostat.core.ids import RunId
from homeostat.store.db import Database
from homeostat.store.db.schema.track import run_spools, runs
from homeostat.track import points, recording
from homeostat.track.blocks import Points
from homeostat.track.blocks import join as joined
from homeostat.track.records import (
    ArtifactKept,
    Curve,
    DatasetUsed,
    Event,
    Finished,
    Noted,
    ParamsSet,
    Resumed,
    Started,
    Surrounded,
    Tagged,
)
from homeostat.track.spool import Batch, Spool, run_of, whole_frames

BATCH_BYTES = 8 * 1024 * 1024  # of spool in one transaction: half a second of the write lock at most


def ship(database: Database, spool: Spool) -> None:
    """Bring all whole frames of `spool` that are not there yet into the database."""
    while _ship_batch(database, spool):
        pass


def bury(database: Database, spool: Spool, at: Micros, *, is_last: bool = True) -> bool:
    """Ship what a dead process left and mark its run as killed if it was running.

    Args:
        is_last: no other process writes to the run.

    Returns: whether it was.
    """
    ship(database, spool)
    return is_last and mark_killed(database, spool.run_id, at)


def mark_killed(database: Database, run_id: RunId, at: Micros) -> bool:
    """End a run whose last process died; whether it was running."""
    with database.write() as connection:
        status = connection.execute(select(runs.c.status).where(runs.c.id == run_id)).scalar()
        if status != "running":
            return False
        recording.finish(connection, run_id, at, "killed", "Its process ended without finishing it.")
        return True


def _shipped(connection: Connection, spool_id: str) -> int:
    """How many bytes of a spool are in the database."""
    return connection.execute(select(run_spools.c.shipped).where(run_spools.c.id == spool_id)).scalar() or 0


def receive(database: Database, spool_id: str, offset: int, raw: bytes) -> int:
    """Take frames of a spool that lies elsewhere, once, however often they are sent.

    Args:
        offset: of the first byte of `raw` in the spool.

    Returns: how many bytes of the spool are in now. If that is neither `offset` nor behind it, nothing was taken: send from there on.
    Raises: BadData if `raw` does not begin with a whole frame, or speaks of another run.
    """
    run_id = run_of(Path(spool_id))
    try:
        batch = whole_frames(raw)
    except msgspec.MsgspecError as error:
        raise BadData(f"Spool {spool_id} holds at {offset} what this version does not know: {error}.") from error
    if not batch.events or not all(_is_sound(event, run_id) for event in batch.events):
        raise BadData(
            f"What was sent of spool {spool_id} at {offset} is no whole frame of run {run_id}. Send it again."
        )
    with database.write() as connection:
        before = _shipped(connection, spool_id)
        if before == offset:
            _take(connection, spool_id, run_id, Batch(batch.events, offset + batch.end))
        return _shipped(connection, spool_id)


def _is_sound(event: Event, run_id: RunId) -> bool:
    match event:
        case Started():
            return event.id == run_id
        case Curve():
            return len(event.steps) == len(event.at) == len(event.values) and len(event.steps) % 8 == 0
        case _:
            return True


def _ship_batch(database: Database, spool: Spool) -> bool:
    with database.read() as connection:
        # Most looks find nothing new: they should not wait for the write lock.
        if not _unshipped(connection, spool).events:
            return False
    with database.write() as connection:
        batch = _unshipped(connection, spool)
        _take(connection, spool.id, spool.run_id, batch)
        return True


def _unshipped(connection: Connection, spool: Spool) -> Batch:
    return spool.read(_shipped(connection, spool.id), BATCH_BYTES)


def _take(connection: Connection, spool_id: str, run_id: RunId, batch: Batch) -> None:
    _apply(connection, run_id, batch.events)
    here = update(run_spools).where(run_spools.c.id == spool_id).values(shipped=batch.end)
    if not connection.execute(here).rowcount:
        connection.execute(insert(run_spools).values(id=spool_id, run_id=run_id, shipped=batch.end))


def _apply(connection: Connection, run_id: RunId, events: Iterable[Event]) -> None:
    curves: dict[str, list[Points]] = {}
    for event in events:
        if isinstance(event, Curve):
            # Curves of a batch are joined: one block each, whatever else was said in between.
            curves.setdefault(event.key, []).append(Points.of(event.steps, event.at, event.values))
        else:
            _apply_word(connection, run_id, event)
    for key, parts in curves.items():
        points.add(connection, run_id, key, joined(parts))


def _apply_word(
    connection: Connection,
    run_id: RunId,
    event: Started | Resumed | Surrounded | ParamsSet | Tagged | Noted | ArtifactKept | DatasetUsed | Finished,
) -> None:
    match event:
        case Started():
            recording.start(connection, event)
        case Resumed():
            values = {"status": "running", "finished_at": None, "error": ""}
            connection.execute(update(runs).where(runs.c.id == run_id).values(**values))
        case Surrounded():
            recording.surround(connection, run_id, event.at, event.surroundings)
        case ParamsSet():
            recording.put_params(connection, run_id, event.params)
        case Tagged():
            recording.put_tags(connection, run_id, {event.key: event.value})
        case Noted():
            connection.execute(update(runs).where(runs.c.id == run_id).values(note=event.text))
        case ArtifactKept():
            recording.keep_artifact(connection, run_id, event)
        case DatasetUsed():
            recording.use_dataset(connection, run_id, event.at, event)
        case Finished():
            recording.finish(connection, run_id, event.at, event.status, event.error)
            dropped = runs.c.dropped + event.dropped
            connection.execute(update(runs).where(runs.c.id == run_id).values(dropped=dropped))
        case _:
            assert_never(event)
