"""What was brought over before: by it a later import goes on where another was stopped, and takes only what is new.

Each verb takes part in the caller's transaction.
"""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, insert, select, update

from homeostat.core.digests import canonical_json, digest_bytes
from homeostat.store.db.schema.importing import imports

_LENGTH = 32  # of 64: what is no whole digest speaks of no object


class Known(NamedTuple):
    """`here`: its id here. `told`: as `remember` was given it."""

    here: str
    told: str


def known(connection: Connection, source: str, kind: str, id_: str) -> Known | None:
    query = select(imports.c.here, imports.c.told).where(*_is(source, kind, id_))
    found = connection.execute(query).first()
    return None if found is None else Known(found.here, found.told)


def origin(connection: Connection, source: str, kind: str, here: str) -> str | None:
    """What in the source became `here`; None if nothing did."""
    query = select(imports.c.id).where(imports.c.source == source, imports.c.kind == kind, imports.c.here == here)
    return connection.execute(query).scalar()


def remember(connection: Connection, source: str, kind: str, id_: str, here: str, told: str = "") -> None:
    """Note what something there is here.

    Args: told: of a run or model, what the source told when all of it was here (`told_of`), empty until then. Of an experiment,
        whether it was `made` for it, or it `joined` one that was here.
    """
    values = {"here": here, "told": told}
    if not connection.execute(update(imports).where(*_is(source, kind, id_)).values(**values)).rowcount:
        connection.execute(insert(imports).values(source=source, kind=kind, id=id_, **values))


def told_of(record: object) -> str:
    """A name for all that a source told of something."""
    return digest_bytes(canonical_json(record))[:_LENGTH]


def _is(source: str, kind: str, id_: str) -> tuple[ColumnElement[bool], ...]:
    return imports.c.source == source, imports.c.kind == kind, imports.c.id == id_
