"""Histograms over fixed cells."""

from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.core.errors import EdgesMismatch, EmptyWindow
from homeostat.stats.histogram import Categories, Numbers, category_cells, merge, number_cells

VALUES = st.lists(st.floats(width=32), max_size=40)


@settings(max_examples=60)
@given(VALUES, VALUES)
def test_merge_is_the_histogram_of_all_rows(first: list[float], second: list[float]) -> None:
    """Two windows merged count what one window over both rows counts, NaN and infinities included."""
    cells = number_cells(np.arange(100.0))
    apart = merge(cells.count(np.array(first), nulls=1), cells.count(np.array(second), nulls=2))
    together = cells.count(np.array(first + second), nulls=3)
    assert together.tolist() == apart.tolist()


@settings(max_examples=60)
@given(VALUES)
def test_every_value_is_counted_once(values: list[float]) -> None:
    """The cells hold as many as there were values."""
    assert len(values) == number_cells(np.arange(10.0)).count(np.array(values)).sum()


def test_cells_say_under_over_nan_and_null() -> None:
    """What the reference never saw has cells of its own."""
    cells = Numbers(edges=(0.0, 1.0, 2.0))
    counts = cells.count(np.array([-5.0, 0.0, 0.5, 1.0, 2.0, 9.0, np.nan]), nulls=4)
    assert [1, 2, 1, 2, 1, 4] == counts.tolist()


def test_reference_fills_no_outer_cell() -> None:
    """No row of the reference itself lies under, or over, its own edges."""
    x = np.random.default_rng(1).normal(size=5000)
    counts = number_cells(x).count(x)
    assert (0, 0) == (counts[0], counts[-3])


def test_quantile_cells_hold_equal_shares() -> None:
    """250 cells of 5,000 distinct values hold 19 or 20 each."""
    x = np.random.default_rng(1).normal(size=5000)
    counts = number_cells(x).count(x)[1:-4]
    assert (250, 19, 20) == (len(counts), int(counts.min()), int(counts.max()))


def test_few_distinct_values_have_a_cell_each() -> None:
    """A binary column keeps its two values apart."""
    x = np.array([0.0] * 90 + [1.0] * 10)
    assert [0, 90, 10, 0, 0, 0] == number_cells(x).count(x).tolist()


def test_a_constant_has_a_cell() -> None:
    """A constant reference has one cell for its value, and others show as under and over."""
    cells = number_cells(np.full(9, 7.0))
    assert [1, 2, 1, 0, 0] == cells.count(np.array([6.0, 7.0, 7.0, 8.0])).tolist()


def test_unseen_category_is_new() -> None:
    """A level that the reference never had is new, and null is apart."""
    cells = category_cells({"JFK": 3, "LGA": 2})
    assert [1, 0, 0, 5, 2] == cells.count({"JFK": 1, "XXX": 5}, nulls=2).tolist()


def test_rare_levels_are_other() -> None:
    """Beyond the most frequent levels, a level may have been in the reference: it counts as other."""
    cells = category_cells({"a": 9, "b": 5, "c": 1}, most=2)
    assert [1, 0, 4, 0, 0] == cells.count({"a": 1, "c": 3, "z": 1}).tolist()


@settings(max_examples=40)
@given(st.lists(st.sampled_from("abcdef")), st.lists(st.sampled_from("abcxyz")))
def test_merge_of_categories(first: list[str], second: list[str]) -> None:
    """Category counts merge as number counts do."""
    cells = category_cells({"a": 1, "b": 1})
    apart = merge(cells.count(Counter(first)), cells.count(Counter(second)))
    assert cells.count(Counter(first + second)).tolist() == apart.tolist()


def test_cells_of_different_references_do_not_merge() -> None:
    """Counts over other edges are refused, with their sizes."""
    with pytest.raises(EdgesMismatch, match="4, 6"):
        merge(np.zeros(4, dtype=np.int64), np.zeros(6, dtype=np.int64))


def test_cells_survive_json() -> None:
    """Cells are stored as JSON and count the same afterwards."""
    cells = number_cells(np.random.default_rng(1).normal(size=100))
    stored = msgspec.json.decode(msgspec.json.encode(cells), type=Numbers | Categories)
    assert cells == stored


@pytest.mark.parametrize("make", [lambda: number_cells(np.array([np.nan])), lambda: category_cells({}), merge])
def test_no_reference_no_cells(make: object) -> None:
    """Cells cannot be drawn from nothing."""
    assert callable(make)
    with pytest.raises(EmptyWindow):
        make()
