"""Lists of runs that people keep under a name, and the one that stands first. In the caller's transaction."""

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from homeostat.core.clock import Micros
from homeostat.core.errors import NotFound, UserError
from homeostat.store.db.schema.track import run_views

MOST_CHARACTERS = 128  # of a name
MOST_VIEWS = 100


class View(msgspec.Struct, frozen=True, kw_only=True):
    """`query`: what stands behind the `?` of the page's address."""

    name: str
    query: str
    is_default: bool
    updated_at: Micros


def every(connection: Connection) -> list[View]:
    """All of them by name."""
    return [View(**row) for row in connection.execute(select(run_views).order_by(run_views.c.name)).mappings()]


def default(connection: Connection) -> View | None:
    """The view that stands first, if one was chosen."""
    row = connection.execute(select(run_views).where(run_views.c.is_default)).mappings().first()
    return None if row is None else View(**row)


def save(connection: Connection, name: str, query: str, at: Micros, *, is_default: bool = False) -> None:
    """Keep a view, in place of the one of that name.

    Raises: UserError for a name that cannot be one, or if there are too many.
    """
    name = name.strip()
    if not 0 < len(name) <= MOST_CHARACTERS:
        raise UserError(f"{name[:40]!r} cannot name a view: it has {len(name)} characters, 1 to {MOST_CHARACTERS} fit.")
    if is_default:
        connection.execute(update(run_views).values(is_default=False))
    values = {"query": query, "is_default": is_default, "updated_at": at}
    if connection.execute(update(run_views).where(run_views.c.name == name).values(**values)).rowcount:
        return
    if len(every(connection)) >= MOST_VIEWS:
        raise UserError(f"There are {MOST_VIEWS} views, and no more fit. Delete one that nobody needs.")
    connection.execute(insert(run_views).values(name=name, **values))


def remove(connection: Connection, name: str) -> None:
    """Raises: NotFound naming those there are."""
    if not connection.execute(delete(run_views).where(run_views.c.name == name)).rowcount:
        known = ", ".join(view.name for view in every(connection)) or "none"
        raise NotFound(f"There is no view {name!r}. There are: {known}.")
