"""What people and clients change of a run besides what it says itself: name, status, tags, whether it is thrown away.

In the caller's transaction.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from homeostat.core.clock import Micros
from homeostat.core.ids import RunId
from homeostat.store import ledger
from homeostat.store.db.schema.track import run_tags, runs
from homeostat.track import queries
from homeostat.track.facts import RunFinished, RunNamed, RunNoted, RunsTagged
from homeostat.track.records import NAME, NOTE, RunRecord, RunStatus
from homeostat.track.run import word

_ROWS = 500  # ids in one statement
_ENDED = ("finished", "failed", "killed")


def amend(
    connection: Connection,
    run: RunRecord,
    at: Micros,
    *,
    name: str | None = None,
    status: RunStatus | None = None,
    finished_at: int | None = None,
) -> None:
    """Change what is given. A status that ends a run for the first time is told to the ledger."""
    changed: dict[str, Any] = {}
    if name is not None:
        changed["name"] = name
    if status is not None:
        changed["status"] = status
    if finished_at is not None:
        changed["finished_at"] = finished_at
    if changed:
        connection.execute(update(runs).where(runs.c.id == run.id).values(**changed))
    if status in _ENDED and run.status not in _ENDED:
        fact = RunFinished(system=run.system, run_id=run.id, name=name or run.name, status=str(status))
        ledger.append(connection, at, fact)


def throw_away(connection: Connection, run_id: RunId | str, at: Micros) -> None:
    """Delete softly."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(deleted_at=at))


def restore(connection: Connection, run_id: RunId | str) -> None:
    connection.execute(update(runs).where(runs.c.id == run_id).values(deleted_at=None))


def tag(connection: Connection, run_ids: Sequence[str], key: str, value: str, at: Micros) -> None:
    """Give runs a tag, in place of the value that one has, and tell the ledger.

    Raises: UserError if `key` cannot be one. NotFound naming the first run that is not there; nothing is changed then.
    """
    word("tag", key)
    queries.all_there(connection, run_ids)
    _clear(connection, run_ids, key)
    connection.execute(insert(run_tags), [{"run_id": run_id, "key": key, "value": value} for run_id in set(run_ids)])
    ledger.append(connection, at, RunsTagged(run_ids=tuple(run_ids), key=key, value=value))


def untag(connection: Connection, run_ids: Sequence[str], key: str, at: Micros) -> None:
    """Take a tag from the runs that have it, and tell the ledger.

    Raises: UserError if `key` cannot be one. NotFound as `tag`.
    """
    word("tag", key)
    queries.all_there(connection, run_ids)
    if had := _clear(connection, run_ids, key):
        ledger.append(connection, at, RunsTagged(run_ids=tuple(had), key=key, value=None))


def note(connection: Connection, run_id: str, text: str, at: Micros) -> None:
    """Write the note of a run in place of the one it has, also where clients of MLflow keep it, and tell the ledger.

    Raises: NotFound if there is no such run.
    """
    queries.all_there(connection, [run_id])
    connection.execute(update(runs).where(runs.c.id == run_id).values(note=text))
    if _clear(connection, [run_id], NOTE) and text:
        connection.execute(insert(run_tags).values(run_id=run_id, key=NOTE, value=text))
    ledger.append(connection, at, RunNoted(run_id=run_id, text=text))


def rename(connection: Connection, run_id: str, name: str, at: Micros) -> None:
    """Give a run another name, also where clients of MLflow keep it, and tell the ledger.

    Raises: UserError if it cannot be one. NotFound if there is no such run.
    """
    word("run", name)
    queries.all_there(connection, [run_id])
    before = connection.execute(select(runs.c.name).where(runs.c.id == run_id)).scalar_one()
    connection.execute(update(runs).where(runs.c.id == run_id).values(name=name))
    if _clear(connection, [run_id], NAME):
        connection.execute(insert(run_tags).values(run_id=run_id, key=NAME, value=name))
    ledger.append(connection, at, RunNamed(run_id=run_id, name=name, before=before))


def texts(connection: Connection, run_id: RunId | str, table: Table, keys: Sequence[str]) -> dict[str, str]:
    """Values of some params or tags of a run, as they are stored.

    Args:
        table: `run_params` or `run_tags`.
    """
    query = select(table.c.key, table.c.value).where(table.c.run_id == run_id, table.c.key.in_(list(keys)))
    return {row.key: row.value for row in connection.execute(query)}


def _clear(connection: Connection, run_ids: Sequence[str], key: str) -> list[str]:
    """Returns: the runs that had the tag."""
    had: list[str] = []
    for first in range(0, len(run_ids), _ROWS):
        where = run_tags.c.run_id.in_(run_ids[first : first + _ROWS]) & (run_tags.c.key == key)
        had += connection.execute(select(run_tags.c.run_id).where(where).order_by(run_tags.c.run_id)).scalars()
        connection.execute(delete(run_tags).where(where))
    return had
