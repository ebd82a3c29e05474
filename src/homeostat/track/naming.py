"""Runs by what people type: an id, its beginning or end, a name, or `latest`. Reads in the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, or_, select

from homeostat.core.errors import NotFound, UserError
from homeostat.core.ids import RunId
from homeostat.store.db.schema.track import runs

LATEST = "latest"
_LEAST = 4  # characters of a part of an id
_TOLD = 5


def resolve(connection: Connection, text: str) -> RunId:
    """The run that a text names, deleted ones included.

    Args:
        text: an id; the name of one run; four or more characters of the beginning or end of an id; `latest` for the newest
            that is not deleted, if no run has that name.
    Raises: NotFound if it names none. UserError naming those it could mean.
    """
    exact = _found(connection, runs.c.id == text)
    if exact:
        return exact[0][0]
    if named := _found(connection, runs.c.name == text):
        return _only(text, named)
    if len(text) >= _LEAST:
        part = or_(runs.c.id.startswith(text, autoescape=True), runs.c.id.endswith(text, autoescape=True))
        if found := _found(connection, part):
            return _only(text, found)
    if text == LATEST and (newest := _found(connection, runs.c.deleted_at.is_(None))):
        return newest[0][0]
    raise NotFound(f"There is no run {text!r}. List those there are: homeostat runs list")


def _found(connection: Connection, where: ColumnElement[bool]) -> list[tuple[RunId, str]]:
    """Id and name, newest first."""
    query = select(runs.c.id, runs.c.name).where(where).order_by(runs.c.started_at.desc(), runs.c.id.desc())
    return [(RunId(row.id), row.name) for row in connection.execute(query.limit(_TOLD + 1))]


def _only(text: str, found: Sequence[tuple[RunId, str]]) -> RunId:
    if len(found) == 1:
        return found[0][0]
    more = " and others" if len(found) > _TOLD else ""
    told = ", ".join(f"{run_id} ({name})" for run_id, name in found[:_TOLD])
    raise UserError(f"{text!r} could be {told}{more}. Name one by its id, or by the end of it.")
