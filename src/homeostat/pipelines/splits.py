"""Splitting rows in time: a model is judged on rows newer than all it has learned from."""

import polars as pl

from homeostat.codec.tables import Table
from homeostat.core.clock import iso
from homeostat.core.durations import duration_us
from homeostat.core.errors import EmptyWindow, MissingColumn, WrongType
from homeostat.pipelines.steps import step


@step
def split_by_time(rows: Table, on: str, last: str) -> tuple[Table, Table]:
    """Split rows into the past and the newest.

    Args:
        rows: with a timestamp column.
        on: that column.
        last: length of the newest part, as `7d`, counted back from the newest row.

    Returns: rows at or before (newest − last), rows after it; both in their order. Rows without a time are left out.
    Raises: MissingColumn. WrongType if the column holds no timestamps. EmptyWindow if either part would be empty.
        InvalidDuration.
    """
    if on not in rows.columns:
        raise MissingColumn(f"No column {on!r} to split by. There are: {', '.join(rows.columns)}.")
    frame = rows.polars()
    if not isinstance(frame.schema[on], pl.Datetime):
        raise WrongType(f"Column {on!r} holds {frame.schema[on]}; a split in time needs timestamps.")
    times = frame[on].dt.epoch("us")
    newest = times.max()
    if not isinstance(newest, int):
        raise EmptyWindow(f"No row has a time in column {on!r}, so there is nothing to split.")
    is_newest = times > newest - duration_us(last)
    past = frame.filter(~is_newest)
    if past.height == 0:
        raise EmptyWindow(
            f"All {frame.height} rows lie within {last} of {iso(newest)}, the newest in {on!r}: none is left to learn from. "
            f"Give more rows or a shorter holdout."
        )
    return Table.of(past), Table.of(frame.filter(is_newest))
