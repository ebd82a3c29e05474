"""Sets of keys by their 64-bit hashes, kept so that a look-up touches few of them.

The hashes ascend, and pages of some 1,536 are told by their leading bits. In front of them is a filter: 64 bytes for 24 hashes,
told by leading bits too, in which each hash sets seven bits. Hashes that are looked up in ascending order walk through it
once, and of those that are not there some 0.03 % pass it and are searched for in their page.

Layout: number of pages, where each page begins, where the last ends, as 64-bit integers; the filter; the hashes.
Source of the filter: Putze, Sanders, Singler 2007 (blocked Bloom filters).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from homeostat.data.contracts.derived import Kept

_WORD_BYTES = 8
_BLOCK_HASHES = 24
_BLOCK_BYTES = 64
_PAGE_BLOCKS = 64
_BITS_A_HASH = 7
_BIT = 9  # bits of a number below 512, as many as a block has
_LEAD = np.uint64(32)  # leading bits choose the block
_MIX = np.uint64(
    0x9E3779B97F4A7C15
)  # odd: hashes of one block, alike in their leading bits, differ in those of the product
_CHUNK = 1 << 18

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]


class KeySet:
    """A set as `key_set` wrote it."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._pages = int(self._words(0, 1)[0])
        self._starts = self._words(_WORD_BYTES, self._pages + 1)
        self._filter_at = (self._pages + 2) * _WORD_BYTES
        self._hashes_at = self._filter_at + self._pages * _PAGE_BLOCKS * _BLOCK_BYTES

    def hashes(self) -> Hashes:
        """All of them, ascending; equal keys each."""
        return self._words(self._hashes_at, int(self._starts[-1]))

    def has(self, wanted: Hashes) -> NDArray[np.bool_]:
        """(n,) which of (n,) ascending hashes, each another, are in the set.

        Cost: a small set is read whole. Else the filter is, 3 bytes a hash of the set, and the pages of hashes that pass it.
        """
        if self._starts[-1] <= len(wanted):
            return _found_in(wanted, self.hashes())
        filtering = np.frombuffer(self._kept.read(self._filter_at, self._hashes_at), dtype=np.uint8)
        blocks = _blocks(wanted, self._pages)
        passed = np.arange(len(wanted))
        for turn in range(_BITS_A_HASH):
            bits = _bit(wanted[passed], turn)
            is_set = filtering[blocks[passed] * _BLOCK_BYTES + (bits >> 3)] >> (bits & 7) & 1
            passed = passed[is_set.astype(np.bool_)]
        found = np.zeros(len(wanted), dtype=np.bool_)
        for page, rows in _by_page(blocks // _PAGE_BLOCKS, passed):
            start, stop = self._starts[page : page + 2].tolist()
            kept = self._words(self._hashes_at + start * _WORD_BYTES, stop - start)
            found[rows] = _found_in(wanted[rows], kept)
        return found

    def _words(self, offset: int, count: int) -> Hashes:
        return np.frombuffer(self._kept.read(offset, offset + count * _WORD_BYTES), dtype=np.uint64)


def key_set(ascending: Hashes) -> bytes:
    """What is kept of (n,) hashes, equal ones too. Cost: O(n); 11 bytes a hash."""
    pages = -(-len(ascending) // (_PAGE_BLOCKS * _BLOCK_HASHES))
    filtering = np.zeros((pages * _PAGE_BLOCKS, _BLOCK_BYTES), dtype=np.uint8)
    starts = np.zeros(pages + 1, dtype=np.int64)
    for at in range(0, len(ascending), _CHUNK):
        chunk = ascending[at : at + _CHUNK]
        blocks = _blocks(chunk, pages)
        first, last = int(blocks[0]), int(blocks[-1])
        is_set = np.zeros((last + 1 - first, 1 << _BIT), dtype=np.bool_)
        for turn in range(_BITS_A_HASH):
            is_set[blocks - first, _bit(chunk, turn)] = True
        filtering[first : last + 1] |= np.packbits(is_set, axis=1, bitorder="little")
        starts[1:] += np.bincount(blocks // _PAGE_BLOCKS, minlength=pages)
    front = np.append(np.int64(pages), np.cumsum(starts))
    return b"".join((front.tobytes(), filtering.tobytes(), ascending.tobytes()))


def _found_in(wanted: Hashes, kept: Hashes) -> NDArray[np.bool_]:
    """Which of (n,) ascending hashes, each another, are among others that ascend: the shorter are searched for in the longer."""
    if len(kept) > len(wanted):
        found: NDArray[np.bool_] = kept[np.minimum(np.searchsorted(kept, wanted), len(kept) - 1)] == wanted
        return found
    found = np.zeros(len(wanted), dtype=np.bool_)
    if len(wanted):
        at = np.minimum(np.searchsorted(wanted, kept), len(wanted) - 1)
        found[at[wanted[at] == kept]] = True
    return found


def _blocks(hashes: Hashes, pages: int) -> Numbers:
    """The block of each hash: its leading bits as a share of all blocks, so that it ascends with the hash."""
    return ((hashes >> _LEAD) * np.uint64(pages * _PAGE_BLOCKS) >> _LEAD).astype(np.int64)


def _bit(hashes: Hashes, turn: int) -> Numbers:
    """A bit that each hash sets in its block."""
    return (hashes * _MIX >> np.uint64(64 - _BIT * (turn + 1))).astype(np.int64) & ((1 << _BIT) - 1)


def _by_page(pages: Numbers, rows: Numbers) -> Iterator[tuple[int, Numbers]]:
    """Ascending rows by the page that each lies in."""
    found, firsts = np.unique(pages[rows], return_index=True)
    ends = np.append(firsts, len(rows))[1:]
    for page, first, end in zip(found.tolist(), firsts.tolist(), ends.tolist(), strict=True):
        yield page, rows[first:end]
