"""Which rows of two versions of a table may differ, and in which columns: from their manifests alone. Pure.

Segments whose columns have equal digests are equal without being read, also in a single column. Rows that stand at the same
number in both versions are equal in every column whose leaves of 65,536 rows have equal digests there.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from homeostat.codec.table_digest import BLOCK_ROWS, LEAF_BLOCKS
from homeostat.data.records import Manifest, Segment

LEAF_ROWS = BLOCK_ROWS * LEAF_BLOCKS


class Stretch(NamedTuple):
    """Rows `old_first` up to `old_end` of one version, where the other has `new_first` up to `new_end`."""

    old_first: int
    old_end: int
    new_first: int
    new_end: int

    @property
    def is_level(self) -> bool:
        """Both sides have as many rows, so that they can be compared one by one."""
        return self.old_end - self.old_first == self.new_end - self.new_first


class Piece(NamedTuple):
    """Rows of one segment of each version that stand side by side, and the columns in which they may differ."""

    old_segment: int
    new_segment: int
    old_first: int
    new_first: int
    rows: int
    columns: tuple[str, ...]


def stretches(old: Manifest, new: Manifest) -> list[Stretch]:
    """Where two versions may differ.

    Cost: O(segments); if many of them came, went and moved, quadratic in those between the first and the last such.
    """
    shared = shared_columns(old, new)
    before, after = ([_key(segment, shared) for segment in side.segments] for side in (old, new))
    old_ends, new_ends = ends(old), ends(new)
    alike = 0
    while alike < min(len(before), len(after)) and before[alike] == after[alike]:
        alike += 1
    matcher = SequenceMatcher(None, before[alike:], after[alike:], autojunk=False)
    return [
        Stretch(
            old_ends[alike + old_first],
            old_ends[alike + old_end],
            new_ends[alike + new_first],
            new_ends[alike + new_end],
        )
        for tag, old_first, old_end, new_first, new_end in matcher.get_opcodes()
        if tag != "equal"
    ]


def shared_columns(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """Columns that both versions have in one type, in the order of the new."""
    types = dict(_schema(old))
    return tuple(name for name, kind in _schema(new) if types.get(name) == kind)


def ends(manifest: Manifest) -> list[int]:
    """Row numbers at which segments begin and end: one more than there are segments."""
    return [0, *np.cumsum([segment.rows for segment in manifest.segments]).tolist()]


class Alignment:
    """Level stretches of two versions, cut into pieces to compare."""

    def __init__(self, old: Manifest, new: Manifest) -> None:
        self._shared = shared_columns(old, new)
        self._old, self._new = old.segments, new.segments
        self._old_ends, self._new_ends = np.array(ends(old)), np.array(ends(new))
        before, after = ({column.name: column for column in side.digest.columns} for side in (old, new))
        leaves = min(old.digest.rows, new.digest.rows) // LEAF_ROWS
        # One row a column, one place a leaf; the last stands for the rows after the whole leaves of both.
        self._differs = np.ones((len(self._shared), leaves + 1), bool)
        for index, name in enumerate(self._shared):
            one, other = before[name], after[name]
            known = min(len(one.leaves), len(other.leaves), leaves)
            self._differs[index, :known] = [a != b for a, b in zip(one.leaves[:known], other.leaves, strict=False)]
            if one.root == other.root:
                self._differs[index] = False

    def pieces(self, stretch: Stretch) -> Iterator[Piece]:
        """The pieces of a level stretch that may differ."""
        first, end, shift = stretch.old_first, stretch.old_end, stretch.new_first - stretch.old_first
        cuts = np.concatenate([self._old_ends, self._new_ends - shift])
        if not shift:
            cuts = np.concatenate([cuts, np.arange(self._differs.shape[1]) * LEAF_ROWS])
        marks = np.unique(np.concatenate([cuts[(cuts > first) & (cuts < end)], [first, end]])).tolist()
        for at, last in pairwise(marks):
            # A segment without rows holds none: the last that begins here is meant.
            ours = int(np.searchsorted(self._old_ends, at, side="right")) - 1
            theirs = int(np.searchsorted(self._new_ends, at + shift, side="right")) - 1
            columns = self._differing(at // LEAF_ROWS) if not shift else self._shared
            if (
                self._old_ends[ours] + shift == self._new_ends[theirs]
                and self._old[ours].rows == self._new[theirs].rows
            ):
                before, after = self._old[ours].columns, self._new[theirs].columns
                columns = tuple(name for name in columns if before[name] != after[name])
            if columns:
                yield Piece(ours, theirs, at, at + shift, last - at, columns)

    def _differing(self, leaf: int) -> tuple[str, ...]:
        seen = self._differs[:, min(leaf, self._differs.shape[1] - 1)]
        return tuple(name for name, differs in zip(self._shared, seen, strict=True) if differs)


def _key(segment: Segment, columns: Sequence[str]) -> tuple[int | str, ...]:
    """Equal for segments whose rows are equal in these columns."""
    digests = segment.columns
    return (segment.rows, *(digests[name] for name in columns))


def _schema(manifest: Manifest) -> list[tuple[str, str]]:
    return [(column.name, column.type) for column in manifest.digest.columns]
