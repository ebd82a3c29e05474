"""Histograms that need no reference to fix their cells, and still merge exactly.

The bits of a float64, read as an integer, ascend with its value. A cell is what is left of them when the lowest `level` bits
are dropped: at level 0 each distinct value has a cell, at level 52 each power of two. The level is the lowest at which no
more than 1,024 cells are used, a property of the set of values alone. So the histogram of rows together is the same in
whatever order and grouping their parts were merged, and any two histograms can be laid over each other.
"""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from homeostat.stats.histogram import BINS, Counts, Numbers

MOST_CELLS = 1024
_CHUNK = 1 << 18  # values at a time: their bits stay in the cache of a core
_SAMPLE = 1 << 14
_SIGN = 63

Keys = NDArray[np.int64]


class Dyadic(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of values by dyadic cell.

    Attributes:
        level: number of low bits dropped.
        cells: used cells, ascending.
        counts: of values in each.
        nans: counted apart, they have no place in the order.
    """

    level: int = 0
    cells: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    nans: int = 0

    @property
    def total(self) -> int:
        """Values counted, NaN aside."""
        return sum(self.counts)

    @property
    def edges(self) -> NDArray[np.float64]:
        """Lower edge of each used cell."""
        return _values(_lowest_keys(self))

    def quantile(self, share: float) -> float:
        """Lower edge of the cell that holds this quantile: not above it, and below it by less than the cell's width.

        Returns: NaN if nothing is counted.
        """
        if not self.counts:
            return float("nan")
        reached = np.cumsum(self.counts)
        return float(self.edges[min(int(np.searchsorted(reached, share * reached[-1])), len(self.cells) - 1)])


def dyadic(x: NDArray[np.float64]) -> Dyadic:
    """The histogram of (n,) values.

    Cost: O(n), some 10 ns a value; memory for 262,144 values at a time.
    """
    return merge_dyadic(_chunk(x[at : at + _CHUNK]) for at in range(0, len(x), _CHUNK))


def merge_dyadic(parts: Iterable[Dyadic]) -> Dyadic:
    """The histogram of all values together, whatever the order and grouping of the parts; empty of none."""
    merged = Dyadic()
    for part in parts:
        level = max(merged.level, part.level)
        keys = np.concatenate([_lowest_keys(merged), _lowest_keys(part)])
        counts = np.concatenate([_counts(merged), _counts(part)])
        merged = _settled(keys, counts, level, merged.nans + part.nans)
    return merged


def laid_over(reference: Dyadic, live: Dyadic) -> tuple[Numbers, Counts, Counts]:
    """Both histograms over about 250 cells of equal share of the reference, as `stats.drift` takes them; nulls are 0.

    Returns: the cells, counts of the reference, counts of the live values.
    """
    level = max(reference.level, live.level)
    keys, counts = _cells_at(reference, level), _counts(reference)
    used, index = np.unique(keys, return_inverse=True)
    summed = np.bincount(index, weights=counts, minlength=len(used))
    share = np.cumsum(summed) - summed
    # The first cell in each 250th of the reference begins a new one; the last edge lies above all of the reference.
    firsts = np.unique(np.floor(share / max(1.0, summed.sum()) * BINS), return_index=True)[1]
    starts = np.append(used[firsts], used[-1] + 1) if len(used) else np.zeros(1, dtype=np.int64)
    cells = Numbers(edges=tuple(_values(starts << level).tolist()))
    return cells, _recounted(cells, starts, reference, level), _recounted(cells, starts, live, level)


def _recounted(cells: Numbers, starts: Keys, histogram: Dyadic, level: int) -> Counts:
    inside = np.searchsorted(starts, _cells_at(histogram, level), side="right")
    counts = np.bincount(inside, weights=_counts(histogram), minlength=cells.cells).astype(np.int64)
    counts[-2:] = histogram.nans, 0
    return counts


def _chunk(x: NDArray[np.float64]) -> Dyadic:
    is_nan = np.isnan(x)
    nans = int(is_nan.sum())
    keys = _keys(x[~is_nan] if nans else x)
    # A sample has no more cells than the whole: its level is a lower bound, and most often the level itself.
    level = _level(np.sort(keys[:: max(1, len(keys) // _SAMPLE)]))
    cells, counts = np.unique(keys >> level, return_counts=True)
    return _settled(cells << level, counts, level, nans)


def _settled(keys: Keys, counts: Counts, level: int, nans: int) -> Dyadic:
    """Over the lowest level, from `level` up, at which few enough cells are used."""
    order = np.argsort(keys)
    keys, counts = keys[order], counts[order]
    level = max(level, _level(keys))
    cells = keys >> level
    firsts = np.flatnonzero(np.diff(cells, prepend=cells[:1] - 1)) if len(cells) else np.zeros(0, dtype=np.intp)
    summed = np.add.reduceat(counts, firsts) if len(firsts) else counts
    return Dyadic(level=level, cells=tuple(cells[firsts].tolist()), counts=tuple(summed.tolist()), nans=nans)


def _level(ascending: Keys) -> int:
    """The lowest level at which so many keys use few enough cells."""
    low, high = 0, _SIGN
    while low < high:
        middle = (low + high) // 2
        if 1 + np.count_nonzero(np.diff(ascending >> middle)) <= MOST_CELLS:
            high = middle
        else:
            low = middle + 1
    return low


def _lowest_keys(histogram: Dyadic) -> Keys:
    return np.array(histogram.cells, dtype=np.int64) << histogram.level


def _cells_at(histogram: Dyadic, level: int) -> Keys:
    """Cells at a level that is not below the histogram's own."""
    return np.array(histogram.cells, dtype=np.int64) >> (level - histogram.level)


def _counts(histogram: Dyadic) -> Counts:
    return np.array(histogram.counts, dtype=np.int64)


def _keys(x: NDArray[np.float64]) -> Keys:
    """Integers in the order of the values; −0 is 0."""
    bits = (x + 0.0).view(np.int64)
    return bits ^ ((bits >> _SIGN) & np.int64(2**63 - 1))


def _values(keys: Keys) -> NDArray[np.float64]:
    return (keys ^ ((keys >> _SIGN) & np.int64(2**63 - 1))).view(np.float64)
