"""Cutting a stream where its content says so, that a change leaves most chunks as they were. Pure.

This is FastCDC's normalised chunking: a cut lies behind a byte where a hash of the 32 bytes before is zero under a mask; the mask is
strict until a chunk has the size aimed at and loose from there on, which keeps sizes close to it. Two streams that share a
long stretch share the chunks inside it, wherever it begins in each.

The hash is not FastCDC's gear, which has to be rolled byte by byte, but one that numpy makes for a block at once, in two stages: of
the last 4 bytes at every place, and of the last 32 only where the first is below a limit, once in 256.

Source: Xia et al. 2016, "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data Deduplication".
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

SMALLEST_BYTES = 16 * 1024
AIMED_BYTES = 64 * 1024
LARGEST_BYTES = 256 * 1024

_WINDOW = 32
_BLOCK_BYTES = 512 * 1024  # stays in the processor's cache
# Odd multipliers: 2^32 and 2^64 over the golden ratio (Knuth, TAOCP 3, 6.4), and odd numbers made of the latter.
_FIRST_FACTOR = np.uint32(0x9E3779B1)
_FACTORS = [np.uint64(0x9E3779B97F4A7C15 * odd % 2**64) for odd in (1, 3, 5, 7)]
_FIRST_MASK = np.uint32(
    0x7F4A7C15
)  # with it no word of four equal bytes is below the limit: long runs of one byte are cheap
_FIRST_LIMIT = np.uint32(2**24)  # one place in 256
# Bits that must be zero besides: normalised chunking of level 2 around the 16 bits of the size aimed at, 8 of them the first stage's.
_LOOSE = np.uint64(0b111111 << 58)
_STRICT = np.uint64(0b1111111111 << 54)


def chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The stream cut into chunks of 16 to 256 KiB, about 64 KiB each; the last may be smaller.

    Cost: O(bytes), about 2 ns each; holds one part and one chunk.
    """
    held = b""
    for part in parts:
        held += part
        start = 0
        places = _places(held)
        while (end := _end(places, start, len(held))) is not None:
            yield held[start:end]
            start = end
        held = held[start:]
    while held:
        end = _end(_places(held), 0, len(held)) or len(held)
        yield held[:end]
        held = held[end:]


def _end(places: tuple[list[int], list[int]], start: int, size: int) -> int | None:
    """Where the chunk that begins at `start` ends; None if more of the stream must be seen."""
    strict, loose = places
    for cuts, low, high in (
        (strict, start + SMALLEST_BYTES, start + AIMED_BYTES),
        (loose, start + AIMED_BYTES, start + LARGEST_BYTES),
    ):
        found = bisect_left(cuts, low)
        if found < len(cuts) and cuts[found] < high:
            return cuts[found]
        if size < high:
            return None
    return start + LARGEST_BYTES


def _places(content: bytes) -> tuple[list[int], list[int]]:
    """Where chunks may end by the strict and by the loose mask, ascending."""
    strict: list[int] = []
    loose: list[int] = []
    for start in range(0, len(content), _BLOCK_BYTES):
        first = max(start - _WINDOW + 1, 0)
        block = content[first : start + _BLOCK_BYTES]
        at = _possible(block)
        hashes = _hashes(block, at)
        is_loose = (hashes & _LOOSE) == 0
        loose.extend((at[is_loose] + first).tolist())
        strict.extend((at[is_loose & ((hashes & _STRICT) == 0)] + first).tolist())
    return strict, loose


def _possible(block: bytes) -> NDArray[np.int64]:
    """Where a window ends whose last 4 bytes have a hash below the limit, ascending."""
    found = []
    for shift in range(4):  # words are read fast only where they are aligned: each shift is a copy
        words = np.frombuffer(block[shift : shift + (len(block) - shift) // 4 * 4], "<u4")
        found.append(np.flatnonzero((words ^ _FIRST_MASK) * _FIRST_FACTOR < _FIRST_LIMIT) * 4 + (shift + 4))
    at = np.concatenate(found)
    at.sort()
    return at[at >= _WINDOW]


def _hashes(block: bytes, at: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hashes of the windows that end at these places."""
    hashes = np.zeros(len(at), np.uint64)
    if len(at):
        words = as_strided(np.frombuffer(block, "<u8", 1), (len(block) - 7,), (1,), writeable=False)
        for back, factor in enumerate(_FACTORS, 1):
            hashes = (hashes ^ words[at - 8 * back]) * factor
    return hashes
