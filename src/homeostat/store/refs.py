"""Refs: names that move over digests, with their history kept.

A ref is `kind/name` or `kind/name/label`: `dataset/flights`, `tag/flights/2013-q1`, `alias/late-flights/champion`.
"""

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.store.db.schema.store import ref_history, refs


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One stop of a ref's way."""

    digest: Digest
    moved_at: Micros
    actor: str


def get(connection: Connection, name: str) -> Digest | None:
    found = connection.execute(select(refs.c.digest).where(refs.c.name == name)).scalar()
    return None if found is None else Digest(found)


def under(connection: Connection, prefix: str) -> dict[str, Digest]:
    """Every ref whose name begins with `prefix`, by name."""
    query = select(refs.c.name, refs.c.digest).where(refs.c.name.startswith(prefix, autoescape=True))
    # LIKE takes no notice of case on SQLite.
    return {
        row.name: Digest(row.digest)
        for row in connection.execute(query.order_by(refs.c.name))
        if row.name.startswith(prefix)
    }


def move(connection: Connection, name: str, to: Digest, at: Micros, actor: str = "local") -> None:
    """Point `name` at `to` and keep where it pointed, in the caller's transaction."""
    moved = connection.execute(update(refs).where(refs.c.name == name).values(digest=to, moved_at=at)).rowcount
    if not moved:
        connection.execute(insert(refs).values(name=name, digest=to, moved_at=at))
    connection.execute(insert(ref_history).values(name=name, digest=to, moved_at=at, actor=actor))


def drop(connection: Connection, name: str) -> None:
    """Take a ref away, in the caller's transaction; its history stays."""
    connection.execute(delete(refs).where(refs.c.name == name))


def history(connection: Connection, name: str) -> list[Move]:
    """Where the ref has pointed, newest first."""
    query = select(ref_history).where(ref_history.c.name == name).order_by(ref_history.c.id.desc())
    return [Move(digest=row.digest, moved_at=row.moved_at, actor=row.actor) for row in connection.execute(query)]
