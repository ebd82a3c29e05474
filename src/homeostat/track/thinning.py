"""Curves of many runs as a picture needs them: no more buckets than it has pixels, and no spike lost.

The axis is cut into buckets, the same for all curves that are asked for together. Of each bucket come the lowest and the
highest value, so that whatever stands out is drawn. What is no finer than the envelopes of blocks (`envelopes.py`) is read
from these alone; otherwise blocks within the range are opened.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, literal, select

from homeostat.store.db.schema.track import run_blocks, run_series, runs
from homeostat.track.blocks import unpack_over
from homeostat.track.envelopes import Cells, joined, level_for, level_of, merged, of_points, unpack_envelope

Axis = Literal["step", "time", "relative"]
Scale = Literal["linear", "log"]

_IDS = 500  # bound in one statement
_T = TypeVar("_T")


class Thinned(NamedTuple):
    """A curve by buckets, ascending; buckets without a point are not there. Each column is (buckets,).

    Attributes:
        bucket: its number; the same number is the same place for all curves of one answer.
        first: the least x of its points: a step, or microseconds.
        last: the greatest.
        low: the lowest finite value; NaN where there is none, which is where a line breaks.
        high: the highest.
        mean: of the finite values.
        points: how many it stands for.
        holes: how many of these are NaN or infinite.
    """

    bucket: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    points: NDArray[np.int64]
    holes: NDArray[np.int64]

    @property
    def x(self) -> NDArray[np.float64]:
        """Where a bucket is drawn: at its point, or in the middle of its points."""
        return self.first + (self.last - self.first) / 2


class _Grid(NamedTuple):
    """Buckets of the x from `low` to `high`: `x >> level`, or `1 << level` of them in each octave."""

    low: int
    high: int
    level: int
    is_log: bool

    def bucket(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        if not self.is_log:
            return x >> self.level
        octave = np.frexp(np.maximum(x, 1).astype(np.float64))[1].astype(np.int64) - 1
        behind = octave - self.level  # binary digits of x that a bucket leaves out
        kept = np.where(behind > 0, x >> np.maximum(behind, 0), x << np.maximum(-behind, 0))
        return np.where(x > 0, (octave << self.level) + kept - (1 << self.level), -1)

    def served(self, level: int) -> int | None:
        """The x from which on buckets are no finer than cells of a level; None if they are finer everywhere."""
        if self.is_log:
            return 1 << (self.level + level)
        return self.edges()[0] if level <= self.level else None

    def edges(self) -> tuple[int, int]:
        """The least and the greatest x of these buckets."""
        clear = [max(x.bit_length() - 1 - self.level, 0) if self.is_log else self.level for x in (self.low, self.high)]
        return self.low >> clear[0] << clear[0], (((self.high >> clear[1]) + 1) << clear[1]) - 1


def thinned(
    connection: Connection,
    run_ids: Sequence[str],
    keys: Sequence[str],
    width: int,
    *,
    x: Axis = "step",
    span: tuple[int, int] | None = None,
    scale: Scale = "linear",
) -> dict[str, dict[str, Thinned]]:
    """Curves by metric and run, each in at most `width` buckets, one more where the axis begins within one.

    Args:
        run_ids: runs; those without a metric are left out of it.
        keys: metrics.
        width: pixels of the picture. Buckets are powers of two wide, so there are at least half as many where points are.
        x: the axis: the step; the time in microseconds since 1970; or the microseconds since the run began.
        span: only this range of x, both ends included, widened to whole buckets.
        scale: `log` has as many buckets in each octave, and leaves out what lies at 0 and before.

    Returns: for each key that has one, its curves by run. `low` and `high` are exactly those of the points of the bucket,
        and each point of the range is in one bucket. Over `relative`, and only there, a point may be counted in the bucket
        of its neighbour, for cells of time do not begin where runs do.
    Cost: half a millisecond for a curve of 100,000 points, from its envelopes; 2 ms for each block that has to be opened.
    """
    series = _series(connection, run_ids, keys)
    axis = _axis(x)
    grid = _grid(_extent(connection, list(series), axis), width, span, is_log=scale == "log")
    if grid is None:
        return {}
    parts: dict[int, list[Cells]] = {}
    for block in _blocks(connection, list(series), axis, grid.edges()):
        part = _cells(connection, block, axis, grid)
        if len(part.cell):
            parts.setdefault(block.series, []).append(part)
    found: dict[str, dict[str, Thinned]] = {}
    for id_, cells in parts.items():
        run_id, key = series[id_]
        found.setdefault(key, {})[run_id] = _thinned(merged(joined(cells)))
    return {
        key: {run_id: found[key][run_id] for run_id in run_ids if run_id in found[key]} for key in keys if key in found
    }


class _Columns(NamedTuple):
    """What of a block speaks of an axis; `start` is subtracted from what it says."""

    kept: ColumnElement[Any]
    least: ColumnElement[int]
    greatest: ColumnElement[int]
    start: ColumnElement[int]
    is_step: bool


def _axis(x: Axis) -> _Columns:
    of = run_blocks.c
    if x == "step":
        return _Columns(of.by_step, of.least_step, of.greatest_step, literal(0), is_step=True)
    return _Columns(
        of.by_time, of.least_at, of.greatest_at, runs.c.started_at if x == "relative" else literal(0), is_step=False
    )


def _series(connection: Connection, run_ids: Sequence[str], keys: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Run and metric of each series."""
    found: dict[int, tuple[str, str]] = {}
    for ids in _batches(run_ids):
        query = select(run_series.c.id, run_series.c.run_id, run_series.c.key)
        rows = connection.execute(query.where(run_series.c.run_id.in_(ids), run_series.c.key.in_(keys)))
        found.update((row.id, (row.run_id, row.key)) for row in rows)
    return found


def _extent(connection: Connection, series: Sequence[int], axis: _Columns) -> tuple[int, int] | None:
    """The least and greatest x there is."""
    ends: list[int] = []
    for ids in _batches(series):
        ends_of = _of_series(select(func.min(axis.least - axis.start), func.max(axis.greatest - axis.start)), ids)
        ends += [end for end in connection.execute(ends_of).one() if end is not None]
    return (min(ends), max(ends)) if ends else None


def _grid(extent: tuple[int, int] | None, width: int, span: tuple[int, int] | None, *, is_log: bool) -> _Grid | None:
    """None if there is nothing within the range."""
    if extent is None:
        return None
    low, high = extent if span is None else (max(extent[0], span[0]), min(extent[1], span[1]))
    if is_log:
        low = max(low, 1)
    if low > high:
        return None
    if not is_log:
        return _Grid(low, high, level_for(low, high, width), is_log=False)
    octaves = high.bit_length() - low.bit_length() + 1
    return _Grid(low, high, max(width // octaves, 1).bit_length() - 1, is_log=True)


def _blocks(
    connection: Connection, series: Sequence[int], axis: _Columns, edges: tuple[int, int]
) -> Iterator[Row[Any]]:
    """Blocks that can hold points of a range, each with its envelope or, if it has none, its body in `kept`."""
    for ids in _batches(series):
        query = select(
            run_blocks.c.series,
            run_blocks.c.first,
            run_blocks.c.points,
            (axis.least - axis.start).label("least"),
            axis.start.label("start"),
            axis.kept.is_(None).label("is_body"),
            case((axis.kept.is_(None), run_blocks.c.body), else_=axis.kept).label("kept"),
        ).where(axis.greatest - axis.start >= edges[0], axis.least - axis.start <= edges[1])
        yield from connection.execute(_of_series(query, ids))


def _of_series(query: Select[*tuple[Any, ...]], ids: Sequence[int]) -> Select[*tuple[Any, ...]]:
    joined = query.select_from(run_blocks).join(run_series, run_series.c.id == run_blocks.c.series)
    return joined.join(runs, runs.c.id == run_series.c.run_id).where(run_blocks.c.series.in_(ids))


def _cells(connection: Connection, block: Row[Any], axis: _Columns, grid: _Grid) -> Cells:
    """A block by buckets of the grid, not yet merged, as far as it lies in it: from its envelope where that is fine enough,
    else from its points.
    """
    low, high = (edge + block.start for edge in grid.edges())
    opened_until = high  # what of the block has to be read point by point
    parts = []
    if not block.is_body:
        level = level_of(block.kept)
        begin = grid.served(level)
        if begin is not None and begin + block.start <= high:
            begins = max(begin + block.start, low) >> level
            cells = unpack_envelope(block.kept)
            cells = cells.take((cells.cell >= begins) & (cells.first <= high))
            parts.append(_over(cells, block.start, grid))
            opened_until = (begins << level) - 1
    if block.least + block.start <= opened_until and low <= opened_until:
        body = block.kept if block.is_body else _body(connection, block)
        x, values = unpack_over(body, block.points, is_step=axis.is_step)
        within = (x >= low) & (x <= opened_until)
        x = x[within] - block.start
        parts.append(of_points(x, values[within], grid.bucket(x)))
    return joined(parts)


def _over(cells: Cells, start: int, grid: _Grid) -> Cells:
    """Cells by buckets of the grid, not yet merged."""
    first = cells.first - start
    return cells._replace(first=first, last=cells.last - start, cell=grid.bucket(first))


def _body(connection: Connection, block: Row[Any]) -> bytes:
    query = select(run_blocks.c.body).where(run_blocks.c.series == block.series, run_blocks.c.first == block.first)
    return bytes(connection.execute(query).scalar_one())


def _thinned(cells: Cells) -> Thinned:
    known = cells.points - cells.holes
    is_known = known > 0
    low, high = np.where(is_known, cells.low, np.nan), np.where(is_known, cells.high, np.nan)
    with np.errstate(invalid="ignore"):
        mean = np.clip(cells.total / np.maximum(known, 1), low, high)  # a sum may be out of range where its mean is not
    return Thinned(cells.cell, cells.first, cells.last, low, high, mean, cells.points, cells.holes)


def _batches(found: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for first in range(0, len(found), _IDS):
        yield found[first : first + _IDS]
