"""Metrics with confidence intervals, and paired differences between two models on the same rows.

Every metric here is asymptotically linear: it is known with its *influence*, one number a row, so that the variance of
the metric is the sum of the squared influences, and the variance of a difference between two models on the same rows is
the sum of the squared differences. For the AUC this is DeLong's variance; for mean losses the usual standard error.
The values agree with scikit-learn's; they are computed here because the influences give them for nothing.
"""

from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from homeostat.core.errors import InvalidDeclaration
from homeostat.stats.auc import placements

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95  # one-sided: the truth lies below `low` in at most 5 % of judgements, and above `high` likewise
MIN_ROWS = 30  # fewer, and the normal approximation of a mean is not to be trusted
MIN_PER_CLASS = 10  # the same for each of the two means of an AUC
_Z = NormalDist().inv_cdf(CONFIDENCE)
_LOG_LOSS_FLOOR = float(np.finfo(np.float64).eps)  # as scikit-learn clips probabilities


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its one-sided confidence bounds."""

    value: float
    low: float
    high: float


class _Influence(NamedTuple):
    value: float
    rows: Floats  # (n,): variance of the value = sum of squares


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a metric.

    Attributes:
        is_binary: labels must be 0 or 1 and scores probabilities of 1.
        upper: the largest value it can take; the smallest is 0.
    """

    name: str
    label: str
    higher_is_better: bool
    is_binary: bool
    upper: float
    influence: Callable[[Floats, Floats], _Influence]


def metric(name: str) -> Metric:
    """The metric of that name.

    Raises: InvalidDeclaration naming the metrics there are.
    """
    found = _METRICS.get(name)
    if found is None:
        raise InvalidDeclaration(f"There is no metric {name!r}. Choose one of {', '.join(sorted(_METRICS))}.")
    return found


def measure(of: Metric, labels: Floats, scores: Floats) -> Estimate:
    """A metric of one model with its bounds, cut to the metric's range.

    Args:
        labels, scores: (n,) each; `unmeasurable(of, labels)` must be None.
    """
    influence = of.influence(labels, scores)
    margin = _Z * _standard_error(influence.rows) or _margin_of_perfection(of, labels)
    return Estimate(
        value=influence.value,
        low=max(0.0, influence.value - margin),
        high=min(of.upper, influence.value + margin),
    )


def _margin_of_perfection(of: Metric, labels: Floats) -> float:
    """How far from perfect a share may be of which no sample of this size has shown a failure (the rule of three).

    A sample without any spread has a standard error of zero, which is not certainty. For an AUC the rarer class counts.
    Source: Hanley & Lippman-Hand 1983.
    """
    if of.upper > 1:
        return 0.0
    positives = int(labels.sum())
    trials = min(positives, len(labels) - positives) if of.name == "auc" else len(labels)
    return float(1 - (1 - CONFIDENCE) ** (1 / trials))


def compare(of: Metric, labels: Floats, scores: Floats, others: Floats) -> Estimate:
    """Paired difference of two models on the same rows, turned so that above zero means `scores` is the better.

    Args:
        labels, scores, others: (n,) each; `unmeasurable(of, labels)` must be None.
    Source: DeLong, DeLong & Clarke-Pearson 1988 for the AUC.
    """
    one, other = of.influence(labels, scores), of.influence(labels, others)
    sign = 1.0 if of.higher_is_better else -1.0
    value = sign * (one.value - other.value)
    margin = _Z * _standard_error(one.rows - other.rows)
    return Estimate(value=value, low=value - margin, high=value + margin)


def unmeasurable(of: Metric, labels: Floats) -> str | None:
    """Why these rows cannot carry an interval of this metric, in plain words; None if they can."""
    if len(labels) < MIN_ROWS:
        return f"{len(labels)} rows are too few for {of.label}: {MIN_ROWS} are needed"
    if of.is_binary and not np.isin(labels, (0.0, 1.0)).all():
        return f"{of.label} needs labels of 0 and 1; these hold others"
    if of.name == "auc":
        positives = int(labels.sum())
        rarer = min(positives, len(labels) - positives)
        if rarer < MIN_PER_CLASS:
            return f"the rarer class has {rarer} of {len(labels)} rows, {of.label} needs {MIN_PER_CLASS}"
    return None


def upper_quantile_bound(sample: Floats, q: float) -> float | None:
    """Distribution-free upper confidence bound of a quantile: an order statistic of the sample.

    Args:
        sample: (n,) in any order.
        q: in (0, 1).

    Returns: None if the sample is too small to bound it (n < log(1 - CONFIDENCE) / log(q): 299 for q = 0.99).
    Source: Hahn & Meeker 1991, section 5.2.
    """
    n = len(sample)
    if n == 0:
        return None
    # Exceedances of the true quantile are Binomial(n, 1 - q). With `spare` the largest count so improbable that
    # P(exceedances <= spare) <= 1 - CONFIDENCE, the value with `spare` values above it lies above the quantile.
    counts = np.arange(n)
    steps = np.log(n - counts) - np.log(counts + 1.0) + np.log(1 - q) - np.log(q)
    log_pmf = n * np.log(q) + np.concatenate(([0.0], np.cumsum(steps)))
    below = int(np.searchsorted(np.cumsum(np.exp(log_pmf)), 1 - CONFIDENCE, side="right"))
    if below == 0:
        return None
    return float(np.partition(sample, n - below)[n - below])


def _standard_error(influences: Floats) -> float:
    return float(np.sqrt(np.dot(influences, influences)))


def _centred(losses: Floats) -> _Influence:
    """The mean of (n,) values."""
    n = len(losses)
    mean = float(losses.mean())
    return _Influence(mean, (losses - mean) / np.sqrt(n * (n - 1.0)))


def _auc(labels: Floats, scores: Floats) -> _Influence:
    """Area under the ROC curve with DeLong's structural components.

    Source: DeLong, DeLong & Clarke-Pearson 1988.
    """
    is_positive = labels == 1.0
    above, below = placements(scores, is_positive)
    m, n = len(above), len(below)
    value = float(above.mean())
    rows = np.empty_like(scores)
    rows[is_positive] = (above - value) / np.sqrt(m * (m - 1.0))
    rows[~is_positive] = (below - value) / np.sqrt(n * (n - 1.0))
    return _Influence(value, rows)


def _brier(labels: Floats, scores: Floats) -> _Influence:
    return _centred((scores - labels) ** 2)


def _log_loss(labels: Floats, scores: Floats) -> _Influence:
    sure = np.clip(scores, _LOG_LOSS_FLOOR, 1 - _LOG_LOSS_FLOOR)
    return _centred(-np.where(labels == 1.0, np.log(sure), np.log1p(-sure)))


def _accuracy(labels: Floats, scores: Floats) -> _Influence:
    return _centred(((scores >= 0.5) == (labels == 1.0)).astype(np.float64))


def _mae(labels: Floats, scores: Floats) -> _Influence:
    return _centred(np.abs(scores - labels))


def _rmse(labels: Floats, scores: Floats) -> _Influence:
    """Root of the mean squared error; its influence by the delta method."""
    squared = _centred((scores - labels) ** 2)
    root = float(np.sqrt(squared.value))
    return _Influence(root, squared.rows / (2 * root) if root > 0 else squared.rows)


_METRICS = {
    known.name: known
    for known in (
        Metric(name="auc", label="AUC", higher_is_better=True, is_binary=True, upper=1.0, influence=_auc),
        Metric(name="brier", label="Brier", higher_is_better=False, is_binary=True, upper=1.0, influence=_brier),
        Metric(
            name="log_loss",
            label="log loss",
            higher_is_better=False,
            is_binary=True,
            upper=float("inf"),
            influence=_log_loss,
        ),
        Metric(
            name="accuracy", label="accuracy", higher_is_better=True, is_binary=True, upper=1.0, influence=_accuracy
        ),
        Metric(name="mae", label="MAE", higher_is_better=False, is_binary=False, upper=float("inf"), influence=_mae),
        Metric(name="rmse", label="RMSE", higher_is_better=False, is_binary=False, upper=float("inf"), influence=_rmse),
    )
}
