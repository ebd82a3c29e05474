"""What was asked of a model lately: raw inputs and scores by day, counted over the cells of a reference."""

from collections.abc import Mapping

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from homeostat.core.clock import DAY, Micros
from homeostat.stats.histogram import Categories, Cells, Counts, Numbers, category_cells, merge, number_cells

SCORE = "score"
_PREFIX = "in_"
# Raw rows are kept this long, so that they can be counted anew over the cells of the next champion's reference.
_KEPT_DAYS = 35
FIRST_DAYS = 14  # of predictions make the reference where none is set


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a reference: its cells, and the reference rows counted over them."""

    cells: Numbers | Categories
    counts: tuple[int, ...]


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What the inputs, and the score if it is known, looked like when a model was made.

    Attributes:
        version: of the model; 0 for the first days served.
        rows: it was made of.
        features: by name, without the log's prefix.
    """

    version: int
    rows: int
    features: dict[str, Feature]


def reference_of(table: pa.Table, version: int) -> Reference:
    """The reference a table makes, by its numeric, boolean and text columns; a column without any value is left out.

    Instants are left out: they always move.
    """
    features = {}
    for name in table.column_names:
        column = table[name]
        if column.null_count < len(column) and _is_counted(column.type):
            cells = _cells(column)
            if cells is not None:
                features[_bare(name)] = Feature(cells=cells, counts=tuple(_count(cells, column).tolist()))
    return Reference(version=version, rows=table.num_rows, features=features)


class Inputs:
    """The newest days of raw inputs of one system, and their histograms over the present reference."""

    def __init__(self) -> None:
        self._days: dict[int, list[pa.Table]] = {}
        self._counts: dict[int, dict[str, Counts]] = {}
        self._first_day: int | None = None
        self.reference: Reference | None = None

    def append(self, table: pa.Table, at: NDArray[np.int64]) -> None:
        """Take prediction rows of the log; `at` are their (n,) event times.

        Where no reference is set, the first two weeks served become it, as version 0.
        """
        if not len(at):
            return
        if self._first_day is None:
            self._first_day = int(at[0] // DAY)
        kept = table.select([name for name in table.column_names if name.startswith(_PREFIX) or name == SCORE])
        order = np.argsort(at // DAY, kind="stable")
        days, starts = np.unique((at // DAY)[order], return_index=True)
        oldest = int(days[-1]) - _KEPT_DAYS
        for day, rows in zip(days.tolist(), np.split(order, starts[1:]), strict=True):
            is_first = self.reference is None and day < self._first_day + FIRST_DAYS
            if day >= oldest or is_first:
                self._days.setdefault(day, []).append(kept.take(rows))
                if self.reference is not None:
                    self._add(day, self._days[day][-1])
        if self.reference is None and days[-1] >= self._first_day + FIRST_DAYS:
            self.compare_with(reference_of(self._first_rows(), version=0))
        if self.reference is not None:
            for day in [day for day in self._days if day < oldest]:
                del self._days[day]
                self._counts.pop(day, None)

    def compare_with(self, reference: Reference) -> None:
        """Count what is kept over the cells of another reference, and what comes from now on."""
        self.reference = reference
        self._counts = {}
        for day, tables in self._days.items():
            for rows in tables:
                self._add(day, rows)

    def window(self, now: Micros, length_us: int) -> dict[str, Counts]:
        """Histograms of the whole days of a window up to now, by feature; a feature that was never sent is left out."""
        days = [day for day in self._counts if now - length_us < (day + 1) * DAY and day * DAY <= now]
        names = self.reference.features if self.reference else {}
        by_name = {name: [self._counts[day][name] for day in days if name in self._counts[day]] for name in names}
        return {name: merge(*parts) for name, parts in by_name.items() if parts}

    def _first_rows(self) -> pa.Table:
        first = sorted(self._days)[:FIRST_DAYS]
        end = first[0] + FIRST_DAYS
        tables = [rows for day in first if day < end for rows in self._days[day]]
        return pa.concat_tables(tables, promote_options="permissive")

    def _add(self, day: int, rows: pa.Table) -> None:
        features: Mapping[str, Feature] = self.reference.features if self.reference else {}
        counts = self._counts.setdefault(day, {})
        for name in rows.column_names:
            feature = features.get(_bare(name))
            if feature is not None:
                found = _count(feature.cells, rows[name])
                known = counts.get(_bare(name))
                counts[_bare(name)] = found if known is None else merge(known, found)


def _bare(name: str) -> str:
    return name.removeprefix(_PREFIX)


def _is_counted(kind: pa.DataType) -> bool:
    return bool(_is_number(kind) or _is_text(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind))


def _cells(column: pa.ChunkedArray) -> Cells | None:
    if not _is_number(column.type):
        return category_cells(_levels(column))
    numbers = _numbers(column)
    return number_cells(numbers) if np.isfinite(numbers).any() else None


def _count(cells: Cells, column: pa.ChunkedArray) -> Counts:
    """Counts of a column; a column of the other kind than its reference has nothing but nulls to say."""
    if isinstance(cells, Numbers):
        if not _is_number(column.type):
            return cells.count(np.empty(0), nulls=len(column))
        return cells.count(_numbers(column), nulls=column.null_count)
    if _is_number(column.type):
        return cells.count({}, nulls=len(column))
    return cells.count(_levels(column), nulls=column.null_count)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.drop_null().cast(pa.float64()).to_numpy(), dtype=np.float64)


def _levels(column: pa.ChunkedArray) -> dict[str, int]:
    counted = pc.value_counts(column.drop_null().cast(pa.string()).combine_chunks())
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
