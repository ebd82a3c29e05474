"""Which rows fit a dataset, and which segments a window needs. Pure."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from homeostat.codec.table_types import type_named
from homeostat.codec.tables import Table
from homeostat.core.clock import Micros
from homeostat.core.errors import BadData, MissingColumn, WrongType
from homeostat.data.catalog.records import Column, Version
from homeostat.data.records import Bounds, Segment

_types = pa.types


def widened(rows: Table, types: Mapping[str, str]) -> Table:
    """`rows` with columns cast to the types wanted where no value can be lost; the others stay as they are.

    One day of a feed may hold only whole numbers, or no value at all, where the others hold decimals.
    """
    arrow = rows.arrow()
    for index, field in enumerate(arrow.schema):
        target = type_named(types.get(field.name, ""))
        if target is not None and target != field.type and _is_wider(field.type, target):
            try:
                arrow = arrow.set_column(index, pa.field(field.name, target), arrow.column(index).cast(target))
            except pa.ArrowInvalid:
                continue  # a value would be lost: `fitted` names the column
    return rows if arrow is rows.arrow() else Table(arrow, origin=rows.origin)


def fitted(dataset: str, rows: Table, columns: Sequence[Column]) -> Table:
    """`rows` with exactly these columns, in their order and types.

    Raises: MissingColumn, WrongType or BadData naming the columns and what to do.
    """
    types = {column.name: column.type for column in columns}
    rows = widened(rows, types)
    missing = [name for name in types if name not in rows.types]
    if missing:
        raise MissingColumn(
            f"Rows for {dataset!r} lack {_spoken(missing, types)}. Add the column (nulls are allowed), or replace the "
            f"dataset to change its columns."
        )
    wrong = [
        f"{name!r} is {found}, needs {types[name]}"
        for name, found in rows.types.items()
        if types.get(name, found) != found
    ]
    if wrong:
        raise WrongType(
            f"Rows for {dataset!r} have other types than its versions: {'; '.join(wrong)}. Cast them, or replace the "
            f"dataset to change its types."
        )
    extra = [name for name in rows.columns if name not in types]
    if extra:
        raise BadData(
            f"Rows for {dataset!r} have columns that its versions lack: {_spoken(extra, rows.types)}. Drop them, or "
            f"replace the dataset to add them."
        )
    return rows if rows.columns == tuple(types) else Table(rows.arrow().select(list(types)), origin=rows.origin)


def check_tabular(head: Version) -> None:
    """Raises: WrongType if the dataset holds files."""
    if head.is_files:
        raise WrongType(
            f"{head.dataset!r} holds files, not a table: choose another name, or add files: homeostat data add "
            f"{head.dataset} DIRECTORY"
        )


def bounds(rows: pa.Table) -> dict[str, Bounds]:
    """Bounds of each timestamp column that has a value."""
    found = {}
    for field, column in zip(rows.schema, rows.columns, strict=True):
        if _types.is_timestamp(field.type) and column.null_count < len(column):
            low, high = (pc.min_max(column)[side].cast(pa.int64()).as_py() for side in ("min", "max"))
            scale = 1000 if field.type.unit == "ns" else 1
            found[field.name] = Bounds(low=Micros(low // scale), high=Micros(high // scale))
    return found


def overlapping(segments: Sequence[Segment], on: str, since: int, until: int) -> list[Segment]:
    """Segments that may hold rows with since <= on < until."""
    return [
        segment
        for segment in segments
        if on in segment.bounds and segment.bounds[on].low < until and segment.bounds[on].high >= since
    ]


def between(rows: pa.Table, on: str, since: int, until: int) -> pa.Table:
    """Rows with since <= on < until, in their order; a null is in no window."""
    column = rows.column(on)
    low, high = (pa.scalar(at, pa.timestamp("us", column.type.tz)).cast(column.type) for at in (since, until))
    return rows.filter(pc.and_(pc.greater_equal(column, low), pc.less(column, high)))


def _is_wider(found: pa.DataType, target: pa.DataType) -> bool:
    if _types.is_null(found):
        return True
    if _types.is_integer(found):
        return bool(_types.is_integer(target) or _types.is_floating(target))
    if _types.is_floating(found):
        return bool(_types.is_floating(target) and target.bit_width > found.bit_width)
    return bool(_types.is_timestamp(found) and _types.is_timestamp(target) and found.tz == target.tz)


def _spoken(names: Sequence[str], types: Mapping[str, str]) -> str:
    return ", ".join(f"{name!r} ({types[name]})" for name in names)
