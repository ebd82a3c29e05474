"""A diff of two versions of a table, and the patch in it that makes one of the other. Pure."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homeostat.codec.tables import Table
from homeostat.data.catalog.records import Column


class ColumnChange(msgspec.Struct, frozen=True, kw_only=True):
    """A column that came, went, or has another type; an empty type is that of a column that is not there."""

    name: str
    before: str
    after: str


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of the new version are made of those of the old.

    Attributes:
        names: columns of the new version, in order.
        stretches: (stretches, 4) row numbers: old first and end, new first and end, of where the versions differ, in order.
            Outside them the rows are those of the old version.
        order: for each row of the new version within the stretches: a row number of the old version, or -1 - a row number
            of `fresh`.
        fresh: rows that the old version does not have, in the columns that both versions have.
        beside: the columns that the old version does not have, for all rows.
    """

    names: tuple[str, ...]
    stretches: NDArray[np.int64]
    order: NDArray[np.int64]
    fresh: Table
    beside: Table


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two versions of a table.

    Attributes:
        key: columns by which rows were matched; none if as a multiset.
        columns: what changed in the schema. Rows are compared in the columns that both versions have.
        is_reordered: the columns of both stand in another order.
        added, removed: rows that only the new, only the old version has.
        changed, changed_from: rows of the new version whose key the old one has with other values, and those.
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
    changed_from: Table
    rows_read: int
    patch: Patch

    @property
    def is_empty(self) -> bool:
        """The two versions hold the same table."""
        return not (self.columns or self.is_reordered or len(self.patch.stretches))

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

    def review(self) -> Table:
        """Every row that differs, with a first column `op`: `removed`, `added`, and `before` and `after` of changed ones."""
        op = "op"
        while op in (*self.added.columns, *self.removed.columns):
            op = f"_{op}"
        sides = (
            ("removed", self.removed),
            ("added", self.added),
            ("before", self.changed_from),
            ("after", self.changed),
        )
        marked = [
            rows.arrow().add_column(0, op, pa.array([name] * rows.rows, pa.large_string())) for name, rows in sides
        ]
        return Table(pa.concat_tables(_under_one_schema(marked)))


def schema_changes(old: Sequence[Column], new: Sequence[Column]) -> tuple[ColumnChange, ...]:
    """Columns that are not the same in both, those of the old version first."""
    before, after = ({column.name: column.type for column in columns} for columns in (old, new))
    return tuple(
        ColumnChange(name=name, before=before.get(name, ""), after=after.get(name, ""))
        for name in before | after
        if before.get(name) != after.get(name)
    )


def apply(diff: Diff, old: Table) -> Table:
    """The new version's rows, from the old version's.

    Raises: ValueError if `old` has too few rows to be the version that `diff` begins with.
    """
    patch = diff.patch
    if len(patch.stretches) and patch.stretches[-1, 1] > old.rows:
        raise ValueError(f"the diff begins with {patch.stretches[-1, 1]} rows or more, got {old.rows}")
    made = patch.beside.arrow()
    shared = patch.fresh.columns
    if shared:
        source = pa.concat_tables([old.arrow().select(shared), patch.fresh.arrow()])
        rows = source.take(pa.array(_taken(patch, old.rows)))
        for name in made.column_names:
            rows = rows.append_column(made.schema.field(name), made.column(name))
        made = rows
    return Table(made.select(patch.names))


def _taken(patch: Patch, rows: int) -> NDArray[np.int64]:
    """Which row each row of the new version is: of the old one's `rows`, or after them of `fresh`."""
    old_first, old_end, new_first, new_end = patch.stretches.T
    gaps = np.diff(np.concatenate([[0], np.ravel([old_first, old_end], "F"), [rows]]))
    lengths = np.concatenate([np.ravel([gaps[:-1:2], new_end - new_first], "F"), gaps[-1:]])
    shifts = np.concatenate([[0], old_end - new_end])
    in_stretch = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    taken = np.arange(len(in_stretch))
    taken[~in_stretch] += np.repeat(shifts, gaps[::2])
    taken[in_stretch] = np.where(patch.order < 0, rows - 1 - patch.order, patch.order)
    return taken


def _under_one_schema(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """Tables with all columns of all; one whose types differ is named once for each type."""
    fields: dict[str, dict[str, pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            fields.setdefault(field.name, {})[str(field.type)] = field.type
    wanted = [
        (name, kind, name if len(kinds) == 1 else f"{name}:{spelling}")
        for name, kinds in fields.items()
        for spelling, kind in kinds.items()
    ]
    return [
        pa.table(
            {
                label: table.column(name)
                if name in table.column_names and table.schema.field(name).type == kind
                else pa.nulls(table.num_rows, kind)
                for name, kind, label in wanted
            }
        )
        for table in tables
    ]
