"""Expectations about an append as a whole, and what they know beside its rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from homeostat.codec.tables import Table
from homeostat.core.clock import DAY, Micros
from homeostat.core.errors import InvalidDeclaration
from homeostat.data.contracts.check import Context
from homeostat.data.contracts.contract import (
    Ascending,
    Contract,
    Environment,
    Expectation,
    Forbidden,
    Fresh,
    HasColumn,
    Matches,
    NoDrift,
    NoPersonalData,
    NoSkew,
    OnlyColumns,
    RowChange,
    TextLength,
    UniqueBy,
)
from homeostat.data.contracts.profile import Profile, profile
from homeostat.data.contracts.report import Result
from homeostat.data.contracts.validate import validate

NOW = Micros(10 * DAY)
RANDOM = np.random.default_rng(0)
NEAR, FAR = RANDOM.normal(size=2000), RANDOM.normal(3, size=2000)


class Held:
    """A past, and a serving log, of these rows."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.rows = rows
        self.rows_before = len(rows)

    def profile(self, columns: Sequence[str], version: str = "") -> Profile:
        del version
        return profile(self.rows, columns)

    def newest(self, column: str) -> float | None:
        return profile(self.rows, (column,)).columns[column].high

    def seen(self, keys: pl.DataFrame) -> NDArray[np.bool_]:
        return np.array([row in self.rows.select(keys.columns).rows() for row in keys.rows()])


class Log:
    def profile(self, system: str, columns: Sequence[str], last_us: int) -> Profile:
        del system, last_us
        return profile(pl.DataFrame({"x": RANDOM.normal(size=500)}), columns)


def result(columns: dict[str, Any], expectation: Expectation, before: dict[str, Any] | None = None) -> Result:
    past = None if before is None else Held(pl.DataFrame(before))
    context = Context(now=NOW, past=past, serving=Log())
    (found,) = validate(Table.of(columns), Contract(name="c", expectations=(expectation,)), context).report.results
    return found


@pytest.mark.parametrize(
    ("columns", "expectation", "before", "status"),
    [
        ({"a": [1], "b": [1]}, OnlyColumns(columns=("b", "a")), None, "met"),
        ({"a": [1], "b": [1]}, OnlyColumns(columns=("b", "a"), is_ordered=True), None, "blocked"),
        ({"a": [1], "b": [1]}, OnlyColumns(columns=("a",)), None, "blocked"),
        ({"a": [1], "b": [1]}, OnlyColumns(columns=("a",), allows_others=True), None, "met"),
        ({"User_Email": ["x"]}, Forbidden(columns=("*email*",)), None, "blocked"),
        ({"mail": ["x"]}, Forbidden(columns=("*email*",)), None, "met"),
        ({"s": ["N1", None]}, Matches(column="s", regex="N[0-9]"), None, "met"),
        ({"s": ["N1", "N12"]}, Matches(column="s", regex="N[0-9]"), None, "blocked"),
        ({"s": ["ä", "abc"]}, TextLength(column="s", low=1, high=2), None, "blocked"),
        ({"x": [1, 2, None, 2, 3]}, Ascending(column="x"), None, "met"),
        ({"x": [1, 2, None, 2, 3]}, Ascending(column="x", is_strict=True), None, "blocked"),
        ({"x": [2, 3]}, Ascending(column="x", with_history=True), {"x": [1, 2]}, "met"),
        ({"x": [1, 3]}, Ascending(column="x", with_history=True), {"x": [2]}, "blocked"),
        ({"x": [1, 2]}, UniqueBy(columns=("x",), with_history=True), {"x": [3]}, "met"),
        ({"x": [1, 3]}, UniqueBy(columns=("x",), with_history=True), {"x": [3]}, "blocked"),
        ({"t": pl.Series([9 * DAY], dtype=pl.Datetime)}, Fresh(column="t", within="36h"), None, "met"),
        ({"t": pl.Series([8 * DAY], dtype=pl.Datetime)}, Fresh(column="t", within="36h"), None, "blocked"),
        ({"t": pl.Series([12 * DAY], dtype=pl.Datetime)}, Fresh(column="t", within="36h"), None, "blocked"),
        ({"x": [1, 2]}, RowChange(low=0.5, high=2), None, "unchecked"),
        ({"x": [1, 2]}, RowChange(low=0.5, high=2), {"x": [1]}, "met"),
        ({"x": [1, 2, 3]}, RowChange(low=0.5, high=2), {"x": [1]}, "blocked"),
        ({"x": NEAR}, NoDrift(column="x"), None, "unchecked"),
        ({"x": NEAR}, NoDrift(column="x"), {"x": NEAR[::-2]}, "met"),
        ({"x": FAR}, NoDrift(column="x"), {"x": NEAR}, "blocked"),
        ({"x": FAR}, NoDrift(column="x", distance="w1", at_most=9), {"x": NEAR}, "met"),
        ({"s": ["a", "b"] * 50}, NoDrift(column="s"), {"s": ["a", "b"] * 90}, "met"),
        ({"s": ["a", "b"] * 50}, NoDrift(column="s"), {"s": ["a"] * 90 + ["b"]}, "blocked"),
        ({"s": ["a", "b"] * 50}, NoDrift(column="s", distance="ks"), {"s": ["a"] * 90}, "unchecked"),
        ({"x": NEAR}, NoSkew(column="x", system="late"), None, "met"),
        ({"x": FAR}, NoSkew(column="x", system="late"), None, "blocked"),
        ({"s": ["a@b.org", "x"]}, NoPersonalData(), None, "blocked"),
        ({"s": ["a@b.org", "x"]}, NoPersonalData(exempt=("s",)), None, "met"),
        ({"s": ["a@b.org", "x"]}, NoPersonalData(share=0.5), None, "met"),
        ({"s": ["a@b.org", "x"]}, NoPersonalData(kinds=("ip",)), None, "met"),
        ({"s": ["P-12", "x"]}, NoPersonalData(kinds=(), patterns={"patient": "P-[0-9]+"}), None, "blocked"),
        ({"s": ["4111111111111111"]}, NoPersonalData(), None, "blocked"),
        ({"s": ["4111111111111112"]}, NoPersonalData(), None, "met"),
        ({"s": ["GB82 WEST 1234 5698 7654 32"]}, NoPersonalData(kinds=("iban",)), None, "blocked"),
        ({"s": ["GB83 WEST 1234 5698 7654 32"]}, NoPersonalData(kinds=("iban",)), None, "met"),
        ({"s": ["12345678Z"]}, NoPersonalData(kinds=("es_nif",)), None, "blocked"),
        ({"s": [" 00000001R "]}, NoPersonalData(kinds=("es_nif",)), None, "blocked"),
    ],
)
def test_each_expectation(
    columns: dict[str, Any], expectation: Expectation, before: dict[str, Any] | None, status: str
) -> None:
    """Every kind of expectation tells what holds from what does not, beside the past it is given."""
    assert status == result(columns, expectation, before).status


def test_an_environment_is_without_its_columns() -> None:
    """The label is required in training and absent when serving, where its presence is a warning."""
    contract = Contract(
        name="c",
        expectations=(HasColumn(column="late", type="int64"),),
        environments={"serving": Environment(absent=("late",))},
    )
    serving = Context(environment="serving")
    with_label, without = Table.of({"late": [1]}), Table.of({"x": [1]})

    assert ["met", "blocked", "warned", "met"] == [
        validate(rows, contract, context).report.results[0].status
        for context in (Context(), serving)
        for rows in (with_label, without)
    ]


def test_an_unknown_environment_is_named() -> None:
    """A misspelt environment checks nothing, so it is refused."""
    with pytest.raises(InvalidDeclaration, match="no environment 'srving'"):
        validate(Table.of({"x": [1]}), Contract(name="c", expectations=()), Context(environment="srving"))


def test_failing_rows_are_all_named() -> None:
    """Every row that fails is named: as numbers, and in the report as stretches."""
    found = validate(
        Table.of({"s": ["a", "b", "b", "a", "b"]}),
        Contract(name="c", expectations=(Matches(column="s", regex="a"),), tolerance=0.9),
    )

    assert [1, 2, 4] == found.failing_rows.tolist()
    assert ((1, 3), (4, 5)) == found.report.results[0].stretches
