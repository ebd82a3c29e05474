"""Tables as values: what goes in, what comes out, and what is refused."""

import datetime as dt
import pickle
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from homeostat.codec.tables import Dataset, Table, decode, encode, read_segment, write_segment
from homeostat.core.errors import CorruptObject, MissingColumn, WrongType

MOMENTS = [dt.datetime(2013, 1, 1, tzinfo=dt.UTC), None, dt.datetime(2013, 6, 1, 12, tzinfo=dt.UTC)]


def every_type() -> Table:
    return Table.of(
        {
            "number": pa.array([1, None, 3]),
            "real": pa.array([1.5, None, float("nan")]),
            "text": pa.array(["a", None, "ü"]),
            "flag": [True, None, False],
            "at": pa.array(MOMENTS, pa.timestamp("us", "UTC")),
            "price": pa.array([Decimal("1.20"), None, Decimal("3.05")]),
            "clock": pa.array([dt.time(1), None, dt.time(2, 30)]),
            "day": pa.array([dt.date(2013, 1, 1), None, dt.date(1969, 1, 1)]),
            "bytes": pa.array([b"\x00", None, b""]),
            "list": pa.array([[1, 2], None, []]),
            "pair": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2)),
            "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}]),
            "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
            "nothing": pa.nulls(3),
        }
    )


class TestTable:
    def test_what_each_source_calls_a_type_is_settled(self) -> None:
        """A table has one type for each kind of value, whatever its source used."""
        table = Table.of(
            pa.table(
                {
                    "category": pa.array(["a", "b"]).dictionary_encode(),
                    "view": pa.array(["a", "b"], pa.string_view()),
                    "seconds": pa.array([0, 1], pa.timestamp("s", "Etc/UTC")),
                    "local": pa.array([0, 1], pa.timestamp("us", "America/New_York")),
                    "precise": pa.array([0, 1], pa.timestamp("ns")),
                    "day": pa.array([0, 86_400_000], pa.date64()),
                    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array([7])),
                }
            )
        )

        assert table.types == {
            "category": "string",
            "view": "string",
            "seconds": "timestamp[us, UTC]",
            "local": "timestamp[us, America/New_York]",
            "precise": "timestamp[ns]",
            "day": "date",
            "runs": "int64",
        }

    def test_disk_gives_back_the_same_table(self) -> None:
        """Encoding loses nothing of any type."""
        table = every_type()

        again = decode(encode(table))

        assert (table.types, table.digest) == (again.types, again.digest)

    def test_polars_gives_back_the_same_table(self) -> None:
        """A step that passes a frame through leaves the table as it was."""
        table = every_type()

        assert table.digest == Table.of(table.polars()).digest

    def test_pandas_gives_back_the_same_table(self) -> None:
        """A pandas frame is taken as what it holds; its index is not a column."""
        table = Table.of({"x": [1.0, 2.0], "name": ["a", "b"]})

        assert table == Table.of(table.pandas())

    def test_numpy_columns(self) -> None:
        """A dict of arrays is a table."""
        table = Table.of({"x": np.arange(3), "y": np.ones(3, np.float32), "s": pl.Series(["a", "b", "c"])})

        assert {"x": "int64", "y": "float32", "s": "string"} == table.types
        assert (3, ("x", "y", "s")) == (len(table), table.columns)

    def test_a_table_of_a_table_is_itself(self) -> None:
        """Nothing is copied when there is nothing to settle."""
        table = Table.of({"x": [1]})

        assert Table.of(table) is table

    def test_origin_can_be_named_afterwards(self) -> None:
        """Naming where rows came from does not change what they are."""
        table = Table.of({"x": [1]})

        named = Table.of(table, origin=("source:feed",))

        assert (("source:feed",), table.digest) == (named.origin, named.digest)

    def test_pickle_keeps_a_dataset_whole(self) -> None:
        """A dataset reaches another process with its name, version and origin."""
        dataset = Dataset(Table.of({"x": [1]}).arrow(), name="flights", version=3, origin=("dataset:flights@3",))

        again = pickle.loads(pickle.dumps(dataset))

        assert (dataset, "flights", 3, ("dataset:flights@3",)) == (again, again.name, again.version, again.origin)

    @pytest.mark.parametrize("value", [[1, 2], "flights.csv", None, 3.0])
    def test_what_is_no_table_is_refused_by_its_type(self, value: object) -> None:
        """The message names the type that was given."""
        with pytest.raises(WrongType, match=type(value).__qualname__):
            Table.of(value)

    def test_unequal_lengths_are_refused(self) -> None:
        """Columns of different lengths are no table."""
        with pytest.raises(WrongType, match="No table can be made"):
            Table.of({"x": [1, 2], "y": [1]})

    def test_twin_names_are_refused(self) -> None:
        """A column must be reachable by its name."""
        with pytest.raises(WrongType, match="'x'"):
            Table.of(pa.table([[1], [2]], names=["x", "x"]))

    def test_a_type_without_settled_form_names_its_column(self) -> None:
        """The user learns which column to convert."""
        months = pa.array([pa.MonthDayNano([1, 2, 3])])

        with pytest.raises(WrongType, match="'age'"):
            Table.of(pa.table({"age": months}))


class TestSegments:
    def test_same_rows_give_same_bytes(self) -> None:
        """Writing is deterministic, so an object is stored once."""
        assert write_segment(every_type().arrow()) == write_segment(every_type().arrow())

    def test_columns_come_in_the_order_asked_for(self) -> None:
        """A projection reads only what is named."""
        segment = write_segment(Table.of({"a": [1], "b": [2], "c": [3]}).arrow())

        assert ["c", "a"] == read_segment(segment, ["c", "a"]).column_names

    def test_a_missing_column_is_named(self) -> None:
        """The message names the column and those there are."""
        segment = write_segment(Table.of({"a": [1]}).arrow())

        with pytest.raises(MissingColumn, match=r"'z'.*There are: a"):
            read_segment(segment, ["z"])

    def test_other_bytes_are_corrupt(self) -> None:
        """What is not Parquet is not taken for an empty table."""
        with pytest.raises(CorruptObject, match="12 bytes"):
            decode(b"not parquet!")


def test_whole_numbers_and_instants_come_back_from_a_segment() -> None:
    """Every width, the extremes, nulls and zones: what is written as differences is read as it was."""
    integers = (pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64())
    table = Table.of(
        {
            **{str(kind): pa.array([1, None, 3], kind) for kind in integers},
            "ends": pa.array([-(2**63), 2**63 - 1, None], pa.int64()),
            "most": pa.array([2**64 - 1, 0, None], pa.uint64()),
            "day": pa.array([1, -2, None], pa.date32()),
            "hour": pa.array([1, 2, None], pa.time64("ns")),
            "took": pa.array([1, None, -2], pa.duration("us")),
            "at": pa.array([1, -2, None], pa.timestamp("ns", "Europe/Berlin")),
        }
    ).arrow()

    assert table.equals(read_segment(write_segment(table)))
