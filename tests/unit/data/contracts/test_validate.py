"""Contracts against rows: what is met, what is quarantined, what blocks."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.codec.tables import Table
from homeostat.data.contracts.contract import (
    Contract,
    Expectation,
    HasColumn,
    InDomain,
    InRange,
    NullsAtMost,
    RowCount,
    SameScale,
    UniqueBy,
)
from homeostat.data.contracts.infer import infer
from homeostat.data.contracts.validate import validate
from homeostat.data.contracts.verdict import Verdict
from homeostat.data.contracts.whole_checks import scale_moved

NAN = float("nan")
MANY = 20  # times: enough rows to judge a share or a scale by


def verdict(columns: dict[str, Any], *expectations: Expectation, tolerance: float = 0.05) -> Verdict:
    return validate(Table.of(columns), Contract(name="c", expectations=expectations, tolerance=tolerance))


def statuses(found: Verdict) -> list[str]:
    return [result.status for result in found.report.results]


@pytest.mark.parametrize(
    ("values", "expectation", "status", "failing"),
    [
        ([1.0, 2.0], HasColumn(column="x", type="float64"), "met", 0),
        ([1, 2], HasColumn(column="x", type="float64"), "blocked", 0),
        ([1, 2], HasColumn(column="y", type="int64"), "blocked", 0),
        ([1, None] * MANY, NullsAtMost(column="x", share=0.5), "met", 20),
        ([None, None] * MANY, NullsAtMost(column="x", share=0.5), "blocked", 40),
        ([None, None], NullsAtMost(column="x", share=0.5), "unchecked", 2),
        ([1.0, NAN], NullsAtMost(column="x", share=0), "blocked", 1),
        ([0, 5, None], InRange(column="x", low=0, high=5), "met", 0),
        ([-1, 5], InRange(column="x", low=0, high=5), "blocked", 1),
        ([6.0, NAN], InRange(column="x", low=0, high=5), "blocked", 2),
        ([6.0, 1.0], InRange(column="x", low=0, high=5, severity="warn"), "warned", 1),
        (["6"], InRange(column="x", low=0, high=5), "unchecked", 0),
        ([1], InRange(column="y", low=0, high=5), "unchecked", 0),
        (["a", None], InDomain(column="x", values=("a", "b"), unseen_at_most=0), "met", 0),
        (["a", "z"] * MANY, InDomain(column="x", values=("a", "b"), unseen_at_most=0.5), "warned", 20),
        (["y", "z"] * MANY, InDomain(column="x", values=("a", "b"), unseen_at_most=0.5), "blocked", 40),
        (["y", "z"], InDomain(column="x", values=("a", "b"), unseen_at_most=0.5), "warned", 2),
        ([1, 2, 1], UniqueBy(columns=("x",)), "blocked", 1),
        ([1, 2], UniqueBy(columns=("x",)), "met", 0),
        ([1, 2], UniqueBy(columns=("x", "y")), "unchecked", 0),
        ([1, 2], RowCount(low=2, high=2), "met", 0),
        ([1, 2], RowCount(low=3, high=9), "blocked", 0),
        ([10.0, 20.0, 30.0] * MANY, SameScale(column="x", quartiles=(15.0, 20.0, 25.0), factor=1.3), "met", 0),
        ([24.15, 32.2, 40.25] * MANY, SameScale(column="x", quartiles=(15.0, 20.0, 25.0), factor=1.3), "blocked", 0),
        ([9.0, 12.0, 15.0] * MANY, SameScale(column="x", quartiles=(15.0, 20.0, 25.0), factor=1.3), "blocked", 0),
        ([0.0, 0.0, 0.0] * MANY, SameScale(column="x", quartiles=(15.0, 20.0, 25.0), factor=1.3), "unchecked", 0),
        ([16.1, 32.2, 48.3], SameScale(column="x", quartiles=(15.0, 20.0, 25.0), factor=1.3), "unchecked", 0),
        ([None, NAN], SameScale(column="x", quartiles=(15.0, 20.0, 25.0), factor=1.3), "unchecked", 0),
    ],
)
def test_each_expectation(values: list[Any], expectation: Expectation, status: str, failing: int) -> None:
    """Every kind of expectation tells what holds from what does not, and counts the rows that fail."""
    (result,) = verdict({"x": values}, expectation).report.results

    assert (status, failing) == (result.status, result.failing)


def test_a_few_failing_rows_are_quarantined() -> None:
    """One bad row in a hundred does not stop the feed, and does not get in."""
    found = verdict({"x": [*range(99), 1000]}, InRange(column="x", low=0, high=99))

    assert ["quarantined"] == statuses(found)
    assert (list(range(99)), [1000]) == (found.accepted.polars()["x"].to_list(), found.rejected.polars()["x"].to_list())
    assert (99,) == found.report.results[0].first_rows


def test_more_than_tolerated_blocks_everything() -> None:
    """Many bad rows mean a bad feed: nothing of it gets in."""
    found = verdict({"x": [*range(90), *[1000] * 10]}, InRange(column="x", low=0, high=99))

    assert (["blocked"], 0, 100) == (statuses(found), found.accepted.rows, found.rejected.rows)


def test_failing_rows_count_once() -> None:
    """A row that fails two expectations is one failing row; rows failing either are all counted."""
    columns = {"x": [*[1000] * 5, *range(95)], "y": [*[None] * 5, *range(95)]}
    both = (InRange(column="x", low=0, high=99), NullsAtMost(column="y", share=0))

    assert (["quarantined"] * 2, 5) == (statuses(verdict(columns, *both)), verdict(columns, *both).rejected.rows)


def test_tolerance_is_of_all_failing_rows() -> None:
    """Two expectations cannot each use up the tolerance."""
    columns = {"x": [*[1000] * 4, *range(96)], "y": [*range(96), *[None] * 4]}

    found = verdict(columns, InRange(column="x", low=0, high=99), NullsAtMost(column="y", share=0))

    assert ["blocked", "blocked"] == statuses(found)


def test_a_warning_keeps_the_rows() -> None:
    """Severity warn reports and changes nothing."""
    found = verdict({"x": [1000]}, InRange(column="x", low=0, high=99, severity="warn"))

    assert (["warned"], 1, False) == (statuses(found), found.accepted.rows, found.report.is_blocked)


def test_a_change_of_unit_inside_the_range_is_caught() -> None:
    """Miles sent as kilometres stay plausible one by one, and are seen all together."""
    miles = [100.0 + 17 * n for n in range(150)]
    unit = SameScale(column="d", quartiles=(733.25, 1366.5, 1999.75), factor=1.33)

    found = verdict({"d": [1.609344 * mile for mile in miles]}, InRange(column="d", low=0, high=6000), unit)

    assert ["met", "blocked"] == statuses(found)
    assert "scale of 'd': observed ×1.61 of the reference, expected within ×0.75 to ×1.33" == found.report.reason


def test_what_failed_worst_comes_first() -> None:
    """The verdict is one line; what blocks comes before what warns, and what is met is not spoken of."""
    report = verdict(
        {"x": [1, 2, 300], "c": ["a", "b", "z"]},
        InDomain(column="c", values=("a", "b"), unseen_at_most=0.5),
        RowCount(low=1, high=9),
        InRange(column="x", low=0, high=99),
    ).report

    assert "contract c: 3 rows, blocked; 1 of 3 expectations met" == report.summary
    assert [("blocked", "x", "2"), ("warned", "c", "2")] == [
        (one.status, one.column, one.where) for one in report.worst_first()
    ]


@pytest.mark.parametrize(
    ("failing", "spoken"),
    [
        ([], ""),
        ([3], "3"),
        ([3, 4, 5, 9], "3-5, 9"),
        ([0, 2, 4, 6, 8, 10, 12, 13], "0, 2, 4, 6, 8, 10 and 2 more"),
    ],
)
def test_row_numbers_are_stretches(failing: list[int], spoken: str) -> None:
    """Neighbours are one stretch with its first and last row; of many stretches the rest is a number."""
    values = [-1 if row in failing else 1 for row in range(20)]

    (found,) = verdict({"x": values}, InRange(column="x", low=0)).report.results

    assert spoken == found.where


def test_no_rows_fail_nothing() -> None:
    """An empty append meets every expectation about rows."""
    empty = pl.DataFrame({"x": [1], "c": ["a"]}).clear()
    contract = Contract(
        name="c",
        expectations=(
            InRange(column="x", low=0, high=1),
            NullsAtMost(column="x", share=0),
            InDomain(column="c", values=("a",), unseen_at_most=0),
            UniqueBy(columns=("x",)),
        ),
    )

    assert ["met"] * 4 == statuses(validate(Table.of(empty), contract))


@given(st.lists(st.none() | st.integers(-5, 15), max_size=60), st.floats(0, 0.9))
@settings(max_examples=60)
def test_rows_are_parted_or_refused_whole(values: list[int | None], tolerance: float) -> None:
    """Accepted and rejected rows are all rows; no accepted row fails; nothing is accepted of a blocked append."""
    contract = Contract(
        name="c",
        expectations=(InRange(column="x", low=0, high=9), NullsAtMost(column="x", share=0)),
        tolerance=tolerance,
    )
    rows = Table.of(pl.DataFrame({"x": values}, schema={"x": pl.Int64}))
    bad = [value for value in values if value is None or not 0 <= value <= 9]

    found = validate(rows, contract)

    is_blocked = len(bad) > tolerance * len(values)
    good = [value for value in values if value is not None and 0 <= value <= 9]
    assert is_blocked == found.report.is_blocked
    assert ([] if is_blocked else good) == found.accepted.polars()["x"].to_list()
    assert (values if is_blocked else bad) == found.rejected.polars()["x"].to_list()


@given(
    st.tuples(*[st.floats(0.1, 100)] * 3),
    st.floats(0.1, 10),
)
def test_scaling_moves_by_the_factor(quartiles: tuple[float, float, float], factor: float) -> None:
    """A change of unit moves a column by exactly that unit's factor."""
    moved = scale_moved(quartiles, tuple(factor * value for value in quartiles))

    assert moved is not None
    assert pytest.approx(factor, rel=1e-6) == 2.718281828459045**moved


def test_quartiles_that_disagree_have_not_moved() -> None:
    """A wider or narrower column is not another unit."""
    assert 0.0 == scale_moved((10.0, 20.0, 30.0), (5.0, 20.0, 60.0))


def test_few_rows_break_no_expectation_about_shares_and_scale() -> None:
    """One ordinary row is no evidence of a broken feed: shares and quartiles are judged from 30 rows on."""
    reference = Table.of({"amount": [float(i % 90 + 10) for i in range(900)], "note": [None, "a", "b"] * 300})
    contract = infer(reference, name="payments")

    verdict = validate(Table.of({"amount": [11.0], "note": pl.Series([None], dtype=pl.String)}), contract)

    assert not verdict.report.is_blocked
    assert 1 == len(verdict.accepted)
