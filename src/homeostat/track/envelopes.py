"""Points summed up by cells of an axis: how low and how high they went, so that no spike is lost in a drawing.

A cell holds the points with the same `x >> level`. Cells of a level lie whole within the cells of any coarser one, so
cells merge into coarser ones exactly, whoever made them and in whatever order the points came. A full block of points
keeps an envelope, its cells over the steps and over the times; a drawing that is no finer than these is made from
envelopes alone, and from the very same numbers as it would be from the points. No I/O here.

Layout of an envelope: level (uint8), cells (uint32), then columns as `blocks.py` packs integers (cell, first, last, points,
holes), each after its length (uint32), and low, high and total as they are (float64).
"""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeostat.track.blocks import pack_integers, unpack_integers

POINTS_A_CELL = 128  # an envelope takes 5 % of its block, and serves pictures of 500 pixels from 64,000 points on
_LEAST_POINTS = 4096  # of a block with an envelope: below, opening the block is as fast
_HEAD = struct.Struct("<BI")
_LENGTH = struct.Struct("<I")
_LEVELS = 64
_WHOLE = ("cell", "first", "last", "points", "holes")


class Cells(NamedTuple):
    """Points by cell, ascending by `cell`; each column is (cells,).

    `first` and `last` are the least and greatest x; `low`, `high` and `total` are of the finite values, and infinity, its
    opposite and 0 where there are none; `points` counts all, `holes` those that are not finite.
    """

    cell: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    total: NDArray[np.float64]
    points: NDArray[np.int64]
    holes: NDArray[np.int64]

    def take(self, which: NDArray[Any]) -> "Cells":
        columns: list[Any] = [column[which] for column in self]
        return Cells(*columns)


def of_points(x: NDArray[np.int64], values: NDArray[np.float64], cell: NDArray[np.int64]) -> Cells:
    """Points that lie in given cells, one cell a point."""
    is_finite = np.isfinite(values)
    ones = np.ones(len(x), dtype=np.int64)
    return merged(
        Cells(
            cell=cell,
            first=x,
            last=x,
            low=np.where(is_finite, values, np.inf),
            high=np.where(is_finite, values, -np.inf),
            total=np.where(is_finite, values, 0.0),
            points=ones,
            holes=ones - is_finite,
        )
    )


def merged(cells: Cells) -> Cells:
    """Cells of the same number as one, in ascending order."""
    if not len(cells.cell):
        return cells
    if (np.diff(cells.cell) < 0).any():
        cells = cells.take(np.argsort(cells.cell, kind="stable"))
    starts = np.concatenate([[0], np.flatnonzero(np.diff(cells.cell)) + 1])
    with np.errstate(over="ignore", invalid="ignore"):  # a sum beyond the largest number is infinite
        total = np.add.reduceat(cells.total, starts)
    return Cells(
        cell=cells.cell[starts],
        first=np.minimum.reduceat(cells.first, starts),
        last=np.maximum.reduceat(cells.last, starts),
        low=np.minimum.reduceat(cells.low, starts),
        high=np.maximum.reduceat(cells.high, starts),
        total=total,
        points=np.add.reduceat(cells.points, starts),
        holes=np.add.reduceat(cells.holes, starts),
    )


def joined(parts: Sequence[Cells]) -> Cells:
    """One after the other, not yet merged; none makes none."""
    if not parts:
        nothing, none = np.empty(0, dtype=np.int64), np.empty(0)
        return Cells(nothing, nothing, nothing, none, none, none, nothing, nothing)
    if len(parts) == 1:
        return parts[0]
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Cells(*columns)


def level_for(low: int, high: int, cells: int) -> int:
    """The finest level at which the x from `low` to `high` lie in no more than `cells` cells (one more if they start within one)."""
    return next(level for level in range(_LEVELS) if (high >> level) - (low >> level) <= max(cells, 1))


def envelope(x: NDArray[np.int64], values: NDArray[np.float64]) -> bytes | None:
    """The envelope of a block of points over one axis; None if it would not help."""
    if len(x) < _LEAST_POINTS:
        return None
    level = level_for(int(x.min()), int(x.max()), len(x) // POINTS_A_CELL)
    cells = of_points(x, values, x >> level)
    parts = [_HEAD.pack(level, len(cells.cell))]
    for name in _WHOLE:
        column = pack_integers(getattr(cells, name))
        parts += [_LENGTH.pack(len(column)), column]
    return b"".join([*parts, cells.low.tobytes(), cells.high.tobytes(), cells.total.tobytes()])


def level_of(packed: bytes) -> int:
    """Of an envelope, without unpacking it."""
    return packed[0]


def unpack_envelope(packed: bytes) -> Cells:
    """Cells of an envelope, at its level."""
    _, count = _HEAD.unpack_from(packed)
    position = _HEAD.size
    columns: dict[str, NDArray[np.int64]] = {}
    for name in _WHOLE:
        (length,) = _LENGTH.unpack_from(packed, position)
        position += _LENGTH.size
        columns[name] = unpack_integers(packed[position : position + length], count)
        position += length
    low, high, total = np.frombuffer(packed, dtype=np.float64, offset=position).reshape(3, count)
    return Cells(low=low, high=high, total=total, **columns)
