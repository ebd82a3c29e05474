"""Declaring and plainly calling steps and pipelines; what hints accept."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from homeostat.codec.tables import Dataset, Table
from homeostat.core.errors import EmptyWindow, InvalidDeclaration, MissingColumn, WrongType
from homeostat.pipelines.boundary import conform
from homeostat.pipelines.splits import split_by_time
from homeostat.pipelines.steps import pipeline, step


class Config(msgspec.Struct, frozen=True):
    rate: float = 0.5


@step
def double(rows: Table, times: int = 2) -> Table:
    return Table.of(rows.polars().select(pl.all() * times))


@step(cpu=1, retries=2, env=["TZ"])
def add(a: int, b: int) -> int:
    return a + b


@pipeline
def total(a: int) -> list[int]:
    return add.map(a, b=[1, 2, 3])


def test_a_step_is_called_like_a_function() -> None:
    """Outside a run a call runs the function at once."""
    assert [4, 6] == double(Table.of({"x": [2, 3]})).polars()["x"].to_list()


def test_a_table_hint_takes_anything_tabular() -> None:
    """Plain calls convert as runs do, so a test of a step may pass a frame."""
    assert Table.of({"x": [2]}) == double.function(conform(pl.DataFrame({"x": [1]}), Table, "rows"))


def test_map_calls_side_by_side() -> None:
    """Lists by name vary; what is given by position stays."""
    assert [11, 12, 13] == total(10)


def test_map_needs_equally_long_lists() -> None:
    """Lists of different lengths are no fan-out."""
    with pytest.raises(InvalidDeclaration, match=r"add.map .* got \{'a': 1, 'b': 2\}"):
        add.map(a=[1], b=[1, 2])


def test_decorated_step_keeps_its_declaration() -> None:
    """What was declared can be read back."""
    assert ("add", 1, 2, ("TZ",)) == (add.name, add.cpu, add.retries, add.env)


def test_pipeline_knows_where_it_is_found() -> None:
    """Another process finds it by module and name."""
    assert f"{__name__}:total" == total.path


def test_generator_cannot_be_a_step() -> None:
    """What is consumed by reading cannot be kept."""

    def rows() -> Iterator[int]:
        yield 1

    with pytest.raises(InvalidDeclaration, match="Step rows is a generator"):
        step(rows)


def test_variadic_function_cannot_be_a_step() -> None:
    """Inputs are known by name."""

    def join(*rows: Table) -> Table:
        return rows[0]

    with pytest.raises(InvalidDeclaration, match=r"Step join takes \*rows"):
        step(join)


def test_negative_retries_are_refused() -> None:
    """A declaration that makes no sense is told at once."""
    with pytest.raises(InvalidDeclaration, match="retries=-1"):
        step(retries=-1)(one)


def test_there_are_two_executors() -> None:
    """A misspelled one is refused where it is declared."""
    where: Any = "proces"
    with pytest.raises(InvalidDeclaration, match="executor='proces'; there are inline, process"):
        step(executor=where)(add.function)


def one() -> int:
    return 1


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (np.float64(0.5), float, 0.5),
        (1, float, 1.0),
        ({"auc": np.float64(0.5)}, dict[str, float], {"auc": 0.5}),
        (None, int | None, None),
        (3, float | int, 3),
        ((1, 2), tuple[int, ...], (1, 2)),
        (Config(rate=0.1), Config, Config(rate=0.1)),
        ([1, "a"], list, [1, "a"]),
        (b"x", bytes, b"x"),
    ],
)
def test_hint_accepts(value: object, hint: object, expected: object) -> None:
    """Values come out as what the hint says."""
    assert expected == conform(value, hint, "here")


@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        ("3", int, "here: expected int, got str '3'"),
        (1.5, int, "here: expected int, got float 1.5"),
        (3, Table, "here: expected Table, got int 3"),
        ([1], np.ndarray, "here: expected ndarray, got list"),
        (Table.of({"x": [1]}), Dataset, "here: expected Dataset, got Table"),
        ("a", int | None, r"here: expected int \| None, got str 'a'"),
        ([Table.of({"x": [1]}), 2], list[Table], r"here\[1\]: expected Table, got int 2"),
        (pl.DataFrame({"x": [1]}), object(), "here: expected"),
        (Config(), dict, "here: expected dict, got Config"),
    ],
)
def test_hint_refuses(value: object, hint: object, message: str) -> None:
    """The message says where, what was expected and what came."""
    with pytest.raises(WrongType, match=message):
        conform(value, hint, "here")


def test_struct_without_a_hint_is_refused() -> None:
    """What could not be read back as what it was needs a hint."""
    with pytest.raises(WrongType, match="Config needs a type hint"):
        conform([Config()], Any, "here")


class TestSplitByTime:
    """`split_by_time` holds the newest rows back."""

    rows = Table.of(
        pl.DataFrame({"at": [0, 1, 2, 9, 10, None]})
        .select(pl.col("at") * 86_400_000_000)
        .cast(pl.Datetime("us", "UTC"))
    )

    def test_newest_is_counted_from_the_newest_row(self) -> None:
        """Days 9 and 10 are the last two days before the newest row; rows without a time are in neither part."""
        past, newest = split_by_time(self.rows, on="at", last="2d")

        assert (3, 2) == (past.rows, newest.rows)

    def test_nothing_to_learn_from_is_refused(self) -> None:
        """A holdout that swallows everything is a mistake."""
        with pytest.raises(EmptyWindow, match="All 6 rows lie within 30d"):
            split_by_time(self.rows, on="at", last="30d")

    def test_missing_column(self) -> None:
        """The column is named."""
        with pytest.raises(MissingColumn, match="No column 'time' to split by"):
            split_by_time(self.rows, on="time", last="1d")

    def test_column_without_times(self) -> None:
        """A split in time needs timestamps."""
        with pytest.raises(WrongType, match="needs timestamps"):
            split_by_time(Table.of({"at": [1, 2]}), on="at", last="1d")
