"""Comparing two versions of a table, segment by segment.

Rows that stand side by side are compared first, in the columns whose digests differ, and equal ones leave both sides. Only the
rest is held and matched by key or as a multiset, so that memory grows with what differs, not with the table.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from homeostat.codec.tables import Table
from homeostat.data.diffs.alignment import Alignment, Piece, ends, shared_columns, stretches
from homeostat.data.diffs.matching import Matched, check_key, match
from homeostat.data.diffs.records import Diff, Patch, schema_changes
from homeostat.data.records import Manifest, Version
from homeostat.data.versions import Versions


def compare(versions: Versions, before: Version, after: Version, key: Sequence[str]) -> Diff:
    """What differs between two versions of a table.

    Raises: MissingColumn or WrongType if a key column is not in both in one type. BadData if two of the rows that differ have
        the same key on one side. CorruptObject as `Versions.segment`.
    Cost: reads the segments in which the two differ, a column only if it does, and all columns of segments with a row that
        does; holds two segments and the rows that are not equal to the one beside them.
    """
    check_key(before.dataset, before.columns, after.columns, key)
    old, new = Side(versions, before), Side(versions, after)
    shared = shared_columns(old.manifest, new.manifest)
    unlike = _unlike(old, new, shared)
    old_rows, new_rows = unlike.old, unlike.new
    matched = match(before.dataset, old_rows.select(shared), new_rows.select(shared), key)
    fresh = np.sort(np.concatenate([matched.added, matched.changed]))
    changes = schema_changes(before.columns, after.columns)
    return Diff(
        dataset=before.dataset,
        before=before.number,
        after=after.number,
        key=tuple(key),
        columns=changes,
        is_reordered=not changes and before.columns != after.columns,
        added=Table(new_rows.take(matched.added)),
        removed=Table(old_rows.take(matched.removed)),
        changed=Table(new_rows.take(matched.changed)),
        changed_from=Table(old_rows.take(matched.changed_from)),
        rows_read=unlike.rows_read,
        patch=Patch(
            names=new.names,
            stretches=unlike.stretches,
            order=_order(matched, unlike, fresh),
            fresh=Table(new_rows.select(shared).take(fresh)),
            beside=Table(new.all([name for name in new.names if name not in shared])),
        ),
    )


class Unlike(NamedTuple):
    """Rows that are not equal to the one beside them, with their numbers in the old version, and where they stand."""

    old: pa.Table
    old_at: NDArray[np.int64]
    new: pa.Table
    stretches: NDArray[np.int64]
    rows_read: int


class Side:
    """One version, read a segment and its columns at a time. Of one thread."""

    def __init__(self, versions: Versions, version: Version) -> None:
        self._versions = versions
        self._version = version
        self.manifest: Manifest = versions.manifest(version)
        self.names = tuple(column.name for column in version.columns)
        self.ends = ends(self.manifest)
        self._index = -1
        self._held: dict[str, pa.ChunkedArray] = {}

    def rows(self, index: int, first: int, rows: int, names: Sequence[str]) -> pa.Table:
        """Rows of a segment, `first` being a row number of the version. The columns of the last segment stay in memory."""
        if index != self._index:
            self._index, self._held = index, {}
        missing = [name for name in names if name not in self._held]
        if missing:
            read = self._versions.segment(self._version, self.manifest.segments[index], missing)
            self._held |= dict(zip(missing, read.columns, strict=True))
        return pa.table({name: self._held[name] for name in names}).slice(first - self.ends[index], rows)

    def between(self, first: int, end: int) -> Iterator[pa.Table]:
        """All columns of a range of rows, in parts."""
        for index, (low, high) in enumerate(zip(self.ends[:-1], self.ends[1:], strict=True)):
            if low < end and high > first:
                begin = max(low, first)
                yield self.rows(index, begin, min(high, end) - begin, self.names)

    def all(self, names: Sequence[str]) -> pa.Table:
        """Some columns of all rows."""
        if not names:
            return pa.table({})
        return pa.concat_tables(
            [self._versions.segment(self._version, segment, names) for segment in self.manifest.segments]
        )

    def none(self) -> pa.Table:
        """All columns of no row."""
        return self._versions.segment(self._version, self.manifest.segments[0], self.names).slice(0, 0)


def _unlike(old: Side, new: Side, shared: Sequence[str]) -> Unlike:
    alignment = Alignment(old.manifest, new.manifest)
    old_parts, new_parts = [old.none()], [new.none()]
    old_at, where = [np.empty(0, np.int64)], [np.empty((0, 4), np.int64)]
    rows_read = 0
    with ThreadPoolExecutor(2) as pool:
        for stretch in stretches(old.manifest, new.manifest):
            if not stretch.is_level:
                old_parts.extend(old.between(stretch.old_first, stretch.old_end))
                new_parts.extend(new.between(stretch.new_first, stretch.new_end))
                old_at.append(np.arange(stretch.old_first, stretch.old_end))
                where.append(np.array([stretch]))
                rows_read += stretch.old_end - stretch.old_first + stretch.new_end - stretch.new_first
                continue
            for piece in alignment.pieces(stretch):
                rows_read += 2 * piece.rows
                at = _differing(old, new, piece, pool)
                if not len(at):
                    continue
                ours, theirs = _rows_at(old, new, piece, shared, at)
                old_parts.append(ours)
                new_parts.append(theirs)
                old_at.append(piece.old_first + at)
                where.append(_runs(at, piece))
    return Unlike(
        pa.concat_tables(old_parts),
        np.concatenate(old_at),
        pa.concat_tables(new_parts),
        np.concatenate(where),
        rows_read,
    )


def _differing(old: Side, new: Side, piece: Piece, pool: ThreadPoolExecutor) -> NDArray[np.int64]:
    """Row numbers within the piece of rows that differ in a column. Both sides are read at a time."""
    reading = pool.submit(old.rows, piece.old_segment, piece.old_first, piece.rows, piece.columns)
    theirs = new.rows(piece.new_segment, piece.new_first, piece.rows, piece.columns)
    ours = reading.result()
    differs = np.zeros(piece.rows, bool)
    for one, other in zip(ours.columns, theirs.columns, strict=True):
        differs |= pl.Series(values=one).ne_missing(pl.Series(values=other)).to_numpy()
    return np.flatnonzero(differs)


def _rows_at(
    old: Side, new: Side, piece: Piece, shared: Sequence[str], at: NDArray[np.int64]
) -> tuple[pa.Table, pa.Table]:
    """These rows of both sides, whole. Columns that do not differ are read once."""
    taken = pa.array(at)
    ours = old.rows(piece.old_segment, piece.old_first, piece.rows, old.names).take(taken)
    alike = [name for name in shared if name not in piece.columns]
    others = [name for name in new.names if name not in alike]
    read = new.rows(piece.new_segment, piece.new_first, piece.rows, others).take(taken)
    return ours, pa.table({name: (ours if name in alike else read).column(name) for name in new.names})


def _runs(at: NDArray[np.int64], piece: Piece) -> NDArray[np.int64]:
    """(runs, 4): where runs of consecutive rows of a piece begin and end, in the old version and in the new."""
    breaks = np.flatnonzero(np.diff(at) != 1)
    first, end = at[np.concatenate([[0], breaks + 1])], at[np.concatenate([breaks, [len(at) - 1]])] + 1
    return np.stack(
        [piece.old_first + first, piece.old_first + end, piece.new_first + first, piece.new_first + end], axis=1
    )


def _order(matched: Matched, unlike: Unlike, fresh: NDArray[np.int64]) -> NDArray[np.int64]:
    """The `order` of a patch whose rows `fresh`, of those that are unlike, are written anew."""
    order = np.empty(unlike.new.num_rows, np.int64)
    order[matched.kept] = unlike.old_at[matched.kept_from]
    order[fresh] = -1 - np.arange(len(fresh))
    return order
