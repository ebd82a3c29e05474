"""Histograms over cells that a reference fixed: they merge exactly and every drift distance is made from them.

A column's cells come from its reference rows: quantile edges for numbers, levels for categories. Counts are int64
vectors over these cells, so histograms of windows add up to the histogram of the rows together, in any grouping.

    Numbers:    under | between edges ... | over | NaN | null
    Categories: level ... | __other__ | __new__ | null
"""

from collections import Counter
from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from homeostat.core.errors import EdgesMismatch, EmptyWindow

BINS = 250
MOST_LEVELS = 1000
OTHER, NEW = "__other__", "__new__"

Counts = NDArray[np.int64]


class Numbers(msgspec.Struct, frozen=True, kw_only=True, tag="numbers"):
    """Cells of a numeric column: ascending edges; a value on an edge belongs to the cell above it."""

    edges: tuple[float, ...]

    @property
    def cells(self) -> int:
        """Under, between edges, over; then NaN and null."""
        return len(self.edges) + 3

    @property
    def ordered(self) -> int:
        """The first so many cells lie in the order of their values."""
        return len(self.edges) + 1

    def count(self, x: NDArray[np.float64], nulls: int = 0) -> Counts:
        """(cells,) counts of (n,) values, of which NaN are counted apart, and of `nulls` missing ones.

        Cost: O(n log edges).
        """
        is_nan = np.isnan(x)
        # A value below all edges falls into cell 0, one from the last edge on into the last ordered cell.
        inside = np.searchsorted(np.array(self.edges), x[~is_nan], side="right")
        counts = np.bincount(inside, minlength=self.cells).astype(np.int64)
        counts[-2:] = int(is_nan.sum()), nulls
        return counts


class Categories(msgspec.Struct, frozen=True, kw_only=True, tag="categories"):
    """Cells of a categorical column: the levels of the reference, the most frequent 1,000 of them.

    `is_whole`: the reference had no further levels. A level that is not listed is new if so; else it may be one of the
    rare ones and counts as other.
    """

    levels: tuple[str, ...]
    is_whole: bool

    @property
    def cells(self) -> int:
        return len(self.levels) + 3

    @property
    def ordered(self) -> int:
        """The levels, other and new; they have no order of their own."""
        return len(self.levels) + 2

    def count(self, seen: Mapping[str, int], nulls: int = 0) -> Counts:
        """(cells,) counts of levels given with how often each was seen, and of `nulls` missing values."""
        cell = {level: index for index, level in enumerate(self.levels)}
        unlisted = len(self.levels) + self.is_whole
        counts = np.zeros(self.cells, dtype=np.int64)
        for level, times in seen.items():
            counts[cell.get(level, unlisted)] += times
        counts[-1] = nulls
        return counts


Cells = Numbers | Categories


def number_cells(x: NDArray[np.float64], bins: int = BINS) -> Numbers:
    """Cells with about equal shares of the reference; fewer where values repeat.

    Raises: EmptyWindow if no value is finite.
    """
    finite = x[np.isfinite(x)]
    if not len(finite):
        raise EmptyWindow(f"The reference holds no finite number among {len(x)} values; no edges can be drawn.")
    # Edges are values of the reference, so that a column of few distinct values has a cell for each.
    edges = np.unique(np.quantile(finite, np.linspace(0, 1, bins + 1), method="lower"))
    # One edge more, just above the greatest value of the reference: it has a cell, and only what lies beyond is over.
    return Numbers(edges=(*edges.tolist(), float(np.nextafter(edges[-1], np.inf))))


def category_cells(seen: Mapping[str, int], most: int = MOST_LEVELS) -> Categories:
    """Cells for the `most` frequent levels of the reference; ties in the order of their names.

    Raises: EmptyWindow if there are no levels.
    """
    if not seen:
        raise EmptyWindow("The reference holds no category; no cells can be made.")
    ranked = sorted(Counter(seen).items(), key=lambda item: (-item[1], item[0]))
    return Categories(levels=tuple(sorted(level for level, _ in ranked[:most])), is_whole=len(ranked) <= most)


def merge(*parts: Counts) -> Counts:
    """The histogram of all rows together.

    Raises: EdgesMismatch if the parts are counted over different numbers of cells. EmptyWindow if there are none.
    """
    if not parts:
        raise EmptyWindow("The merge of no histograms was asked for.")
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        raise EdgesMismatch(
            f"Histograms of {', '.join(str(shape[0]) for shape in sorted(shapes))} cells cannot be merged: "
            f"they were counted over the cells of different references. Count the rows again over one of them."
        )
    total: Counts = np.sum(parts, axis=0, dtype=np.int64)
    return total
