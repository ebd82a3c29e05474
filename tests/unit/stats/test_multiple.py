"""Many tests at once."""

import numpy as np
import pytest

from homeostat.stats.multiple import e_bh, e_value


def test_e_values_of_uniform_p_values_average_at_most_one() -> None:
    """That is what makes them e-values; on a grid of p the integral is 1 but for the finest tail."""
    p = (np.arange(1_000_000) + 0.5) / 1_000_000
    assert 0.9 <= e_value(p).mean() <= 1.0


def test_e_values_fall_with_p() -> None:
    """A smaller p-value is more evidence, down to zero itself, which stays finite."""
    e = e_value(np.array([0.0, 1e-12, 1e-3, 0.05, 0.5, 0.99999, 1.0]))
    assert np.isfinite(e).all()
    assert (np.diff(e) <= 0).all()


def test_e_bh_by_hand() -> None:
    """Of e-values 100, 30, 2 at level 0.1: 2 × 30 >= 3 / 0.1, so two are discoveries."""
    assert [True, False, True] == e_bh(np.array([100.0, 2.0, 30.0]), 0.1).tolist()


@pytest.mark.parametrize("e", [np.array([]), np.array([1.0, 1.0])])
def test_nothing_is_found_in_nothing(e: np.ndarray) -> None:
    """No tests, and tests without evidence, give no discoveries."""
    assert not e_bh(e).any()


def test_false_discoveries_are_few_under_dependence() -> None:
    """With 20 nulls that share half their noise, a discovery is made in at most 5 % of 500 checks."""
    rng = np.random.default_rng(1)
    shared = rng.normal(size=(500, 1))
    z = (shared + rng.normal(size=(500, 20))) / np.sqrt(2)
    p = 0.5 * (1 - np.tanh(z * np.sqrt(2 / np.pi) * (1 + 0.044715 * z**2)))  # Φ(−z), Gaussian by tanh
    assert np.mean([e_bh(e_value(row), 0.05).any() for row in p]) <= 0.05
