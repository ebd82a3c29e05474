"""Intervals for one look at a mean, a share or a quantile: reports and tables, not decisions under continuous looking."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeostat.core.errors import EmptyWindow

_STANDARD = NormalDist()


class Estimate(NamedTuple):
    """A figure with its interval; an end that the rows cannot bound is infinite."""

    value: float
    low: float
    high: float


def quantile(probability: float) -> float:
    """Of the standard normal distribution."""
    return _STANDARD.inv_cdf(probability)


def mean(x: NDArray[np.float64], alpha: float = 0.05) -> Estimate:
    """Mean with its normal interval.

    Raises: EmptyWindow if there are no observations.
    """
    if not len(x):
        raise EmptyWindow("The mean of no observations was asked for.")
    value = float(x.mean())
    reach = quantile(1 - alpha / 2) * math.sqrt(float(x.var(ddof=1)) / len(x)) if len(x) > 1 else math.inf
    return Estimate(value, value - reach, value + reach)


def share(hits: int, of: int, alpha: float = 0.05) -> Estimate:
    """Share with its Wilson score interval, right also for none and for all.

    Raises: EmptyWindow if `of` is 0.
    Source: Wilson 1927.
    """
    if not of:
        raise EmptyWindow("The share of no events was asked for.")
    z = quantile(1 - alpha / 2)
    value = hits / of
    centre = (value + z * z / (2 * of)) / (1 + z * z / of)
    reach = z / (1 + z * z / of) * math.sqrt(value * (1 - value) / of + z * z / (4 * of * of))
    return Estimate(value, max(0.0, centre - reach), min(1.0, centre + reach))


def upper_quantile(x: NDArray[np.float64], probability: float, alpha: float = 0.05) -> Estimate:
    """A quantile with its interval by order statistics, whatever the distribution.

    Args:
        x: (n,) observations.
        probability: such as 0.99.

    Returns: the nearest-rank quantile; an end beyond the observations is infinite (few rows bound no p99 above).
    Raises: EmptyWindow if there are no observations.
    Source: Conover 1999, section 3.2. (A DKW band over the whole distribution bounds no p99 above below 18,445 rows.)
    """
    n = len(x)
    if not n:
        raise EmptyWindow("The quantile of no observations was asked for.")
    z = quantile(1 - alpha / 2) * math.sqrt(n * probability * (1 - probability))
    ordered = np.sort(x)
    low, rank, high = (math.ceil(n * probability + shift) for shift in (-z, 0.0, z))
    return Estimate(
        float(ordered[min(max(rank, 1), n) - 1]),
        float(ordered[low - 1]) if low >= 1 else -math.inf,
        float(ordered[high - 1]) if high <= n else math.inf,
    )
