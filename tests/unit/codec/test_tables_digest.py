"""The content id: the same rows by any route, and nothing else."""

import datetime as dt
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from homeostat.codec.table_digest import BLOCK_ROWS, LEAF_BLOCKS, digest_table, extend
from homeostat.codec.tables import Table

LEAF_ROWS = BLOCK_ROWS * LEAF_BLOCKS

CELLS: dict[str, tuple[st.SearchStrategy[Any], pa.DataType]] = {
    "int": (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    "real": (st.floats(), pa.float64()),
    "text": (st.text(max_size=5), pa.large_string()),
    "flag": (st.booleans(), pa.bool_()),
    "day": (st.dates(), pa.date32()),
    "at": (st.datetimes(timezones=st.just(dt.UTC)), pa.timestamp("us", "UTC")),
    "list": (st.lists(st.none() | st.text(max_size=2), max_size=3), pa.large_list(pa.large_string())),
    "struct": (
        st.fixed_dictionaries({"a": st.none() | st.integers(0, 9), "b": st.none() | st.text(max_size=2)}),
        pa.struct([("a", pa.int64()), ("b", pa.large_string())]),
    ),
}


@st.composite
def tables(draw: st.DrawFn, min_rows: int = 0) -> pa.Table:
    names = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4, unique=True))
    rows = draw(st.integers(min_rows, 12))
    columns = {
        name: pa.array(draw(st.lists(st.none() | CELLS[name][0], min_size=rows, max_size=rows)), CELLS[name][1])
        for name in names
    }
    return Table.of(pa.table(columns)).arrow()


@st.composite
def cut_tables(draw: st.DrawFn) -> tuple[pa.Table, list[pa.Table]]:
    """A table, and the same rows in pieces."""
    table = draw(tables())
    cuts = sorted(draw(st.lists(st.integers(0, table.num_rows), max_size=4)))
    edges = [0, *cuts, table.num_rows]
    return table, [table.slice(low, high - low) for low, high in pairwise(edges)]


def long_table(rows: int) -> pa.Table:
    numbers = np.arange(rows)
    return Table.of({"n": numbers, "x": numbers / 7, "s": [f"k{n % 100}" for n in range(rows)]}).arrow()


class TestByAnyRoute:
    @given(cut_tables())
    @settings(max_examples=60)
    def test_chunks_leave_no_trace(self, cut: tuple[pa.Table, list[pa.Table]]) -> None:
        """Rows in one piece and rows in many have one id."""
        whole, pieces = cut

        assert digest_table(whole) == digest_table(pa.concat_tables(pieces))

    @given(cut_tables())
    @settings(max_examples=60)
    def test_appends_leave_no_trace(self, cut: tuple[pa.Table, list[pa.Table]]) -> None:
        """One import and many appends have one id."""
        whole, pieces = cut
        grown, so_far = digest_table(pieces[0]), pieces[0]

        for piece in pieces[1:]:
            grown = extend(grown, so_far.slice(so_far.num_rows - grown.tail_rows), piece)
            so_far = pa.concat_tables([so_far, piece])

        assert digest_table(whole) == grown

    @given(tables())
    @settings(max_examples=60)
    def test_polars_leaves_no_trace(self, table: pa.Table) -> None:
        """A table that went through polars has its id."""
        assert Table.of(table).digest == Table.of(pl.DataFrame(table)).digest

    @given(tables(min_rows=2), st.data())
    @settings(max_examples=60)
    def test_a_slice_is_only_its_rows(self, table: pa.Table, data: st.DataObject) -> None:
        """What lies around a slice in memory is not part of it."""
        first = data.draw(st.integers(0, table.num_rows - 1))
        rows = table.slice(first, 1)

        assert digest_table(rows) == digest_table(table.take(pa.array([first])))

    def test_encodings_leave_no_trace(self) -> None:
        """Dictionaries, views and 32-bit offsets are ways to write, not values."""
        texts = ["a", None, "b", "a"]
        kinds = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
        columns = [pa.array(texts, kind) for kind in kinds]
        columns.append(
            pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 0]), pa.array(["a", "b"], pa.string_view()))
        )

        ids = {Table.of(pa.table({"t": column})).digest for column in columns}

        assert 1 == len(ids)

    def test_bytes_under_a_null_are_no_values(self) -> None:
        """A masked value is not part of the table, for numbers, text and nested values."""
        mask = pa.array([False, True])
        valid = pa.py_buffer(b"\x01")
        numbers = [
            pa.Array.from_buffers(pa.int64(), 2, [valid, pa.py_buffer(np.array([5, hidden]))]) for hidden in (1, 2)
        ]
        offsets = pa.py_buffer(np.array([0, 1, 2], "<i8"))
        texts = [
            pa.Array.from_buffers(pa.large_string(), 2, [valid, offsets, pa.py_buffer(hidden)])
            for hidden in (b"ax", b"ay")
        ]
        structs = [pa.StructArray.from_arrays([pa.array([1, n])], ["a"], mask=mask) for n in (1, 2)]

        ids = [Table.of({"n": n, "t": t, "s": s}).digest for n, t, s in zip(numbers, texts, structs, strict=True)]

        assert ids[0] == ids[1]

    def test_zeros_and_nans_are_one_each(self) -> None:
        """-0.0 is 0.0, and a NaN is a NaN whatever its payload."""
        other_nan = np.array([0x7FF8000000000001], np.uint64).view(np.float64)[0]

        assert Table.of({"x": [0.0, np.nan]}) == Table.of({"x": [-0.0, other_nan]})

    def test_names_of_utc_are_one(self) -> None:
        """UTC by any of its names is one zone."""
        ids = {
            Table.of({"t": pa.array([1], pa.timestamp(unit, zone))}).digest
            for unit, zone in (("us", "UTC"), ("us", "Etc/UTC"), ("us", "+00:00"))
        }

        assert 1 == len(ids)


class TestLongTables:
    @pytest.mark.parametrize(
        "split", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, LEAF_ROWS - 1, LEAF_ROWS, LEAF_ROWS + 1]
    )
    def test_an_append_at_every_edge(self, split: int) -> None:
        """Blocks and leaves close at the same rows whether they came at once or in two parts."""
        whole = long_table(LEAF_ROWS + BLOCK_ROWS + 5)
        first = digest_table(whole.slice(0, split))

        grown = extend(first, whole.slice(split - first.tail_rows, first.tail_rows), whole.slice(split))

        assert digest_table(whole) == grown

    def test_an_append_sees_the_tail_only(self) -> None:
        """Appending costs the new rows and less than one block of old ones."""
        assert 7 == digest_table(long_table(3 * BLOCK_ROWS + 7)).tail_rows

    def test_a_wrong_tail_is_refused(self) -> None:
        """A caller cannot make a wrong id by handing in other rows than needed."""
        with pytest.raises(ValueError, match="last 2 rows, got 1"):
            extend(digest_table(long_table(2)), long_table(1), long_table(1))


class TestAnyChangeShows:
    @given(tables(min_rows=1), st.data())
    @settings(max_examples=100)
    def test_one_cell(self, table: pa.Table, data: st.DataObject) -> None:
        """A changed cell changes the id of the table and the root of its column, and of no other."""
        name = data.draw(st.sampled_from(table.column_names))
        row = data.draw(st.integers(0, table.num_rows - 1))
        cells = table.column(name).to_pylist()
        new = data.draw(st.none() | CELLS[name][0])
        held = pa.array([new], CELLS[name][1]).to_pylist()[0]  # as Arrow holds it: without a datetime's fold
        assume(repr(held) != repr(cells[row]) and not (held == 0 and cells[row] == 0))
        cells[row] = held
        other = table.set_column(table.column_names.index(name), name, pa.array(cells, table.schema.field(name).type))

        before, after = digest_table(table), digest_table(other)

        assert before.id != after.id
        assert {name} == {c for c in table.column_names if before.column_roots()[c] != after.column_roots()[c]}

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"a": [1, 2]}, {"a": [2, 1]}),
            ({"a": [1]}, {"b": [1]}),
            ({"a": [1], "b": [1]}, {"b": [1], "a": [1]}),
            ({"a": [1]}, {"a": [1.0]}),
            ({"a": ["x"]}, {"a": [b"x"]}),
            ({"a": ["ab", "c"]}, {"a": ["a", "bc"]}),
            ({"a": ["", None]}, {"a": [None, ""]}),
            ({"a": [[1], [2, 3]]}, {"a": [[1, 2], [3]]}),
            ({"a": [[], None]}, {"a": [None, []]}),
            ({"a": [{"x": None}]}, {"a": pa.array([None], pa.struct([("x", pa.null())]))}),
            ({"a": pa.array([], pa.int64())}, {"a": pa.array([], pa.int32())}),
            ({"a": pa.nulls(1)}, {"a": pa.nulls(2)}),
            ({"a": pa.array([0], pa.timestamp("us"))}, {"a": pa.array([0], pa.timestamp("us", "UTC"))}),
        ],
    )
    def test_what_differs_has_another_id(self, one: dict[str, Any], other: dict[str, Any]) -> None:
        """Order, names, types and the places of nulls are part of a table."""
        assert Table.of(one).digest != Table.of(other).digest


def test_the_id_of_a_table_stands() -> None:
    """Ids are on disk everywhere: this one may change only with a migration of every manifest."""
    table = Table.of({"n": [1, None, 3], "s": ["a", "b", None], "x": [0.5, -0.0, float("nan")]})

    assert "7350e89ad5906b77de61d94f5a6475e176d84e4924c6c36d4ac3310f92a7f304" == table.digest


def test_a_table_without_columns_has_an_id() -> None:
    """Nothing is also something that can be named."""
    assert Table.of({}).digest == Table.of(pa.table({})).digest
