"""What differs between two versions: by key, by multiset, read as little as needed, and enough to make one of the other."""

from collections import Counter
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeostat.codec.tables import Table
from homeostat.core.errors import BadData, MissingColumn, WrongType
from homeostat.data.diffs.records import ColumnChange, Diff, apply
from homeostat.data.service import Datasets

Rows = list[tuple[int, float | None]]


def table(rows: Rows) -> Table:
    return Table.of(pl.DataFrame(rows, schema={"id": pl.Int64, "value": pl.Float64}, orient="row"))


def made(datasets: Datasets, *states: Table, key: tuple[str, ...] = ()) -> Diff:
    """The diff between the first and the last of these states of one dataset."""
    name = f"d{len(datasets.names())}"
    versions = [datasets.replace(name, state).version for state in states]
    return datasets.diff(versions[0], versions[-1], key=key)


def counts(diff: Diff) -> tuple[int, int, int]:
    return diff.added.rows, diff.removed.rows, diff.changed.rows


rows = st.lists(st.tuples(st.integers(0, 8), st.sampled_from([0.0, -0.0, 1.5, float("nan"), None])), max_size=12)


@given(before=rows, after=rows)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_diff_then_apply_is_the_target(datasets: Datasets, before: Rows, after: Rows) -> None:
    """The old version with the diff applied has the new version's id, whatever was moved, repeated, added or removed."""
    old, new = table(before), table(after)

    assert new.digest == apply(made(datasets, old, new), old).digest


@given(before=st.dictionaries(st.integers(0, 9), st.floats()), after=st.dictionaries(st.integers(0, 9), st.floats()))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_diff_by_key_then_apply_is_the_target(
    datasets: Datasets, before: dict[int, float], after: dict[int, float]
) -> None:
    """With a key as well; and the counts are those of the keys."""
    old, new = table(list(before.items())), table(list(after.items()))

    diff = made(datasets, old, new, key=("id",))

    assert new.digest == apply(diff, old).digest
    assert (len(after.keys() - before), len(before.keys() - after)) == (diff.added.rows, diff.removed.rows)


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5), kept=st.integers(1, 5))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_what_was_appended_is_read(datasets: Datasets, sizes: list[int], kept: int) -> None:
    """Between two versions of a dataset that only grew, the diff is the rows in between, and only they are read."""
    name = f"d{len(datasets.names())}"
    versions = [
        datasets.append(name, table([(n, 1.0 * step) for n in range(size)])).version for step, size in enumerate(sizes)
    ]
    before, after = versions[min(kept, len(versions)) - 1], versions[-1]

    diff = datasets.diff(before, after)

    fresh = after.rows - before.rows
    assert (fresh, 0, 0, fresh) == (*counts(diff), diff.rows_read)
    assert after.id == apply(diff, datasets.read(before)).digest


edits = st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["insert", "delete", "change"])), max_size=12)


def naive(old: Table, new: Table, key: tuple[str, ...]) -> tuple[int, int, int]:
    """Rows added, removed and changed, counted one by one."""
    left, right = (Counter(side.polars().rows()) for side in (old, new))
    added, removed = (right - left).total(), (left - right).total()
    if not key:
        return added, removed, 0
    keys = [{row[0] for row in side} for side in (left - right, right - left)]
    changed = len(keys[0] & keys[1])
    return added - changed, removed - changed, changed


@given(edits=edits, cuts=st.lists(st.integers(0, 400), max_size=4), key=st.sampled_from([(), ("id",)]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_edits_are_counted_as_one_by_one(
    datasets: Datasets, edits: list[tuple[int, str]], cuts: list[int], key: tuple[str, ...]
) -> None:
    """Rows that come, go and change anywhere, in segments cut anywhere, give the counts of a naive diff, and a patch."""
    before: Rows = [(number, number * 0.5) for number in range(400)]
    after = list(before)
    for step, (at, edit) in enumerate(edits):
        after[at : at + (edit != "insert")] = (
            [] if edit == "delete" else [(1_000 + step if edit == "insert" else at, -1.0)]
        )
    after = list({row[0]: row for row in after}.values())
    old, new = table(before), table(after)
    name = f"d{len(datasets.names())}"
    for low, high in pairwise(sorted({0, *cuts, 400})):
        add = datasets.append if low else datasets.replace
        add(name, Table.of(old.arrow().slice(low, high - low)))

    diff = datasets.diff(datasets.version(name), datasets.replace(name, new).version, key=key)

    assert naive(old, new, key) == counts(diff)
    assert new.digest == apply(diff, old).digest


def test_rows_that_shift_are_aligned_again(datasets: Datasets) -> None:
    """A row that comes in front leaves only a hundred rows or so to be matched, not all that it shifted."""
    old = Table.of({"n": range(20_000), "m": [0.5] * 20_000})
    new = Table.of({"n": [-1, *range(10_000), *range(10_001, 20_000), -2], "m": [0.5] * 20_001})

    diff = made(datasets, old, new)

    assert (2, 1, 0) == counts(diff)
    assert 1_000 > len(diff.patch.order)
    assert new.digest == apply(diff, old).digest


def test_only_columns_that_differ_are_in_the_patch(datasets: Datasets) -> None:
    """A new column comes with its values; the rows of the others stay as they are."""
    old = Table.of({"n": range(100)})
    new = Table.of({"n": range(100), "m": [1.5] * 100})

    diff = made(datasets, old, new)

    assert (0, ("m",), 0) == (diff.patch.fresh.rows, diff.patch.beside.columns, diff.rows_read)
    assert new.digest == apply(diff, old).digest


def test_tables_without_a_common_column(datasets: Datasets) -> None:
    """Nothing can be matched: all rows went, and others came."""
    old, new = Table.of({"a": [1, 2]}), Table.of({"b": ["x", "y", "z"]})

    diff = made(datasets, old, new)

    assert (3, 2, 0) == counts(diff)
    assert new.digest == apply(diff, old).digest


def test_a_review_lists_each_row_with_what_became_of_it(datasets: Datasets) -> None:
    """Changed rows are listed as they were and as they are; a column named `op` keeps its name."""
    old = Table.of({"id": [1, 2, 3], "op": [1, 2, 3]})
    new = Table.of({"id": [2, 3, 4], "op": [2, 9, 4]})

    review = made(datasets, old, new, key=("id",)).review()

    assert [("removed", 1, 1), ("added", 4, 4), ("before", 3, 3), ("after", 3, 9)] == review.polars().rows()
    assert ("_op", "id", "op") == review.columns


def test_a_key_tells_changed_from_added(datasets: Datasets) -> None:
    """By key a row with another value is changed; as a multiset it went and came."""
    old, new = table([(1, 1.0), (2, 2.0), (3, 3.0)]), table([(3, 3.0), (2, 5.0), (4, 4.0)])

    assert (1, 1, 1) == counts(made(datasets, old, new, key=("id",)))
    assert (2, 2, 0) == counts(made(datasets, old, new))


def test_one_row_of_many_reads_one_leaf(datasets: Datasets) -> None:
    """Rows whose leaves have equal digests are not compared, although they are in other segments."""
    old = Table.of({"n": range(200_000)})
    new = Table.of({"n": [*range(70_000), -1, *range(70_001, 200_000)]})

    diff = made(datasets, old, new)

    assert (1, 1, 0) == counts(diff)
    assert 2 * 65_536 > diff.rows_read
    assert new.digest == apply(diff, old).digest


def test_equal_versions_differ_in_nothing(datasets: Datasets) -> None:
    """The same rows are no difference, however they were appended."""
    whole = table([(n, 0.5) for n in range(10)])
    datasets.append("d", whole)
    datasets.replace("d", Table.of(whole.arrow().slice(0, 4)))
    datasets.append("d", Table.of(whole.arrow().slice(4)))

    diff = datasets.diff(datasets.version("d", 1), datasets.version("d", 3))

    assert (0, 0, 0) == counts(diff)
    assert whole.digest == apply(diff, whole).digest


def test_schema_changes_are_named(datasets: Datasets) -> None:
    """Columns that came, went or have another type are named; rows are compared in the others."""
    old = Table.of({"id": [1, 2], "gone": [1, 1], "kind": [1, 2]})
    new = Table.of({"id": [2, 3], "kind": ["a", "b"], "new": [True, True]})

    diff = made(datasets, old, new, key=("id",))

    assert (
        ColumnChange(name="gone", before="int64", after=""),
        ColumnChange(name="kind", before="int64", after="string"),
        ColumnChange(name="new", before="", after="bool"),
    ) == diff.columns
    assert (1, 1, 0) == counts(diff)
    assert new.digest == apply(diff, old).digest


def test_order_of_columns_is_a_difference(datasets: Datasets) -> None:
    """The same columns in another order have another id, and the diff says so."""
    old, new = Table.of({"a": [1, 2], "b": [3, 4]}), Table.of({"b": [3, 4], "a": [1, 2]})

    diff = made(datasets, old, new)

    assert (True, (0, 0, 0)) == (diff.is_reordered, counts(diff))
    assert new.digest == apply(diff, old).digest


def test_nested_values_are_compared(datasets: Datasets) -> None:
    """Lists and structs are values too."""
    old = Table.of({"v": [[1.0], [2.0, None], None], "s": [{"x": 1}, {"x": 2}, None]})
    new = Table.of({"v": [[2.0, None], [1.0], [3.0]], "s": [{"x": 2}, {"x": 9}, None]})

    diff = made(datasets, old, new)

    assert (2, 2, 0) == counts(diff)
    assert new.digest == apply(diff, old).digest


def test_a_key_must_name_rows(datasets: Datasets) -> None:
    """A key that two rows share is refused with its value."""
    with pytest.raises(BadData, match="have the key id=7"):
        made(datasets, table([(7, 1.0), (7, 2.0)]), table([(1, 1.0)]), key=("id",))


@pytest.mark.parametrize(("other", "error"), [({"x": [1]}, MissingColumn), ({"id": ["1"]}, WrongType)])
def test_a_key_must_be_in_both(datasets: Datasets, other: dict[str, list[object]], error: type[Exception]) -> None:
    """Rows are matched by columns that both versions have in one type."""
    with pytest.raises(error, match="Key column 'id'"):
        made(datasets, table([(1, 1.0)]), Table.of(other), key=("id",))
