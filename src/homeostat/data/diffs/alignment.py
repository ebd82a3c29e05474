"""Which rows of two versions of a table may differ, and in which columns: from their manifests alone. Pure.

Segments whose columns have equal digests are equal without being read, also in a single column. Rows that stand at the same
number in both versions are equal in every column whose leaves of 65,536 rows have equal digests there.
"""

from bisect import bisect
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeostat.codec.table_digest import BLOCK_ROWS, LEAF_BLOCKS
from homeostat.data.records import Manifest, Segment

LEAF_ROWS = BLOCK_ROWS * LEAF_BLOCKS
# (rows,) hashes and (rows,) row numbers.
Hashes = tuple[NDArray[np.uint64], NDArray[np.int64]]


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

    @property
    def rows(self) -> int:
        """Of both sides together."""
        return self.old_end - self.old_first + self.new_end - self.new_first


class Piece(NamedTuple):
    """Rows that stand side by side, and the columns in which they may differ."""

    old_first: int
    new_first: int
    rows: int
    columns: tuple[str, ...]


class Pair(NamedTuple):
    """A segment of each version, with the pieces in which both have a part."""

    old_segment: int
    new_segment: int
    pieces: list[Piece]

    @property
    def columns(self) -> list[str]:
        """Columns in which some piece may differ."""
        return list(dict.fromkeys(name for piece in self.pieces for name in piece.columns))

    @property
    def rows(self) -> int:
        return sum(piece.rows for piece in self.pieces)

    @property
    def stretch(self) -> Stretch:
        """From the first piece to the end of the last."""
        first, last = self.pieces[0], self.pieces[-1]
        return Stretch(first.old_first, last.old_first + last.rows, first.new_first, last.new_first + last.rows)


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
    """Level stretches of two versions, cut where segments begin and where digests agree."""

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

    def pairs(self, stretch: Stretch) -> Iterator[Pair]:
        """What of a level stretch has to be compared, a pair of segments at a time."""
        first, end, shift = stretch.old_first, stretch.old_end, stretch.new_first - stretch.old_first
        for at, last in _cut(first, end, [*self._old_ends, *(self._new_ends - shift)]):
            # A segment without rows holds none: the last that begins here is meant.
            ours = int(np.searchsorted(self._old_ends, at, side="right")) - 1
            theirs = int(np.searchsorted(self._new_ends, at + shift, side="right")) - 1
            known = self._shared
            if (
                self._old_ends[ours] + shift == self._new_ends[theirs]
                and self._old[ours].rows == self._new[theirs].rows
            ):
                before, after = self._old[ours].columns, self._new[theirs].columns
                known = tuple(name for name in known if before[name] != after[name])
            leaves = range(at // LEAF_ROWS, last // LEAF_ROWS + 1) if not shift else ()
            pieces = [
                Piece(low, low + shift, high - low, self._differing(known, low // LEAF_ROWS) if leaves else known)
                for low, high in _cut(at, last, [leaf * LEAF_ROWS for leaf in leaves])
            ]
            wanted = [piece for piece in pieces if piece.columns]
            if wanted:
                yield Pair(ours, theirs, wanted)

    def _differing(self, names: tuple[str, ...], leaf: int) -> tuple[str, ...]:
        seen = self._differs[:, min(leaf, self._differs.shape[1] - 1)]
        return tuple(name for name, differs in zip(self._shared, seen, strict=True) if differs and name in names)


def realigned(stretch: Stretch, old_hashes: Hashes, new_hashes: Hashes) -> list[Stretch]:
    """A stretch cut into level ones, whose rows mostly agree side by side, and what is between them.

    Args:
        stretch: where rows came, went or moved.
        old_hashes, new_hashes: of a sample of its rows that is chosen by their hashes, so that equal rows are in both.

    Cost: O(sample), sorted.
    """
    old_at, new_at = _anchors(old_hashes, new_hashes)
    if not len(old_at):
        return [stretch]
    breaks = np.flatnonzero(np.diff(new_at - old_at)) + 1
    begins, last = np.concatenate([[0], breaks]), np.concatenate([breaks, [len(old_at)]]) - 1
    # The longest first: a block that moved must not keep out all that it moved across.
    chosen: list[Stretch] = []
    for run in np.argsort(begins - last, kind="stable").tolist():
        low, high = begins[run], last[run]
        wanted = Stretch(int(old_at[low]), int(old_at[high]) + 1, int(new_at[low]), int(new_at[high]) + 1)
        place = bisect(chosen, wanted)
        is_after = place == 0 or chosen[place - 1].new_end <= wanted.new_first
        is_before = place == len(chosen) or wanted.new_end <= chosen[place].new_first
        if is_after and is_before:
            chosen.insert(place, wanted)
    bounds = [
        Stretch(stretch.old_first, stretch.old_first, stretch.new_first, stretch.new_first),
        *chosen,
        Stretch(stretch.old_end, stretch.old_end, stretch.new_end, stretch.new_end),
    ]
    between = [Stretch(one.old_end, other.old_first, one.new_end, other.new_first) for one, other in pairwise(bounds)]
    return [
        part for part in sorted([*chosen, *between]) if part.old_first < part.old_end or part.new_first < part.new_end
    ]


def _anchors(old: Hashes, new: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of rows that are once in each sample, pairwise, in the order of the old version."""
    sides = []
    for hashes, rows in (old, new):
        values, first, count = np.unique(hashes, return_index=True, return_counts=True)
        sides.append((values[count == 1], rows[first[count == 1]]))
    _, ours, theirs = np.intersect1d(sides[0][0], sides[1][0], assume_unique=True, return_indices=True)
    old_at, new_at = sides[0][1][ours], sides[1][1][theirs]
    order = np.argsort(old_at)
    return old_at[order], new_at[order]


def _cut(first: int, end: int, at: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The range from `first` to `end`, cut at those numbers that lie in it."""
    inner = sorted({int(number) for number in at if first < number < end})
    return pairwise([first, *inner, end])


def _key(segment: Segment, columns: Sequence[str]) -> tuple[int | str, ...]:
    """Equal for segments whose rows are equal in these columns."""
    digests = segment.columns
    return (segment.rows, *(digests[name] for name in columns))


def _schema(manifest: Manifest) -> list[tuple[str, str]]:
    return [(column.name, column.type) for column in manifest.digest.columns]
