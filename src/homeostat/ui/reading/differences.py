"""Two versions of a dataset, row by row or file by file, as far as a page can show it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from homeostat.codec.tables import Table
from homeostat.core.errors import NotFound, UserError
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Version
from homeostat.data.diffs.outline import outline
from homeostat.data.diffs.records import Diff
from homeostat.data.versions import Versions
from homeostat.ui import formats
from homeostat.ui.contexts import Cell, DifferencePage, Pair, SampleRow
from homeostat.ui.reading.here import Here
from homeostat.ui.reading.versions import file_rows, files_sentence

_ROWS = 10  # of a kind
_COLUMNS = 24
_CHARACTERS = 60  # of a value
_FILES = 300
_COMPARED = 4_000_000  # rows of both versions: some seconds


def page(connection: Connection, here: Here, name: str, *, before: int, after: int, key: str) -> DifferencePage:
    """What differs between two versions.

    Raises: NotFound if there is no such version. UserError if it is too much for a page, with the command that can.
        MissingColumn, WrongType or BadData if the key does not name rows.
    """
    old, new = (_version(connection, name, number) for number in (before, after))
    if old.is_files or new.is_files:
        return _of_files(here, old, new)
    versions = Versions(here.objects)
    rows = outline(versions.manifest(old), versions.manifest(new)).rows
    if rows > _COMPARED:
        raise UserError(
            f"{formats.count(rows)} rows of {old.name} and {new.name} would have to be compared: too many for a page. Let "
            f"the command line do it: homeostat data diff {name} {before} {after} --to rows.parquet"
        )
    names = tuple(part.strip() for part in key.split(",") if part.strip())
    found = here.datasets.diff(old, new, key=names)
    columns = list(found.patch.names)
    return DifferencePage(
        **here.frame,
        sentence=_sentence(found),
        dataset=name,
        before=before,
        after=after,
        key=", ".join(names),
        known=tuple(column.name for column in new.columns),
        schema=tuple(
            Pair(name=one.name, value=f"{one.before or 'absent'} → {one.after or 'absent'}") for one in found.columns
        ),
        columns=tuple(columns[:_COLUMNS]),
        more_columns=max(0, len(columns) - _COLUMNS),
        rows=tuple(_sample(found, columns[:_COLUMNS])),
    )


def _of_files(here: Here, old: Version, new: Version) -> DifferencePage:
    if not (old.is_files and new.is_files):
        raise UserError(f"{old.name} and {new.name} cannot be compared: one holds files, the other a table.")
    found = here.datasets.diff_files(old, new)
    rows = file_rows(found)
    return DifferencePage(
        **here.frame,
        sentence=f"{old.name} to {new.name}: {files_sentence(found)}",
        dataset=old.dataset,
        before=old.number,
        after=new.number,
        key="",
        known=(),
        schema=(),
        files=tuple(rows[:_FILES]),
        more_files=max(0, len(rows) - _FILES),
    )


def _version(connection: Connection, name: str, number: int) -> Version:
    found = queries.by_number(connection, name, number)
    if found is None:
        raise NotFound(f"There is no version {name}@{number}.")
    return found


def _sentence(found: Diff) -> str:
    where = f"{found.dataset} {found.before} to {found.after}"
    if found.is_empty:
        return f"{where}: the same table."
    how = "by key" if found.key else "without a key, so that no row counts as changed"
    return (
        f"{where}: {formats.plural(found.added.rows, 'row')} added, {found.removed.rows:,} removed, "
        f"{found.changed.rows:,} changed ({how})."
    )


def _sample(found: Diff, columns: Sequence[str]) -> Iterator[SampleRow]:
    """The first rows of each kind; of a changed row both sides, one below the other."""
    for was, now in zip(_first(found.changed_from), _first(found.changed), strict=True):
        yield _row("before", was, now, columns)
        yield _row("after", now, was, columns)
    for op, rows in (("added", found.added), ("removed", found.removed)):
        yield from (_row(op, row, row, columns) for row in _first(rows))


def _first(rows: Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows.arrow().slice(0, _ROWS).to_pylist()
    return found


def _row(op: str, row: Mapping[str, Any], other: Mapping[str, Any], columns: Sequence[str]) -> SampleRow:
    cells = ((_text(row.get(name)), _text(other.get(name))) for name in columns)
    return SampleRow(op=op, cells=tuple(Cell(text=text, differs=text != beside) for text, beside in cells))


def _text(value: object) -> str:
    text = formats.MISSING if value is None else str(value)
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"
