"""Area under the ROC curve by ranks, with its variance after DeLong."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeostat.core.errors import EmptyWindow
from homeostat.stats.normal import quantile


class Auc(NamedTuple):
    """The area and an interval of the coverage asked for."""

    value: float
    low: float
    high: float


def auc(score: NDArray[np.float64], positive: NDArray[np.bool_], alpha: float = 0.05) -> Auc:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counted half.

    Args:
        score: (n,) scores, higher means more likely positive.
        positive: (n,) labels.
        alpha: the interval leaves out this much, on the logit scale so that it stays inside (0, 1).

    Raises: EmptyWindow if either class is missing: no pair can be compared.
    Source: DeLong, DeLong & Clarke-Pearson 1988; fast midrank form by Sun & Xu 2014.
    Cost: O(n log n).
    """
    placed_ones, placed_zeros = placements(score, positive)
    value = float(placed_ones.mean())
    variance = _variance_of_mean(placed_ones) + _variance_of_mean(placed_zeros)
    if not 0 < value < 1:
        return Auc(value, value, value)
    reach = quantile(1 - alpha / 2) * math.sqrt(variance) / (value * (1 - value))
    centre = math.log(value / (1 - value))
    return Auc(value, _logistic(centre - reach), _logistic(centre + reach))


def placements(
    score: NDArray[np.float64], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """DeLong's structural components: what share of the other class each row is ranked rightly against, ties half.

    Returns: of the positives (m,) and of the negatives (n,), each in the order of the rows. The mean of either is the area.
    Raises: EmptyWindow if either class is missing.
    """
    ones, zeros = score[positive], score[~positive]
    if not len(ones) or not len(zeros):
        raise EmptyWindow(
            f"AUC compares positives with negatives; here are {len(ones)} positives and {len(zeros)} negatives."
        )
    return _below(ones, zeros), 1 - _below(zeros, ones)


def _below(of: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(among)
    below = np.searchsorted(ordered, of, side="left")
    not_above = np.searchsorted(ordered, of, side="right")
    return np.asarray((below + not_above) / (2 * len(among)), dtype=np.float64)


def _variance_of_mean(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0


def _logistic(x: float) -> float:
    # Written so that neither tail overflows.
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
