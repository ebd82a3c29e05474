"""Comparing two versions of a table, a pair of segments at a time.

Rows that stand side by side are compared first, in the columns whose digests differ, and equal ones leave both sides. Where rows
came or went, the two versions are aligned again by a sample of their rows. Only what is left is held, and matched by key or as
a multiset: memory grows with what differs, not with the table.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from homeostat.codec.tables import Table
from homeostat.data.ahead import THREADS, ahead
from homeostat.data.catalog.records import Version
from homeostat.data.diffs.alignment import (
    Alignment,
    Hashes,
    Pair,
    Stretch,
    ends,
    realigned,
    shared_columns,
    stretches,
)
from homeostat.data.diffs.matching import Matched, check_key, match
from homeostat.data.diffs.records import Diff, Patch, schema_changes
from homeostat.data.records import Manifest
from homeostat.data.versions import Versions

_MOVED = 1 / 16  # share of rows that differ side by side from which two segments are taken to be shifted
_SAMPLED = 64  # one row in so many aligns what moved: about a hundred rows around each change are matched


def compare(versions: Versions, before: Version, after: Version, key: Sequence[str]) -> Diff:
    """What differs between two versions of a table.

    Raises: MissingColumn or WrongType if a key column is not in both in one type. BadData if two of the rows that differ have
        the same key on one side. CorruptObject as `Versions.segment`.
    Cost: reads the segments in which the two differ, a column only if it does, and all columns of segments with a row that
        does; holds some pairs of segments and the rows that are not equal to the one beside them.
    """
    check_key(before.dataset, before.columns, after.columns, key)
    old, new = Side(versions, before), Side(versions, after)
    shared = shared_columns(old.manifest, new.manifest)
    with ThreadPoolExecutor(THREADS) as pool:
        comparison = Comparison(old, new, key, pool)
        unlike = comparison.unlike()
    matched = match(before.dataset, unlike.old.select(shared), unlike.new.select(shared), key)
    fresh = np.sort(np.concatenate([matched.added, matched.changed]))
    changes = schema_changes(before.columns, after.columns)
    beside = [name for name in new.names if name not in shared]
    return Diff(
        dataset=before.dataset,
        before=before.number,
        after=after.number,
        key=tuple(key),
        columns=changes,
        is_reordered=not changes and before.columns != after.columns,
        added=Table(unlike.new.take(matched.added)),
        removed=Table(unlike.old.take(matched.removed)),
        changed=Table(unlike.new.take(matched.changed)),
        changed_from=Table(unlike.old.take(matched.changed_from)),
        rows_read=comparison.rows_read,
        patch=Patch(
            names=new.names,
            stretches=unlike.stretches,
            order=_order(matched, unlike, fresh),
            fresh=Table(unlike.new.select(shared).take(fresh)),
            beside=Table(new.all(beside) if beside else pa.table({})),
        ),
    )


class Found(NamedTuple):
    """Rows that are not equal to the one beside them, with the numbers of the old ones, and where they stand."""

    old: pa.Table
    old_at: NDArray[np.int64]
    new: pa.Table
    stretches: NDArray[np.int64]


class Side:
    """One version, read a segment and some of its columns at a time. Safe for threads."""

    def __init__(self, versions: Versions, version: Version) -> None:
        self._versions = versions
        self._version = version
        self.manifest: Manifest = versions.manifest(version)
        self.names = tuple(column.name for column in version.columns)
        self.ends = ends(self.manifest)

    def segment(self, index: int, names: Sequence[str], *, keeps: bool = False) -> pa.Table:
        """Columns of a segment; it `keeps` them decoded for whoever comes back to it soon."""
        return self._versions.segment(self._version, self.manifest.segments[index], names, keeps=keeps)

    def rows(
        self, index: int, at: NDArray[np.int64], known: pa.Table, names: Sequence[str], *, keeps: bool
    ) -> pa.Table:
        """Some rows of a segment, by their numbers in it, of which some columns are `known`."""
        there = set(known.column_names)
        others = self.segment(index, [name for name in names if name not in there], keeps=keeps)
        columns = [(known if name in there else others).column(name) for name in names]
        return pa.Table.from_arrays(columns, names=list(names)).take(pa.array(at))

    def parts(self, first: int, end: int) -> Iterator[tuple[int, int, int]]:
        """For each segment in a range of rows: its number, and where in it the range begins and ends."""
        for index, (low, high) in enumerate(pairwise(self.ends)):
            if low < end and high > first:
                yield index, max(low, first) - low, min(high, end) - low

    def between(self, first: int, end: int) -> pa.Table:
        """All columns of a range of rows."""
        none = self.segment(0, self.names).slice(0, 0)
        # Copied: a slice of a few rows would hold all rows of its segment in memory.
        parts = [
            self.segment(index, self.names, keeps=True).take(pa.array(np.arange(at, last)))
            for index, at, last in self.parts(first, end)
        ]
        return pa.concat_tables([none, *parts])

    def all(self, names: Sequence[str]) -> pa.Table:
        """Some columns of all rows."""
        return pa.concat_tables([self.segment(index, names) for index in range(len(self.manifest.segments))])


class Comparison:
    """Finds the rows of two versions that are not equal to the one beside them.

    Attributes:
        rows_read: rows of both that had to be compared so far.
    """

    def __init__(self, old: Side, new: Side, key: Sequence[str], pool: Executor) -> None:
        self._old, self._new = old, new
        self._pool = pool
        self._shared = shared_columns(old.manifest, new.manifest)
        self._aligned_by = tuple(key) or self._shared
        self._alignment = Alignment(old.manifest, new.manifest)
        self.rows_read = 0

    def unlike(self) -> Found:
        """All of them, in order."""
        found, apart = [self._whole(Stretch(0, 0, 0, 0))], list[Stretch]()
        for stretch in stretches(self._old.manifest, self._new.manifest):
            if stretch.is_level:
                for outcome in self._compared(stretch, may_move=True):
                    if isinstance(outcome, Stretch):
                        apart.append(outcome)
                    else:
                        found.append(outcome)
            else:
                self.rows_read += stretch.rows
                apart.append(stretch)
        for stretch in _joined(apart):
            for part in self._realigned(stretch):
                if part.is_level:
                    found.extend(one for one in self._compared(part, may_move=False) if isinstance(one, Found))
                else:
                    found.append(self._whole(part))
        found.sort(key=lambda one: one.stretches[:1].tolist())
        return Found(
            pa.concat_tables([one.old for one in found]),
            np.concatenate([one.old_at for one in found]),
            pa.concat_tables([one.new for one in found]),
            np.concatenate([one.stretches for one in found]),
        )

    def _compared(self, stretch: Stretch, *, may_move: bool) -> Iterator[Found | Stretch]:
        """Rows of a level stretch that differ; or, if many rows of two segments do and may have moved, where those stand."""
        for pair, outcome in ahead(
            self._pool, lambda pair: self._compare(pair, may_move=may_move), self._alignment.pairs(stretch)
        ):
            self.rows_read += 2 * pair.rows if may_move else 0
            if outcome is not None:
                yield outcome

    def _compare(self, pair: Pair, *, may_move: bool) -> Found | Stretch | None:
        keeps = not may_move  # short stretches, many in one segment
        ours = self._old.segment(pair.old_segment, pair.columns, keeps=keeps)
        theirs = self._new.segment(pair.new_segment, pair.columns, keeps=keeps)
        old_base, new_base = self._old.ends[pair.old_segment], self._new.ends[pair.new_segment]
        differing = []
        for piece in pair.pieces:
            one = ours.select(piece.columns).slice(piece.old_first - old_base, piece.rows)
            other = theirs.select(piece.columns).slice(piece.new_first - new_base, piece.rows)
            differing.append(piece.old_first + _unequal(one, other))
        at = np.concatenate(differing)
        if not len(at):
            return None
        if may_move and len(at) > _MOVED * pair.rows:
            return pair.stretch
        return self._whole_rows(pair, at, ours, theirs, keeps=keeps)

    def _whole_rows(self, pair: Pair, at: NDArray[np.int64], old: pa.Table, new: pa.Table, *, keeps: bool) -> Found:
        """These rows of the old version and those beside them, whole, of which some columns are read. Those that do not differ
        are read once.
        """
        new_at = at + pair.stretch.new_first - pair.stretch.old_first
        ours = self._old.rows(
            pair.old_segment, at - self._old.ends[pair.old_segment], old, self._old.names, keeps=keeps
        )
        alike = set(self._shared) - set(pair.columns)
        others = [name for name in self._new.names if name not in alike]
        theirs = self._new.rows(pair.new_segment, new_at - self._new.ends[pair.new_segment], new, others, keeps=keeps)
        columns = {name: (ours if name in alike else theirs).column(name) for name in self._new.names}
        breaks = np.flatnonzero(np.diff(at) != 1)
        first, last = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(at) - 1]])
        where = np.stack([at[first], at[last] + 1, new_at[first], new_at[last] + 1], axis=1)
        return Found(ours, at, pa.table(columns), where)

    def _whole(self, stretch: Stretch) -> Found:
        """All rows of a stretch."""
        return Found(
            self._old.between(stretch.old_first, stretch.old_end),
            np.arange(stretch.old_first, stretch.old_end),
            self._new.between(stretch.new_first, stretch.new_end),
            np.array([stretch] if stretch.rows else np.empty((0, 4)), np.int64),
        )

    def _realigned(self, stretch: Stretch) -> list[Stretch]:
        if not self._aligned_by:
            return [stretch]
        old_sample = self._sample(self._old, stretch.old_first, stretch.old_end)
        new_sample = self._sample(self._new, stretch.new_first, stretch.new_end)
        return realigned(stretch, old_sample, new_sample)

    def _sample(self, side: Side, first: int, end: int) -> Hashes:
        """Rows of a range whose hash happens to be a multiple of `_SAMPLED`, so that equal rows are in both samples."""

        def act(part: tuple[int, int, int]) -> Hashes:
            index, at, last = part
            hashes = (
                pl.DataFrame(side.segment(index, self._aligned_by, keeps=True).slice(at, last - at))
                .hash_rows()
                .to_numpy()
            )
            chosen = np.flatnonzero(hashes % _SAMPLED == 0)
            return hashes[chosen], side.ends[index] + at + chosen

        parts = [sample for _, sample in ahead(self._pool, act, side.parts(first, end))]
        parts.append((np.empty(0, np.uint64), np.empty(0, np.int64)))
        return np.concatenate([hashes for hashes, _ in parts]), np.concatenate([rows for _, rows in parts])


def _unequal(old: pa.Table, new: pa.Table) -> NDArray[np.int64]:
    """Numbers of the rows that differ side by side: null is null, NaN is NaN, -0.0 is 0.0."""
    differs = np.zeros(old.num_rows, bool)
    for one, other in zip(old.columns, new.columns, strict=True):
        differs |= pl.Series(values=one).ne_missing(pl.Series(values=other)).to_numpy()
    return np.flatnonzero(differs)


def _joined(parts: Iterable[Stretch]) -> list[Stretch]:
    """Stretches in order, those that touch as one."""
    joined: list[Stretch] = []
    for part in sorted(parts):
        last = joined[-1] if joined else None
        if last is not None and (last.old_end, last.new_end) == (part.old_first, part.new_first):
            joined[-1] = Stretch(last.old_first, part.old_end, last.new_first, part.new_end)
        else:
            joined.append(part)
    return joined


def _order(matched: Matched, unlike: Found, fresh: NDArray[np.int64]) -> NDArray[np.int64]:
    """The `order` of a patch whose rows `fresh`, of those that are unlike, are written anew."""
    order = np.empty(unlike.new.num_rows, np.int64)
    order[matched.kept] = unlike.old_at[matched.kept_from]
    order[fresh] = -1 - np.arange(len(fresh))
    return order
