"""Intervals for one look."""

import math

import numpy as np
import pytest

from homeostat.core.errors import EmptyWindow
from homeostat.stats import normal


def test_mean_with_its_standard_error() -> None:
    """The 95 % interval reaches 1.96 standard errors to both sides."""
    x = np.array([0.0, 1.0, 2.0, 3.0])
    error = math.sqrt(x.var(ddof=1) / 4)
    assert pytest.approx((1.5, 1.5 - 1.959964 * error, 1.5 + 1.959964 * error)) == normal.mean(x)


def test_wilson_interval_of_a_known_case() -> None:
    """10 of 100: 0.0552 to 0.1744 (Newcombe 1998, method 3)."""
    assert pytest.approx((0.1, 0.0552, 0.1744), abs=5e-5) == normal.share(10, 100)


def test_no_failure_still_leaves_doubt() -> None:
    """None of 100 failed: the rate may still be 3.7 %."""
    assert pytest.approx((0.0, 0.0, 0.0370), abs=5e-5) == normal.share(0, 100)


def test_quantile_by_order_statistics_covers() -> None:
    """Of 300 heavy-tailed samples, 95 % intervals of the p99 cover it in 92 % or more."""
    rng = np.random.default_rng(1)
    truth = math.exp(normal.quantile(0.99))
    found = [normal.upper_quantile(np.exp(rng.normal(size=3000)), 0.99) for _ in range(300)]
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.92


def test_few_rows_bound_no_tail() -> None:
    """100 rows hold no upper bound of the p99, and say so."""
    assert math.inf == normal.upper_quantile(np.arange(100.0), 0.99).high


@pytest.mark.parametrize(
    "ask",
    [
        lambda: normal.mean(np.empty(0)),
        lambda: normal.share(0, 0),
        lambda: normal.upper_quantile(np.empty(0), 0.99),
    ],
)
def test_nothing_has_no_figure(ask: object) -> None:
    """A figure of no rows is an error, never a NaN."""
    assert callable(ask)
    with pytest.raises(EmptyWindow):
        ask()
