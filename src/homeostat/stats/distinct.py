"""How many distinct values there are, from the smallest of their hashes; it merges exactly.

The k smallest of n distinct uniform hashes reach up to about k / n of their range. Which k those are depends on the set of
values alone, so parts merge in any order and grouping to the sketch of the whole.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

KEPT = 1024  # standard error 1 / sqrt(KEPT) = 3 %
_CHUNK = 1 << 18

Hashes = NDArray[np.uint64]


def smallest(hashes: Hashes) -> Hashes:
    """The sketch of (n,) hashes: the smallest 1,024 distinct ones, ascending.

    Cost: O(n); once the sketch is full, few hashes are smaller than its largest.
    """
    kept = np.zeros(0, dtype=np.uint64)
    for at in range(0, len(hashes), _CHUNK):
        chunk = hashes[at : at + _CHUNK]
        kept = merge_smallest((kept, chunk[chunk < kept[-1]] if len(kept) == KEPT else chunk))
    return kept


def merge_smallest(parts: Iterable[Hashes]) -> Hashes:
    """The sketch of all values together."""
    ordered = np.sort(np.concatenate([np.zeros(0, dtype=np.uint64), *parts]))  # several times faster than np.unique
    kept: Hashes = ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]][:KEPT]
    return kept


def distinct(sketch: Hashes) -> int:
    """Number of distinct values: exact below 1,024, else with a standard error of 3 %.

    Source: Bar-Yossef et al. 2002; the unbiased form (k − 1) / U(k) of Beyer et al. 2007.
    """
    if len(sketch) < KEPT:
        return len(sketch)
    return round((KEPT - 1) * 2.0**64 / float(sketch[-1]))
