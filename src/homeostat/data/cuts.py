"""Where a table is cut into blocks: at rows whose content says so, so that equal stretches of two tables are cut alike.

A row inserted or removed moves all rows after it, and no cut but those beside it. The hash that decides has nothing to do
with identity: it is cheap, and sees numbers, lengths and the ends of texts only. Tables it cannot tell apart are merely cut
at the same places.

Source: content-defined chunking, Muthitacharoen, Chen, Mazières 2001, with rows for bytes.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_types = pa.types
_VALUES = 1 << 19  # of a block at most: some megabytes, whatever the number of columns
_LARGEST, _SMALLEST = 1 << 16, 1 << 10
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: spreads each bit over the higher ones
_HALF = np.uint64(32)
_END_BYTES = 8


class Sizes(NamedTuple):
    """Rows of a block: never more than `most`, never fewer than `least` but for the last one of a table."""

    least: int
    spread: int
    most: int


def sizes(columns: int) -> Sizes:
    """Sizes of the blocks of a table with this many columns: 16,384 to 65,536 rows of up to eight, fewer of more."""
    allowed = _VALUES // max(columns, 1)
    most = min(_LARGEST, max(_SMALLEST, 1 << (allowed.bit_length() - 1 if allowed else 0)))
    return Sizes(least=most // 4, spread=most // 4, most=most)


def marks(rows: pa.Table, size: Sizes) -> NDArray[np.int64]:
    """Row numbers, ascending, before which a block may end."""
    hashes = np.zeros(rows.num_rows, np.uint64)
    for column in rows.columns:
        _mix(hashes, _words(_whole(column)))
    return np.flatnonzero(hashes >> _HALF & np.uint64(size.spread - 1) == 0)


def next_cut(candidates: NDArray[np.int64], size: Sizes, start: int, end: int, *, is_last: bool) -> int | None:
    """Where the block that begins at row `start` ends; None if more rows must be seen.

    Args:
        candidates: what `marks` gave, as row numbers of the table.
        end: rows that have been seen.
        is_last: no more will come.
    """
    at = int(np.searchsorted(candidates, start + size.least))
    if at < len(candidates) and candidates[at] <= start + size.most:
        return int(candidates[at])
    if end - start >= size.most:
        return start + size.most
    return end if is_last else None


def _mix(hashes: NDArray[np.uint64], words: NDArray[np.uint64]) -> None:
    hashes += words
    hashes *= _ODD
    hashes ^= hashes >> _HALF
    hashes *= _ODD


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], column.type)])


def _words(array: pa.Array) -> NDArray[np.uint64]:
    """A number for each row that is equal for equal values."""
    words: NDArray[np.uint64]
    kind = array.type
    if _types.is_boolean(kind):
        words = array.fill_null(False).to_numpy(zero_copy_only=False).astype(np.uint64)
    elif _types.is_large_string(kind) or _types.is_large_binary(kind):
        words = _text_words(array)
    elif _types.is_large_list(kind):
        words = array.value_lengths().fill_null(0).to_numpy().astype(np.uint64)
    elif _types.is_struct(kind):
        words = np.zeros(len(array), np.uint64)
        for child in array.flatten():
            _mix(words, _words(child))
    elif _types.is_null(kind) or _types.is_fixed_size_list(kind):
        return np.zeros(len(array), np.uint64)
    else:
        words = _number_words(array)
    if array.null_count:
        words[array.is_null().to_numpy(zero_copy_only=False)] = 1
    return words


def _number_words(array: pa.Array) -> NDArray[np.uint64]:
    width = array.type.bit_width // 8
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), np.uint64)
    raw = np.frombuffer(buffer, np.uint8, len(array) * width, array.offset * width)
    if _types.is_floating(array.type):
        values = raw.view(f"<f{width}") + np.float16(0)  # -0.0 + 0.0 is 0.0
        values[np.isnan(values)] = np.nan
        raw = values.view(np.uint8)
    if width in (1, 2, 4, 8):
        words: NDArray[np.uint64] = raw.view(f"<u{width}").astype(np.uint64)
        return words
    padded = np.zeros((len(array), _END_BYTES), np.uint8)
    seen = min(width, _END_BYTES)
    padded[:, :seen] = raw.reshape(len(array), width)[:, :seen]
    return padded.view("<u8").ravel()


def _text_words(array: pa.Array) -> NDArray[np.uint64]:
    _, offset_buffer, content = array.buffers()
    offsets = np.frombuffer(offset_buffer, "<i8", len(array) + 1, array.offset * 8)
    lengths = np.diff(offsets).astype(np.uint64)
    if content is None or not len(array):
        return lengths
    first, end = int(offsets[0]), int(offsets[-1])
    letters = np.frombuffer(bytes(_END_BYTES) + memoryview(content)[first:end], np.uint8)
    # The eight bytes before the end of each text, of which those before its beginning are shifted out.
    ends = np.lib.stride_tricks.as_strided(letters.view(), (len(letters) - _END_BYTES + 1, _END_BYTES), (1, 1))
    words: NDArray[np.uint64] = ends[offsets[1:] - first].view("<u8").ravel()
    seen = np.minimum(lengths, np.uint64(_END_BYTES))
    words = np.where(seen > 0, words >> (np.uint64(_END_BYTES) - seen) * np.uint64(8), 0)
    return words * _ODD + lengths
