"""What differs between two versions of a table, and the patch that makes one of the other. Pure.

Manifests are compared first: segments that both versions share, and leaves of 65,536 rows whose digests agree, are equal
without being read. What is left are stretches of rows. Their rows are matched by key where one is given, else as a
multiset: a row that only moved has not changed. Values are equal as content ids see them: NaN is NaN, -0.0 is 0.0.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from homeostat.codec.table_digest import BLOCK_ROWS, LEAF_BLOCKS
from homeostat.codec.tables import Table
from homeostat.core.errors import BadData, MissingColumn, WrongType
from homeostat.data.records import Column, Manifest

_LEAF_ROWS = BLOCK_ROWS * LEAF_BLOCKS
_SIDE, _ROW, _AT, _KEY, _WHOLE, _NTH = "__side__", "__row__", "__at__", "__key__", "__whole__", "__nth__"


class Stretch(NamedTuple):
    """Rows `old_first` up to `old_end` of one version, where the other has `new_first` up to `new_end`."""

    old_first: int
    old_end: int
    new_first: int
    new_end: int


class ColumnChange(msgspec.Struct, frozen=True, kw_only=True):
    """A column that came, went, or has another type; an empty type is that of a column that is not there."""

    name: str
    before: str
    after: str


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two versions, with everything that `apply` needs.

    Attributes:
        key: columns by which rows were matched; none if as a multiset.
        columns: what changed in the schema. Rows are compared in the columns that both versions have.
        is_reordered: the columns of both stand in another order.
        added, removed: rows that only the new, only the old version has.
        changed: rows of the new version whose key the old one has with other values.
        stretches: where the versions differ, in order.
        fresh: rows of the new version to be written.
        order: for each row of the new version within the stretches: a row number of the old version, or -1 - a row number
            of `fresh`.
        rows_read: rows of both versions that had to be compared.
    """

    dataset: str
    before: int
    after: int
    key: tuple[str, ...]
    columns: tuple[ColumnChange, ...]
    is_reordered: bool
    added: Table
    removed: Table
    changed: Table
    stretches: tuple[Stretch, ...]
    fresh: Table
    order: NDArray[np.int64]
    rows_read: int

    def lines(self) -> Iterator[str]:
        """The diff for a terminal."""
        by = f"by {', '.join(self.key)}" if self.key else "as a multiset"
        yield (
            f"{self.dataset} {self.before} -> {self.after}: {self.added.rows:,} rows added, {self.removed.rows:,} removed, "
            f"{self.changed.rows:,} changed ({by}; {self.rows_read:,} rows compared)"
        )
        for change in self.columns:
            yield f"  column {change.name!r}: {change.before or 'absent'} -> {change.after or 'absent'}"
        if self.is_reordered:
            yield "  the columns stand in another order"


class Matched(NamedTuple):
    """Row numbers within the stretches: removed of the old; added, changed and kept of the new; and for each kept one its old row."""

    removed: NDArray[np.int64]
    added: NDArray[np.int64]
    changed: NDArray[np.int64]
    kept: NDArray[np.int64]
    kept_from: NDArray[np.int64]


def stretches(old: Manifest, new: Manifest) -> list[Stretch]:
    """Where two versions may differ, from their manifests alone."""
    if [(column.name, column.type) for column in old.digest.columns] != [
        (column.name, column.type) for column in new.digest.columns
    ]:
        return [Stretch(0, old.digest.rows, 0, new.digest.rows)]
    old_ends, new_ends = _ends(old), _ends(new)
    matcher = SequenceMatcher(
        None, [part.object for part in old.segments], [part.object for part in new.segments], autojunk=False
    )
    found: list[Stretch] = []
    for tag, old_first, old_last, new_first, new_last in matcher.get_opcodes():
        if tag != "equal":
            part = Stretch(old_ends[old_first], old_ends[old_last], new_ends[new_first], new_ends[new_last])
            found.extend(_without_equal_leaves(old, new, part))
    return found


def schema_changes(old: Sequence[Column], new: Sequence[Column]) -> tuple[ColumnChange, ...]:
    """Columns that are not the same in both, those of the old version first."""
    before, after = ({column.name: column.type for column in columns} for columns in (old, new))
    return tuple(
        ColumnChange(name=name, before=before.get(name, ""), after=after.get(name, ""))
        for name in before | after
        if before.get(name) != after.get(name)
    )


def match(dataset: str, old: pa.Table, new: pa.Table, key: Sequence[str]) -> Matched:
    """Which rows of `new` are rows of `old`, by the columns that both have in one type.

    Raises: MissingColumn or WrongType if a key column is not in both in one type. BadData if two rows of one side have
        the same key.
    """
    _check_key(dataset, old.schema, new.schema, key)
    shared = [
        field.name
        for field in new.schema
        if field.name in old.schema.names and field.equals(old.schema.field(field.name))
    ]
    if not shared:
        nothing = np.empty(0, np.int64)
        return Matched(np.arange(old.num_rows), np.arange(new.num_rows), nothing, nothing, nothing)
    both = pl.concat(
        [
            pl.DataFrame(side.select(shared)).with_columns(pl.lit(is_new).alias(_SIDE)).with_row_index(_ROW)
            for side, is_new in ((old, False), (new, True))
        ]
    )
    # Equal rows get one number: that of the first of them.
    first = pl.col(_AT).first()
    ids = both.with_row_index(_AT).select(
        _SIDE,
        pl.col(_ROW).cast(pl.Int64),
        first.over(shared).alias(_WHOLE),
        first.over(list(key) or shared).alias(_KEY),
    )
    ids = ids.with_columns(pl.int_range(pl.len()).over(_SIDE, _KEY).alias(_NTH))
    if key and (ids[_NTH] > 0).any():
        row = both.row(int((ids[_NTH] > 0).arg_max() or 0), named=True)
        raise BadData(
            f"Two rows of {dataset!r} have the key {', '.join(f'{name}={row[name]!r}' for name in key)}. Name columns that "
            f"tell rows apart, or compare without a key."
        )
    left, right = ids.filter(~pl.col(_SIDE)), ids.filter(pl.col(_SIDE))
    on = [_KEY, _NTH]
    pairs = right.join(left, on=on, suffix="old", maintain_order="left")
    is_same = pl.col(_WHOLE) == pl.col(f"{_WHOLE}old")
    kept = pairs.filter(is_same)
    return Matched(
        removed=_numbers(left.join(right, on=on, how="anti", maintain_order="left"), _ROW),
        added=_numbers(right.join(left, on=on, how="anti", maintain_order="left"), _ROW),
        changed=_numbers(pairs.filter(~is_same), _ROW),
        kept=_numbers(kept, _ROW),
        kept_from=_numbers(kept, f"{_ROW}old"),
    )


def order_of(matched: Matched, where: Sequence[Stretch], fresh: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """The `order` of a diff whose rows `fresh`, of `rows` within the stretches, are written anew."""
    order = np.empty(rows, np.int64)
    old_rows = np.concatenate([np.empty(0, np.int64), *(np.arange(part.old_first, part.old_end) for part in where)])
    order[matched.kept] = old_rows[matched.kept_from]
    order[fresh] = -1 - np.arange(len(fresh))
    return order


def apply(diff: Diff, old: Table) -> Table:
    """The new version's rows, from the old version's.

    Raises: ValueError if `old` has too few rows to be the version that `diff` begins with.
    """
    is_rewritten = bool(diff.columns) or diff.is_reordered
    if diff.stretches and diff.stretches[-1].old_end > old.rows:
        raise ValueError(f"the diff begins with {diff.stretches[-1].old_end} rows or more, got {old.rows}")
    source = diff.fresh.arrow() if is_rewritten else pa.concat_tables([old.arrow(), diff.fresh.arrow()])
    base = 0 if is_rewritten else old.rows
    parts: list[NDArray[np.int64]] = []
    at = used = 0
    for part in diff.stretches:
        parts.append(np.arange(at, part.old_first))
        rows = part.new_end - part.new_first
        taken = diff.order[used : used + rows]
        parts.append(np.where(taken < 0, base - 1 - taken, taken))
        at, used = part.old_end, used + rows
    parts.append(np.arange(at, at if is_rewritten else old.rows))
    return Table(source.take(pa.array(np.concatenate(parts))))


def _ends(manifest: Manifest) -> list[int]:
    return [0, *np.cumsum([segment.rows for segment in manifest.segments]).tolist()]


def _without_equal_leaves(old: Manifest, new: Manifest, part: Stretch) -> list[Stretch]:
    """`part` cut at whole leaves that both versions have at the same rows."""
    if part.old_first != part.new_first:
        return [part]
    whole = min(part.old_end, part.new_end) // _LEAF_ROWS
    leaves = zip(
        *(
            zip(one.leaves, other.leaves, strict=False)
            for one, other in zip(old.digest.columns, new.digest.columns, strict=True)
        ),
        strict=True,
    )
    equal = [
        index
        for index, pairs in enumerate(leaves)
        if index * _LEAF_ROWS >= part.old_first and index < whole and all(one == other for one, other in pairs)
    ]
    cuts = [part.old_first, *(row for index in equal for row in (index * _LEAF_ROWS, (index + 1) * _LEAF_ROWS))]
    left = [Stretch(first, end, first, end) for first, end in list(pairwise(cuts))[::2] if first < end]
    last = Stretch(cuts[-1], part.old_end, cuts[-1], part.new_end)
    return [*left, last] if last.old_first < max(last.old_end, last.new_end) else left


def _check_key(dataset: str, old: pa.Schema, new: pa.Schema, key: Sequence[str]) -> None:
    for name in key:
        if name not in old.names or name not in new.names:
            raise MissingColumn(
                f"Key column {name!r} is not in both versions of {dataset!r}. There are: {', '.join(new.names)}."
            )
        if old.field(name).type != new.field(name).type:
            raise WrongType(
                f"Key column {name!r} of {dataset!r} is {old.field(name).type} in one version and {new.field(name).type} in "
                f"the other: rows cannot be matched by it. Name another key, or compare without one."
            )


def _numbers(frame: pl.DataFrame, name: str) -> NDArray[np.int64]:
    return frame[name].to_numpy().astype(np.int64)
