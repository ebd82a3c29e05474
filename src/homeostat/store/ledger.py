"""The ledger: every fact, in order, in the transaction of the rows it speaks of. Also the audit log.

Consumers keep a durable cursor and see each fact at least once.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, insert, select

from homeostat.core.clock import Micros
from homeostat.core.facts import Fact
from homeostat.core.ids import FactId
from homeostat.store.db.schema.store import cursors, ledger

_APPEND = insert(ledger)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as it stands in the ledger; `body` is its JSON."""

    id: FactId
    at: Micros
    kind: str
    system: str
    actor: str
    body: str


def append(connection: Connection, at: Micros, *facts: Fact) -> None:
    """Write `facts` in the caller's transaction."""
    if facts:
        connection.execute(
            _APPEND,
            [
                {
                    "at": at,
                    "kind": fact.kind,
                    "system": fact.system,
                    "actor": fact.actor,
                    "body": msgspec.json.encode(fact).decode(),
                }
                for fact in facts
            ],
        )


def entries(
    connection: Connection,
    *,
    after: int = 0,
    system: str | None = None,
    kinds: Sequence[str] = (),
    limit: int = 1000,
    newest_first: bool = False,
) -> list[Entry]:
    """Facts after an id, oldest first unless asked otherwise."""
    query = select(ledger).where(ledger.c.id > after).limit(limit)
    if system is not None:
        query = query.where(ledger.c.system == system)
    if kinds:
        query = query.where(ledger.c.kind.in_(kinds))
    query = query.order_by(ledger.c.id.desc() if newest_first else ledger.c.id)
    return [Entry(**row) for row in connection.execute(query).mappings()]


def position(connection: Connection, cursor: str) -> int:
    """The id up to which `cursor` has consumed; 0 at first."""
    found = connection.execute(select(cursors.c.position).where(cursors.c.name == cursor)).scalar()
    return 0 if found is None else int(found)


def advance(connection: Connection, cursor: str, to: int) -> None:
    """Move `cursor` in the caller's transaction, together with what was made of the facts."""
    changed = connection.execute(cursors.update().where(cursors.c.name == cursor).values(position=to)).rowcount
    if not changed:
        connection.execute(insert(cursors).values(name=cursor, position=to))
