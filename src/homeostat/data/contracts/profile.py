"""What the values of columns look like, small, and mergeable: the profile of rows together is the merge of their profiles.

A profile needs no reference, so each segment of a dataset is profiled once, for good, and any two profiles can be compared.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from homeostat.stats import distinct as sketches
from homeostat.stats.drift import Distance, distance
from homeostat.stats.dyadic import Dyadic, dyadic, laid_over, merge_dyadic
from homeostat.stats.histogram import Categories, Cells, Counts, category_cells

MOST_LEVELS = 1000  # a text column with more is an identifier, not a category: its values are not counted one by one
_SAMPLE = 1 << 16


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Between which numbers, or times in microseconds, the values of a column lie; None without a value."""

    nulls: int
    low: float | None
    high: float | None

    def is_apart(self, other: "Span") -> bool:
        """Whether no value, nor null, of one can be in the other."""
        if self.nulls and other.nulls:
            return False
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return True
        return self.low > other.high or self.high < other.low


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What the values of one column look like.

    Attributes:
        nulls: number of rows without a value.
        low, high: of numbers and times (microseconds); None without a value.
        histogram: of numbers and times.
        levels: how often each text is there, by text; None if it is no text, or of more than 1,000 levels.
        sketch: the smallest hashes of the values, for `distinct`.
        shortest, longest: characters of texts.
    """

    rows: int
    nulls: int
    low: float | None = None
    high: float | None = None
    histogram: Dyadic | None = None
    levels: dict[str, int] | None = None
    sketch: bytes = b""
    shortest: int | None = None
    longest: int | None = None

    @property
    def distinct(self) -> int:
        """Number of distinct values: exact below 1,024, else with a standard error of 3 %."""
        return sketches.distinct(np.frombuffer(self.sketch, dtype=np.uint64))


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What some rows look like, by column."""

    rows: int
    columns: dict[str, ColumnProfile]


class Overlay(NamedTuple):
    """Two profiles of a column over the same cells."""

    cells: Cells
    reference: Counts
    live: Counts

    def distance(self) -> Distance:
        return distance(self.cells, self.reference, self.live)


def profile(rows: pl.DataFrame, columns: Sequence[str] | None = None) -> Profile:
    """The profile of some columns, of all if None.

    Cost: O(rows × columns), about 50 ns a number.
    """
    names = rows.columns if columns is None else [name for name in columns if name in rows.columns]
    return Profile(rows=len(rows), columns={name: _column(rows[name]) for name in names})


def merge_profiles(parts: Iterable[Profile]) -> Profile:
    """The profile of all rows together, of the columns that any part has; empty of no parts."""
    parts = list(parts)
    names = dict.fromkeys(name for part in parts for name in part.columns)
    return Profile(
        rows=sum(part.rows for part in parts),
        columns={name: merge_columns([part.columns[name] for part in parts if name in part.columns]) for name in names},
    )


def overlay(reference: ColumnProfile, live: ColumnProfile) -> Overlay | None:
    """Both columns over cells of the reference; None if they hold nothing that can be laid over each other."""
    if reference.histogram is not None and live.histogram is not None:
        cells, before, after = laid_over(reference.histogram, live.histogram)
        before[-1], after[-1] = reference.nulls, live.nulls
        return Overlay(cells, before, after)
    if reference.levels and live.levels is not None:
        levels: Categories = category_cells(reference.levels, MOST_LEVELS)
        return Overlay(levels, levels.count(reference.levels, reference.nulls), levels.count(live.levels, live.nulls))
    return None


def span(values: pl.Series) -> Span:
    """The span of a column; of texts and the like it knows nulls only. Cost: some ns a value."""
    numbers = _numbers(values.drop_nulls())
    return Span(nulls=values.null_count(), low=_extreme(numbers, np.fmin), high=_extreme(numbers, np.fmax))


def merge_spans(parts: Sequence[Span]) -> Span:
    """The span of all values together."""
    return Span(
        nulls=sum(part.nulls for part in parts),
        low=min((part.low for part in parts if part.low is not None), default=None),
        high=max((part.high for part in parts if part.high is not None), default=None),
    )


def _column(values: pl.Series) -> ColumnProfile:
    known = values.drop_nulls()
    is_text = values.dtype == pl.String
    numbers = None if is_text else _numbers(known)
    sketch = b"" if values.dtype.is_nested() else sketches.smallest(known.hash().to_numpy()).tobytes()
    lengths = known.str.len_chars() if is_text and len(known) else None
    return ColumnProfile(
        rows=len(values),
        nulls=len(values) - len(known),
        low=_extreme(numbers, np.fmin),
        high=_extreme(numbers, np.fmax),
        histogram=None if numbers is None else dyadic(numbers),
        levels=_levels(known) if is_text else None,
        sketch=sketch,
        shortest=None if lengths is None else int(str(lengths.min())),
        longest=None if lengths is None else int(str(lengths.max())),
    )


def _numbers(known: pl.Series) -> NDArray[np.float64] | None:
    """Values that have an order, as numbers; times in microseconds. None if the column has none such."""
    if known.dtype.is_temporal() and known.dtype not in (pl.Time, pl.Duration):
        known = known.cast(pl.Datetime("us")).dt.epoch("us")
    elif not known.dtype.is_numeric() and known.dtype != pl.Boolean:
        return None
    return known.cast(pl.Float64).to_numpy()


def _extreme(numbers: NDArray[np.float64] | None, extreme: np.ufunc) -> float | None:
    """Smallest or largest number, NaN aside."""
    if numbers is None or not len(numbers):
        return None
    found = float(extreme.reduce(numbers))
    return None if np.isnan(found) else found


def _levels(known: pl.Series) -> dict[str, int] | None:
    if known[:_SAMPLE].n_unique() > MOST_LEVELS:
        return None
    counted = known.value_counts(name="times")
    if len(counted) > MOST_LEVELS:
        return None
    return dict(sorted(zip(counted[known.name].to_list(), counted["times"].to_list(), strict=True)))


def merge_columns(parts: Sequence[ColumnProfile]) -> ColumnProfile:
    """The profile of one column of all rows together."""
    histograms = [part.histogram for part in parts if part.histogram is not None]
    sketch = sketches.merge_smallest(np.frombuffer(part.sketch, dtype=np.uint64) for part in parts)
    return ColumnProfile(
        rows=sum(part.rows for part in parts),
        nulls=sum(part.nulls for part in parts),
        low=min((part.low for part in parts if part.low is not None), default=None),
        high=max((part.high for part in parts if part.high is not None), default=None),
        histogram=merge_dyadic(histograms) if histograms else None,
        levels=_merged_levels([part.levels for part in parts]),
        sketch=sketch.tobytes(),
        shortest=min((part.shortest for part in parts if part.shortest is not None), default=None),
        longest=max((part.longest for part in parts if part.longest is not None), default=None),
    )


def _merged_levels(parts: Sequence[dict[str, int] | None]) -> dict[str, int] | None:
    total: dict[str, int] = {}
    for part in parts:
        if part is None:
            return None
        for level, times in part.items():
            total[level] = total.get(level, 0) + times
    return dict(sorted(total.items())) if len(total) <= MOST_LEVELS else None
