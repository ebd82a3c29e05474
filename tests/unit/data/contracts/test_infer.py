"""Contracts inferred from a reference: they let nature pass and stop broken feeds."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from homeostat.codec.tables import Table
from homeostat.core.clock import DAY
from homeostat.core.errors import EmptyWindow, MissingColumn
from homeostat.data.contracts.contract import (
    Ascending,
    Contract,
    Expectation,
    HasColumn,
    InDomain,
    InRange,
    Matches,
    NoPersonalData,
    NullsAtMost,
    RowChange,
    RowCount,
    SameScale,
    TextLength,
    UniqueBy,
)
from homeostat.data.contracts.infer import infer
from homeostat.data.contracts.validate import validate

DAYS = 30


def season(first_day: int, days: int) -> pl.DataFrame:
    """Days of 40 rows: temperature climbs from winter to summer, distances stay, the gauge is often silent."""
    rows = pl.DataFrame({"n": range(first_day * 40, (first_day + days) * 40)}).with_columns(
        day=pl.col("n") // 40, at=pl.from_epoch(pl.col("n") * 2_160, time_unit="s").dt.replace_time_zone("UTC")
    )
    wave = (pl.col("n") * 7919 % 101) / 101
    return rows.select(
        "at",
        "day",
        temperature=30 + pl.col("day") * 0.4 + 6 * wave,
        distance=200 + 2000 * wave,
        airport=pl.when(pl.col("n") % 3 == 0).then(pl.lit("EWR")).otherwise(pl.lit("JFK")),
        tail=pl.format("N{}", pl.col("n")),
        gauge=pl.when(pl.col("n") % 4 > 0).then(None).otherwise(wave),
    )


@pytest.fixture(scope="module")
def contract() -> Contract:
    return infer(Table.of(season(0, DAYS)), name="season", on="at", keys=("tail",))


def test_the_reference_meets_its_contract(contract: Contract) -> None:
    """Every batch of the reference passes what was inferred from it, as far as its rows are enough to tell."""
    reports = [validate(Table.of(season(day, 1)), contract).report for day in range(DAYS)]

    assert {"unchecked"} >= {result.status for report in reports for result in report.notable()}


def test_a_season_does_not_block(contract: Contract) -> None:
    """What moved within the reference may move on, a year long."""
    reports = [validate(Table.of(season(day, 1)), contract).report for day in range(DAYS, 180, 10)]

    assert [] == [report.reason for report in reports if report.is_blocked]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (lambda day: day.with_columns(pl.col("distance") * 1.609344), "scale of 'distance'"),
        (lambda day: day.with_columns(pl.col("distance") / 1.609344), "scale of 'distance'"),
        (lambda day: day.with_columns(pl.col("distance") * -1), "range of 'distance'"),
        (lambda day: day.with_columns(distance=pl.lit(None, pl.Float64)), "nulls of 'distance'"),
        (lambda day: day.with_columns(gauge=pl.lit(None, pl.Float64)), "nulls of 'gauge'"),
        (lambda day: day.with_columns(airport=pl.lit("Newark")), "domain of 'airport'"),
        (lambda day: day.with_columns(tail=pl.lit("N1")), "unique of 'tail'"),
        (lambda day: day.drop("airport"), "column of 'airport'"),
        (lambda day: day.with_columns(pl.col("distance").cast(pl.String)), "column of 'distance'"),
        (lambda day: day.head(2), "rows: observed 2 rows"),
    ],
)
def test_a_broken_feed_blocks(contract: Contract, fault: Callable[[pl.DataFrame], pl.DataFrame], says: str) -> None:
    """Changed units, signs, codes, types, dead sensors, repeated and missing rows are stopped and named."""
    report = validate(Table.of(fault(season(40, 1))), contract).report

    assert says in report.reason


def test_what_is_inferred(contract: Contract) -> None:
    """Each kind of column gets the expectations that mean something for it."""
    kinds = {
        kind: {item.column for item in contract.expectations if isinstance(item, kind)}
        for kind in (HasColumn, NullsAtMost, InRange, InDomain, SameScale)
    }
    columns = {"at", "day", "temperature", "distance", "airport", "tail", "gauge"}

    assert kinds == {
        HasColumn: columns,
        NullsAtMost: columns,
        InRange: {"temperature", "distance", "gauge"},
        InDomain: {"airport"},
        SameScale: {"distance", "gauge"},
    }
    assert UniqueBy(columns=("tail",)) in contract.expectations


def test_severity_follows_the_batches(contract: Contract) -> None:
    """A column that each batch explores blocks; one that moves from batch to batch warns."""
    found = {item.column: item.severity for item in contract.expectations if isinstance(item, InRange)}

    assert {"distance": "block", "gauge": "block", "temperature": "warn"} == found


def test_a_counter_has_no_limits(contract: Contract) -> None:
    """A column that only climbs would leave any range."""
    assert not [
        item for item in contract.expectations if isinstance(item, InRange | SameScale) and item.column == "day"
    ]


def test_a_scale_that_hardly_moves_is_kept() -> None:
    """Air pressure goes up and down with the weather, and is never in inches of mercury all of a sudden."""
    pressure = season(0, DAYS).select("at", pressure=1000 + pl.col("day") * 7 % 13 + pl.col("distance") / 1000)
    found = infer(Table.of(pressure), name="air", on="at")

    report = validate(Table.of(pressure.tail(40).with_columns(pl.col("pressure") / 33.8639)), found).report

    assert "scale of 'pressure': observed ×0.029" in report.reason


def test_without_a_time_column_nothing_is_said_of_rows() -> None:
    """The size of an append is known only when the reference can be cut as the appends come."""
    found = infer(Table.of(season(0, DAYS)), name="season")

    assert not [item for item in found.expectations if isinstance(item, RowCount)]
    assert [item for item in found.expectations if isinstance(item, SameScale)]


def test_limits_are_round_numbers() -> None:
    """People review limits: three digits are enough."""
    found = infer(Table.of({"x": [1.23456 * (37 * n % 101) for n in range(1, 101)]}), name="x")

    assert [(0.0, 246.0)] == [(item.low, item.high) for item in found.expectations if isinstance(item, InRange)]


def proposed(columns: dict[str, Any], **by: Any) -> list[Expectation]:
    """What is inferred that only warns."""
    return [one for one in infer(Table.of(columns), name="x", **by).expectations if one.severity == "warn"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f"N{n:05}" for n in range(900)], Matches(column="id", regex="N[0-9]{5}", severity="warn")),
        (
            [f"{n:03}-{'xy'[n % 2]}Q" for n in range(900)],
            Matches(column="id", regex="[0-9]{3}-[a-z][A-Z]", severity="warn"),
        ),
        ([f"a.b+{n:03}" for n in range(900)], Matches(column="id", regex=r"a\.[a-z]\+[0-9]{3}", severity="warn")),
        ([f"{n:x}".rjust(4, "f") for n in range(900)], TextLength(column="id", low=4, high=4, severity="warn")),
    ],
)
def test_ids_of_one_shape(values: list[str], expected: Expectation) -> None:
    """Texts of one shape are expected to keep it, texts of one length to keep that; people may let it block."""
    assert [expected, NoPersonalData(severity="warn")] == proposed({"id": values})


def test_texts_of_several_shapes_are_free() -> None:
    """Nothing is said of the form of texts that have none."""
    assert [NoPersonalData(severity="warn")] == proposed({"id": [f"{n}" for n in range(900)]})


def test_times_that_never_go_back() -> None:
    """A time that only rises goes on where the dataset ends; one that was shuffled may come in any order."""
    times = pl.Series(range(400)).cast(pl.Datetime("us", "UTC"))
    columns = {"at": times, "other": times.shuffle(seed=0)}

    assert [Ascending(column="at", with_history=True, severity="warn")] == proposed(columns)


def test_change_of_rows() -> None:
    """Appends may change by twice as much as the batches of the reference did."""
    days = [day * DAY for day, rows in enumerate([40, 80, 40]) for _ in range(rows)]

    found = proposed({"at": pl.Series(days).cast(pl.Datetime("us", "UTC"))}, on="at")

    assert [RowChange(low=0.25, high=4.0, severity="warn")] == [one for one in found if isinstance(one, RowChange)]


def test_no_rows_teach_nothing() -> None:
    """A contract of an empty table would allow or forbid everything."""
    with pytest.raises(EmptyWindow, match="'x'"):
        infer(Table.of(season(0, 1).clear()), name="x")


def test_unknown_columns_are_named() -> None:
    """A mistyped key is found before the contract is written."""
    with pytest.raises(MissingColumn, match="'tial'"):
        infer(Table.of(season(0, 1)), name="x", keys=("tial",))
