"""The panel: what a system's observation log says, in columns of memory, each prediction joined with its label.

A panel is a function of the log alone: predictions and labels may be appended in any batches, labels may come before
their prediction, late, again or revised, and the panel is the same. So nothing of it is persisted; after a restart it
is read again from the log (a year of 330,000 predictions takes two seconds).
"""

import zlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homeostat.core.clock import Micros
from homeostat.core.errors import MissingColumn
from homeostat.monitor.records import Ingested

_COLUMNS = {
    "at": np.int64,
    "peak_at": np.int64,  # the latest `at` so far: sorted, though gateways interleave
    "version": np.int64,
    "other_version": np.int64,  # -1 where no second arm scored the row
    "score": np.float64,
    "other_score": np.float64,  # NaN where no second arm scored the row
    "latency_ms": np.float64,
    "label": np.float64,  # as revised last; NaN until there is one
    "label_at": np.int64,  # of the label in `label`
    "first_label": np.float64,  # as first said: evidence that was counted once is not counted anew
    "first_label_at": np.int64,
}
_NO_TIME = np.iinfo(np.int64).max


class Panel:
    """Predictions of one system in the order they were taken. Not for several threads at once."""

    def __init__(self) -> None:
        self._columns = {name: np.empty(1024, dtype=kind) for name, kind in _COLUMNS.items()}
        self._row_of: dict[str, int] = {}
        self._waiting: dict[str, list[tuple[float, int]]] = {}
        self._labels = self._duplicates = self._revisions = self._invalid = 0
        self.rows = 0

    def __getitem__(self, column: str) -> NDArray[np.generic]:
        """(rows,) view of a column."""
        return self._columns[column][: self.rows]

    def floats(self, column: str) -> NDArray[np.float64]:
        """(rows,) view of a column of floats."""
        return np.asarray(self[column], dtype=np.float64)

    def ints(self, column: str) -> NDArray[np.int64]:
        """(rows,) view of a column of integers."""
        return np.asarray(self[column], dtype=np.int64)

    @property
    def ingested(self) -> Ingested:
        return Ingested(
            predictions=self.rows,
            labels=self._labels,
            duplicates=self._duplicates,
            revisions=self._revisions,
            orphans=len(self._waiting),
            invalid=self._invalid,
            latest_at=Micros(int(self._columns["peak_at"][self.rows - 1])) if self.rows else None,
        )

    def between(self, start_at: int, end_at: int) -> NDArray[np.intp]:
        """Rows predicted in [start_at, end_at), in the order they were taken. Costs the rows since `start_at`, not the whole log."""
        first = int(np.searchsorted(self.ints("peak_at"), start_at))
        at = self.ints("at")[first:]
        return first + np.flatnonzero((at >= start_at) & (at < end_at))

    def append_predictions(self, table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Take prediction rows of the log; an id that is known already is counted as a duplicate.

        Rows are taken in the order of their event times and, within an instant, of a hash of their entities: whichever
        gateway they come from, and whichever request was answered first. Evidence that rests on an order is then the
        same in every replay, and the order has nothing to do with scores or labels.

        Returns: which rows of the table are new, in the order they were taken, and their event times.
        Raises: MissingColumn naming what the log lacks; nothing was changed then.
        """
        if not table.num_rows:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        read = {name: _numbers(table, name) for name in ("at", "version", "other_version", "score", "other_score")}
        read["latency_ms"] = _numbers(table, "latency_ms")
        ids = table["id"].to_pylist()
        first = self.rows
        fresh: list[int] = []
        for index in np.lexsort((_entity_hashes(table), read["at"])).tolist():
            if self._row_of.setdefault(ids[index], first + len(fresh)) == first + len(fresh):
                fresh.append(index)
        self._duplicates += len(ids) - len(fresh)
        if not fresh:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        self._grow(first + len(fresh))
        new = slice(first, first + len(fresh))
        for name, values in read.items():
            self._columns[name][new] = values[fresh]
        at = self._columns["at"][new]
        floor = self._columns["peak_at"][first - 1] if first else at[0]
        self._columns["peak_at"][new] = np.maximum(np.maximum.accumulate(at), floor)
        for name in ("label", "first_label"):
            self._columns[name][new] = np.nan
        for name in ("label_at", "first_label_at"):
            self._columns[name][new] = _NO_TIME
        self.rows = first + len(fresh)
        if self._waiting:
            self._join_waiting(ids[index] for index in fresh)
        return np.array(fresh), np.array(at)

    def append_labels(self, table: pa.Table) -> NDArray[np.int64]:
        """Take label rows of the log, for predictions read or still to come.

        Returns: event times of the predictions whose figures changed.
        Raises: MissingColumn naming what the log lacks; nothing was changed then.
        """
        if not table.num_rows:
            return np.empty(0, dtype=np.int64)
        values, times = _numbers(table, "value").tolist(), _numbers(table, "at").tolist()
        changed = []
        for prediction, value, at in zip(table["id"].to_pylist(), values, times, strict=True):
            if not 0 <= value <= 1:
                self._invalid += 1
                continue
            row = self._row_of.get(prediction)
            if row is None:
                self._waiting.setdefault(prediction, []).append((value, at))
            elif self._set_label(row, value, at):
                changed.append(row)
        return np.array(self.ints("at")[changed])

    def _join_waiting(self, predictions: Iterable[str]) -> None:
        for prediction in predictions:
            for value, at in self._waiting.pop(prediction, ()):
                self._set_label(self._row_of[prediction], value, at)

    def _set_label(self, row: int, value: float, at: int) -> bool:
        """Whether the label of the row changed. Of two labels the one given later, in event time, stands."""
        label, label_at = self._columns["label"], self._columns["label_at"]
        if np.isnan(label[row]):
            self._labels += 1
            self._columns["first_label"][row], self._columns["first_label_at"][row] = value, at
        elif label[row] == value:
            self._duplicates += 1
            return False
        else:
            self._revisions += 1
            if at < label_at[row]:
                return False
        label[row], label_at[row] = value, at
        return True

    def _grow(self, rows: int) -> None:
        capacity = len(self._columns["at"])
        if rows > capacity:
            capacity = max(rows, 2 * capacity)
            for name, column in self._columns.items():
                larger = np.empty(capacity, dtype=column.dtype)
                larger[: self.rows] = column[: self.rows]
                self._columns[name] = larger


def _entity_hashes(table: pa.Table) -> NDArray[np.int64]:
    entities = _column(table, "entity").to_pylist()
    return np.fromiter((zlib.crc32((entity or "").encode()) for entity in entities), np.int64, len(entities))


def _numbers(table: pa.Table, name: str) -> NDArray[np.generic]:
    """A column as numpy: instants and versions as int64 (null: −1), the rest as float64 (null: NaN)."""
    is_whole = _COLUMNS.get(name) is np.int64
    column = _column(table, name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz=column.type.tz))
    column = column.cast(pa.int64() if is_whole else pa.float64())
    return np.asarray(column.fill_null(-1 if is_whole else np.nan).to_numpy())


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise MissingColumn(
            f"The observation log has no column {name!r}, only {', '.join(table.column_names)}. "
            f"It was written by another version: read it with the version that wrote it."
        )
    return table[name]
