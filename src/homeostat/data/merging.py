"""Bringing together what two lines of a dataset did to the rows of the version they began with. Pure.

With a key, rows are followed by it: what only one side did is taken, what both did alike is taken once, and where they did
different things to one row there is a conflict. Without a key a row is its values: what both sides added, or both removed, may be one change
or two, which is a conflict too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homeostat.data.diffs.matching import match
from homeostat.data.diffs.records import Diff

_Rows = NDArray[np.int64]


class Merged(NamedTuple):
    """The rows of both lines; or, if there are any, rows that conflict, marked `ours` or `theirs` in a first column."""

    rows: pa.Table
    conflicts: pa.Table


def merged(rows: pa.Table, ours: Diff, theirs: Diff) -> Merged:
    """What `theirs` did, done to `rows`, which are those that `ours` led to.

    Args:
        rows: in their order; what the others added comes after them.
        ours, theirs: what both sides did since the version they began with, by the same key.

    Raises: BadData if two rows have the same key.
    """
    dataset, key = ours.dataset, list(ours.key)
    now, gone = _now(ours), ours.removed.arrow()
    other, lost = _now(theirs), theirs.removed.arrow()
    # Changed rows stand before added ones in `now` and `other`.
    alike, unlike = _met(dataset, now, other, key)
    both_gone = _met(dataset, gone, lost, key)[0]
    conflicts = [_marked("ours", now.take(unlike.ours)), _marked("theirs", other.take(unlike.theirs))]
    if key:
        ours_only, theirs_only = _same_key(dataset, now, lost, key), _same_key(dataset, gone, other, key)
        conflicts += [_marked("ours", now.take(ours_only.ours)), _marked("theirs", other.take(theirs_only.theirs))]
    else:
        conflicts += [_marked("ours", now.take(alike.ours)), _marked("theirs", lost.take(both_gone.theirs))]
    found = pa.concat_tables(conflicts)
    if found.num_rows:
        # Both sides of one row stand together.
        return Merged(rows.slice(0, 0), found.sort_by([(name, "ascending") for name in key]) if key else found)
    lost = _without(lost, both_gone.theirs)
    changed = theirs.changed.rows
    fresh = np.setdiff1d(np.arange(changed, other.num_rows), alike.theirs)
    edited = np.setdiff1d(np.arange(changed), alike.theirs)
    taken = np.arange(rows.num_rows)
    places = _same_key(dataset, rows, other.take(edited), key) if key else _Pairs(edited, edited)
    taken[places.ours] = rows.num_rows + edited[places.theirs]
    dropped = _same_key(dataset, rows, lost, key).ours if key else _met(dataset, rows, lost, key)[0].ours
    taken = np.concatenate([np.delete(taken, dropped), rows.num_rows + fresh])
    return Merged(pa.concat_tables([rows, other]).take(pa.array(taken)), found)


class _Pairs(NamedTuple):
    ours: _Rows
    theirs: _Rows


def _now(diff: Diff) -> pa.Table:
    return pa.concat_tables([diff.changed.arrow(), diff.added.arrow()])


def _met(dataset: str, ours: pa.Table, theirs: pa.Table, key: Sequence[str]) -> tuple[_Pairs, _Pairs]:
    """Rows of both that are equal; and rows with one key that are not."""
    found = match(dataset, ours, theirs, key)
    return _Pairs(found.kept_from, found.kept), _Pairs(found.changed_from, found.changed)


def _same_key(dataset: str, ours: pa.Table, theirs: pa.Table, key: Sequence[str]) -> _Pairs:
    return _met(dataset, ours.select(key), theirs.select(key), key)[0]


def _without(rows: pa.Table, numbers: _Rows) -> pa.Table:
    return rows.take(pa.array(np.setdiff1d(np.arange(rows.num_rows), numbers)))


def _marked(side: str, rows: pa.Table) -> pa.Table:
    name = "side"
    while name in rows.column_names:
        name = f"_{name}"
    return rows.add_column(0, name, pa.array([side] * rows.num_rows, pa.large_string()))
