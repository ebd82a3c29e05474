"""What people and clients change of a run besides what it says itself: its name, its status, whether it is thrown away.

In the caller's transaction.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, select, update

from homeostat.core.clock import Micros
from homeostat.core.ids import RunId
from homeostat.store import ledger
from homeostat.store.db.schema.track import runs
from homeostat.track.facts import RunFinished
from homeostat.track.records import RunRecord, RunStatus

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


def texts(connection: Connection, run_id: RunId | str, table: Table, keys: Sequence[str]) -> dict[str, str]:
    """Values of some params or tags of a run, as they are stored.

    Args:
        table: `run_params` or `run_tags`.
    """
    query = select(table.c.key, table.c.value).where(table.c.run_id == run_id, table.c.key.in_(list(keys)))
    return {row.key: row.value for row in connection.execute(query)}
