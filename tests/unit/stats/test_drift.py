"""Drift distances over histograms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import chdtrc
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from homeostat.core.errors import EdgesMismatch, EmptyWindow
from homeostat.stats.drift import Distance, chi_square_p, chi_square_tail, distance, population_stability_index
from homeostat.stats.histogram import category_cells, number_cells


def between(reference: np.ndarray, live: np.ndarray) -> Distance:
    cells = number_cells(reference)
    return distance(cells, cells.count(reference), cells.count(live))


def test_psi_is_debiased() -> None:
    """Under the null the mean PSI of 500 live rows over 10 groups is 0; undebiased it would be about 0.02."""
    rng = np.random.default_rng(1)
    reference = rng.normal(size=5000)
    found = [between(reference, rng.normal(size=500)).psi for _ in range(200)]
    assert abs(np.mean(found)) < 0.003


def test_psi_of_a_case_by_hand() -> None:
    """Shares (1/2, 1/2) against (1/4, 3/4): 0.25 ln 3, at so many rows that neither bias nor smoothing shows."""
    found = population_stability_index(np.array([5e9, 5e9]), np.array([2.5e9, 7.5e9]))
    assert pytest.approx(0.25 * np.log(3), rel=1e-6) == found


def test_ks_is_that_of_the_rows() -> None:
    """From 250 cells the distance is within a cell's mass of the one computed from the rows."""
    rng = np.random.default_rng(2)
    reference, live = rng.normal(size=4000), rng.normal(0.5, 1.3, size=3000)
    assert pytest.approx(ks_2samp(reference, live).statistic, abs=0.005) == between(reference, live).ks


def test_w1_is_that_of_the_rows() -> None:
    """Within the reference's range the distance over its IQR is within 2 % of the one computed from the rows."""
    rng = np.random.default_rng(3)
    reference, live = rng.beta(2, 5, size=4000), rng.beta(3, 4, size=3000)
    expected = wasserstein_distance(reference, live) / np.subtract(*np.quantile(reference, [0.75, 0.25]))
    assert pytest.approx(expected, rel=0.02) == between(reference, live).w1


@given(freedom=st.integers(1, 1_000), statistic=st.floats(0, 3_000))
def test_the_tail_of_chi_square_is_that_of_scipy(freedom: int, statistic: float) -> None:
    """Whatever the degrees of freedom."""
    assert pytest.approx(chdtrc(freedom, statistic), rel=1e-9, abs=1e-15) == chi_square_tail(freedom, statistic)


def test_chi_square_is_that_of_scipy() -> None:
    """The p-value is that of a 2 × k contingency table."""
    reference, live = np.array([50.0, 30.0, 20.0]), np.array([30.0, 40.0, 30.0])
    expected = chi2_contingency(np.array([reference, live])).pvalue
    assert pytest.approx(expected) == chi_square_p(reference, live)


def test_p_values_are_uniform_under_the_null() -> None:
    """About a tenth of null windows has p below 0.1."""
    rng = np.random.default_rng(4)
    reference = rng.normal(size=5000)
    low = np.mean([between(reference, rng.normal(size=500)).p_value < 0.1 for _ in range(300)])
    assert 0.05 <= low <= 0.15


def test_equal_rows_have_no_distance() -> None:
    """The distance of rows from themselves is 0, less the debiasing in the PSI."""
    x = np.random.default_rng(5).normal(size=1000)
    found = between(x, x)
    assert (0.0, 0.0, 0.0, 1.0) == (found.js, found.ks, found.w1, found.p_value)


def test_one_unseen_category_is_finite() -> None:
    """One row of a new level neither makes the PSI infinite nor alarming."""
    cells = category_cells({"a": 500, "b": 500})
    found = distance(cells, cells.count({"a": 500, "b": 500}), cells.count({"a": 500, "b": 499, "new": 1}))
    assert abs(found.psi) < 0.02


def test_disjoint_categories_are_as_far_as_can_be() -> None:
    """Nothing shared: a Jensen-Shannon distance of 1, and no order to speak of."""
    cells = category_cells({"a": 500})
    found = distance(cells, cells.count({"a": 500}), cells.count({"z": 500}))
    assert pytest.approx(1.0) == found.js
    assert (None, None) == (found.ks, found.w1)


def test_nulls_are_drift() -> None:
    """A column that turns half null has drifted, though its values have not."""
    x = np.random.default_rng(6).normal(size=2000)
    cells = number_cells(x)
    found = distance(cells, cells.count(x), cells.count(x[:1000], nulls=1000))
    assert found.psi > 0.25


def test_only_nulls_have_no_order() -> None:
    """A live window without values has no KS and W1 to report, only the PSI sees it."""
    x = np.random.default_rng(7).normal(size=2000)
    cells = number_cells(x)
    found = distance(cells, cells.count(x), cells.count(np.empty(0), nulls=100))
    assert (0.0, 0.0) == (found.ks, found.w1)


def test_refuses_other_cells_and_empty_windows() -> None:
    """A histogram over other cells, and one without rows, are named errors."""
    cells = number_cells(np.arange(10.0))
    counts = cells.count(np.arange(10.0))
    with pytest.raises(EdgesMismatch):
        distance(cells, counts, counts[1:])
    with pytest.raises(EmptyWindow):
        distance(cells, counts, np.zeros_like(counts))
