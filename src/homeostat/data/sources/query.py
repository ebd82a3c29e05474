"""The rows of an SQL query, through SQLAlchemy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, Row, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from homeostat.codec.tables import Table
from homeostat.core.errors import BadData, NotFound, Unavailable, UserError
from homeostat.data.sources.address import conceal, expand
from homeostat.data.sources.ports import Fetched
from homeostat.data.sources.records import Origin, State

_BATCH_ROWS = 50_000


class Query:
    """What a query answers, in the order in which the database answers: say ORDER BY, or equal rows may seem to differ."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def fetch(self, known: State) -> Fetched:
        """See `Source.fetch`. Cost: runs the query; a batch is held as Python values, all rows as Arrow columns."""
        table = Table.of(self._answer())
        state: State = {"rows": table.digest}
        if state == known:
            return Fetched(state, None)
        return Fetched(state, table.arrow().to_reader())

    def _answer(self) -> pa.Table:
        engine = create_engine(_url(self._origin.uri))
        try:
            with engine.connect() as connection:
                options = {"stream_results": True, "max_row_buffer": _BATCH_ROWS}
                answer = connection.execution_options(**options).exec_driver_sql(self._origin.sql)
                if not answer.returns_rows:
                    raise BadData(f"{self._origin.sql!r} answers no rows, and what it did is undone. Give a SELECT.")
                names = list(answer.keys())
                twins = sorted({name for name in names if names.count(name) > 1})
                if twins:
                    raise BadData(f"{self._origin.sql!r} names columns twice: {', '.join(twins)}. Rename them with AS.")
                parts = [_columns(names, rows) for rows in answer.partitions(_BATCH_ROWS)]
            # The transaction was never committed: a query changes nothing.
        except SQLAlchemyError as error:
            said = conceal(str(getattr(error, "orig", None) or error), self._origin.uri)
            if getattr(error, "connection_invalidated", False):
                raise Unavailable(f"{self._origin.uri} broke off: {said}. Try again.") from error
            raise BadData(f"{self._origin.uri} cannot answer {self._origin.sql!r}: {said}.") from error
        finally:
            engine.dispose()
        if not parts:
            return pa.table({name: pa.array([], pa.string()) for name in names})
        try:
            return _settled(pa.concat_tables(parts, promote_options="permissive"))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise BadData(
                f"{self._origin.sql!r} has a column of several types: {error}. Convert it with CAST."
            ) from error


def _url(uri: str) -> URL:
    try:
        url = make_url(expand(uri))
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise UserError(
            f"{uri} is no database URL that SQLAlchemy knows: {conceal(str(error), uri)}. Write DIALECT://USER@HOST/DATABASE."
        ) from error
    if (
        url.get_backend_name() == "sqlite"
        and url.database
        and not url.database.startswith("file:")
        and not Path(url.database).is_file()
    ):
        raise NotFound(f"There is no database {url.database} (of {uri}). Check the path.")  # SQLite would make one
    return url


def _columns(names: Sequence[str], rows: Sequence[Row[Any]]) -> pa.Table:
    arrays = []
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        try:
            arrays.append(pa.array(values))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise BadData(f"Column {name!r} of the query cannot be held: {error}. Convert it with CAST.") from error
    return pa.Table.from_arrays(arrays, names=list(names))


def _settled(table: pa.Table) -> pa.Table:
    """A column without any value has no type of its own: it is text, as in a CSV file."""
    for index, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.string()))
    return table
