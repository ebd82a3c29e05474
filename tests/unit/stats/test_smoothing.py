"""Moving averages and bands."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from homeostat.stats.smoothing import band, debiased_average

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@given(values=values, weight=st.floats(0, 0.999))
def test_an_average_stays_between_what_it_saw(values: list[float], weight: float) -> None:
    """Never below the lowest or above the highest so far: nothing is drawn towards 0 at the start."""
    smoothed = debiased_average(np.array(values), weight).tolist()

    for index, value in enumerate(smoothed):
        seen = values[: index + 1]
        assert min(seen) - 1e-6 <= value <= max(seen) + 1e-6


def test_an_average_is_the_weighted_mean() -> None:
    """With weight w the past counts w, w^2, ... as much as the present, and all weights together 1."""
    assert [1.0, (0.5 * 1 + 2) / 1.5, (0.25 * 1 + 0.5 * 2 + 6) / 1.75] == debiased_average(
        np.array([1.0, 2.0, 6.0]), 0.5
    ).tolist()


def test_a_gap_stays_a_gap() -> None:
    """NaN is not remembered: the average goes on behind it as if it had not been."""
    smoothed = debiased_average(np.array([1.0, math.nan, 3.0]), 0.5)

    assert math.isnan(smoothed[1])
    assert debiased_average(np.array([1.0, 3.0]), 0.5)[1] == smoothed[2]


def test_a_band_is_the_t_interval_of_the_curves_there() -> None:
    """Mean and 95 % interval as SciPy gives them; a curve that ended does not count any more."""
    at = np.arange(3)
    found = band([(at, np.array([1.0, 2.0, 3.0])), (at, np.array([3.0, 4.0, 8.0])), (at[:2], np.array([2.0, 9.0]))])
    low, high = stats.t.interval(0.95, 2, loc=5, scale=stats.sem([2.0, 4.0, 9.0]))

    assert [2.0, 5.0, 5.5] == found.mean.tolist()
    assert (low, high) == pytest.approx((found.low[1], found.high[1]))
    assert found.high[2] - found.mean[2] == pytest.approx(stats.t.ppf(0.975, 1) * stats.sem([3.0, 8.0]))


def test_a_curve_alone_has_no_band() -> None:
    """One run says nothing of how runs vary; between its points it is straight."""
    found = band([(np.array([0, 4]), np.array([0.0, 8.0])), (np.array([2]), np.array([4.0]))])

    assert [0.0, 4.0, 8.0] == found.mean.tolist()
    assert [True, False, True] == np.isnan(found.low).tolist()


def test_no_curve_makes_no_band() -> None:
    """Nor do curves of NaN alone."""
    assert 0 == len(band([(np.array([1]), np.array([math.nan]))]).at)
