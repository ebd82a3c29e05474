"""Metric points as compressed columns, and back.

Steps and times change by little from point to point, so their differences are kept, in as few bytes as the largest
needs; values keep all their bits. Bytes of equal weight lie together (shuffled), where zlib finds what repeats. A
curve of noise takes some 8 bytes a point: its mantissas, which nothing can compress. No I/O here.

Layout: for each column (steps, times, values) its length in bytes (little-endian uint32) and its bytes. A column of
integers is its first value and the width of a difference (int64, uint8), then the differences; one whose differences are
all equal is that difference in int64, under width 0.
"""

import struct
import zlib
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

_LEVEL = 1  # higher ones save 2 % and take three times as long
_LENGTH = struct.Struct("<I")
_HEAD = struct.Struct("<qB")
_STRIDE = struct.Struct("<q")
_WIDTHS = (1, 2, 4, 8)


class Points(NamedTuple):
    """(points,) steps and times in int64 (microseconds), values in float64, in the order of their arrival."""

    steps: NDArray[np.int64]
    at: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, steps: Any, at: Any, values: Any) -> Self:
        """From sequences, or from bytes of native 8-byte numbers."""
        return cls(_column(steps, np.int64), _column(at, np.int64), _column(values, np.float64))

    def __len__(self) -> int:
        """How many points, not how many columns."""
        return len(self.steps)

    def take(self, which: Any) -> "Points":
        return Points(self.steps[which], self.at[which], self.values[which])

    def latest(self) -> tuple[int, int, float]:
        """The greatest by (step, time, value); NaN is less than any number."""
        comparable = np.where(np.isnan(self.values), -np.inf, self.values)
        last = int(np.lexsort((comparable, self.at, self.steps))[-1])
        return int(self.steps[last]), int(self.at[last]), float(self.values[last])


def join(parts: list[Points]) -> Points:
    """One after the other."""
    return Points(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def pack(points: Points) -> bytes:
    """The body of a block.

    Cost: some 60 ns a point, of which zlib takes most.
    """
    columns = (pack_integers(points.steps), pack_integers(points.at), _pack_bytes(points.values))
    return b"".join(part for column in columns for part in (_LENGTH.pack(len(column)), column))


def unpack(body: bytes, count: int) -> Points:
    """The `count` points of a block."""
    steps, at, values = _columns(body)
    return Points(unpack_integers(steps, count), unpack_integers(at, count), _unpack_values(values, count))


def unpack_over(body: bytes, count: int, *, is_step: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Steps, or else times, and values of a block: a third less work than all three."""
    steps, at, values = _columns(body)
    return unpack_integers(steps if is_step else at, count), _unpack_values(values, count)


def pack_integers(column: NDArray[np.int64]) -> bytes:
    """A column of at least one integer."""
    # Differences wrap around in 64 bits, and wrap back when they are summed up again.
    differences = np.diff(column)
    first = int(column[0])
    stride = int(differences[0]) if len(differences) else 0
    if (differences == stride).all():
        return _HEAD.pack(first, 0) + _STRIDE.pack(stride)
    least, greatest = int(differences.min()), int(differences.max())
    width = next(
        width for width in _WIDTHS if width == 8 or -(1 << 8 * width - 1) <= least <= greatest < 1 << 8 * width - 1
    )
    return _HEAD.pack(first, width) + _pack_bytes(differences.astype(f"<i{width}"))


def unpack_integers(packed: bytes, count: int) -> NDArray[np.int64]:
    """The `count` integers of a column."""
    first, width = _HEAD.unpack_from(packed)
    if width == 0:
        (stride,) = _STRIDE.unpack_from(packed, _HEAD.size)
        return np.arange(count, dtype=np.int64) * np.int64(stride) + np.int64(first)
    differences = _unpack_bytes(packed[_HEAD.size :], count - 1, width).view(f"<i{width}").astype(np.int64)
    return np.cumsum(np.concatenate([np.array([first], dtype=np.int64), differences]))


def _columns(body: bytes) -> list[bytes]:
    columns = []
    position = 0
    for _ in Points._fields:
        (length,) = _LENGTH.unpack_from(body, position)
        position += _LENGTH.size
        columns.append(body[position : position + length])
        position += length
    return columns


def _column(values: Any, dtype: Any) -> Any:
    return np.frombuffer(values, dtype=dtype) if isinstance(values, bytes) else np.asarray(values, dtype=dtype)


def _unpack_values(packed: bytes, count: int) -> NDArray[np.float64]:
    return _unpack_bytes(packed, count, 8).view(np.float64)


def _pack_bytes(column: NDArray[Any]) -> bytes:
    shuffled = np.ascontiguousarray(column).view(np.uint8).reshape(len(column), column.itemsize).T
    return zlib.compress(np.ascontiguousarray(shuffled).tobytes(), _LEVEL)


def _unpack_bytes(packed: bytes, count: int, width: int) -> NDArray[np.uint8]:
    shuffled = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(width, count)
    return np.ascontiguousarray(shuffled.T).reshape(-1)
