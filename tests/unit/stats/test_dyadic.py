"""Histograms that need no reference: how they merge, and how they are laid over each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.stats.drift import distance
from homeostat.stats.dyadic import MOST_CELLS, Dyadic, dyadic, laid_over, merge_dyadic

numbers = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40)


@given(parts=st.lists(numbers, max_size=5))
@settings(max_examples=50, deadline=None)
def test_parts_merge_to_the_whole(parts: list[list[float]]) -> None:
    """The merge of parts is the histogram of all their values, in any order."""
    whole = dyadic(np.array([value for part in parts for value in part]))
    made = [dyadic(np.array(part)) for part in parts]

    assert whole == merge_dyadic(made) == merge_dyadic(reversed(made))


def test_many_values_merge_to_the_whole() -> None:
    """Where parts have coarser cells than others, and values come a quarter of a million at a time, too."""
    x = np.random.default_rng(0).normal(1013, 10, 400_000)
    parts = [dyadic(x[:50]), dyadic(x[50:90_000]), dyadic(x[90_000:])]

    whole = dyadic(x)

    assert whole == merge_dyadic(parts)
    assert len(whole.cells) <= MOST_CELLS
    assert len(x) == whole.total


def test_few_values_have_a_cell_each() -> None:
    """A column of few distinct values is counted exactly; −0 is 0, and NaN stands apart."""
    found = dyadic(np.array([-0.0, 0.0, -1.5, 2013.0, math.nan, 2013.0]))

    assert ([-1.5, 0.0, 2013.0], (1, 2, 2), 1) == (found.edges.tolist(), found.counts, found.nans)


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.99])
def test_quantiles_are_near(share: float) -> None:
    """A quantile is off by no more than a cell, far below the spread of the column even when it lies far from 0."""
    x = np.random.default_rng(1).normal(1013, 10, 100_000)

    found = dyadic(x).quantile(share)

    assert float(np.quantile(x, share)) == pytest.approx(found, abs=0.2)


def test_quantile_of_nothing() -> None:
    """There is no quantile of no values."""
    assert math.isnan(Dyadic().quantile(0.5))


def test_distances_see_what_moved() -> None:
    """Laid over each other, equal distributions are near, shifted ones are far, and every value is counted once."""
    rng = np.random.default_rng(2)
    reference, same, moved = (dyadic(rng.normal(mean, 10, 50_000)) for mean in (1013, 1013, 1023))

    cells, before, after = laid_over(reference, same)
    near, far = distance(cells, before, after), distance(*laid_over(reference, moved))

    assert (50_000, 50_000) == (before.sum(), after.sum())
    assert abs(near.psi) < 0.01
    assert near.p_value > 0.001
    assert far.psi > 0.5
    assert far.ks is not None
    assert 0.383 == pytest.approx(far.ks, abs=0.01)  # of two normals one deviation apart: 2 Φ(1/2) − 1
