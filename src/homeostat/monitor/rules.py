"""Pure decisions of the monitor: losses, figures of a window, states of setpoints."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from homeostat.core.clock import Micros
from homeostat.core.errors import EmptyWindow
from homeostat.monitor.records import Figures, State
from homeostat.monitor.setpoints import Loss
from homeostat.stats import normal
from homeostat.stats.auc import auc

_RANKED_AGAINST = 50  # rows of the other class: enough to average out who they are
_SMALLEST_PROBABILITY = 1e-15  # keeps the logarithm of a wrong certainty finite, as scikit-learn does


def brier(score: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) squared error of probabilities; 1, the worst, for a score that is no number or lies beyond."""
    return np.nan_to_num(np.minimum((score - label) ** 2, 1.0), nan=1.0)


def error_rate(score: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) 1 where the score lies on the wrong side of one half; a score that is no number is wrong."""
    return np.where(np.isnan(score) | ((score >= 0.5) != (label >= 0.5)), 1.0, 0.0)


LOSSES: dict[Loss, Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]] = {
    "brier": brier,
    "error_rate": error_rate,
}


def ranking(scores: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranking losses of several models over the same rows: each row against the newest rows before it of the other class.

    The mean of a model's losses estimates 1 − AUC. A row's loss rests on the row and on rows before it alone, so a
    confidence sequence over the losses holds although rows are compared more than once.

    Args:
        scores: (models, n) scores.
        label: (n,) labels; one half and more is positive.

    Returns: (models, k) losses in [0, 1]; rows before the first of the other class have none, so k <= n. A pair counts 1 in
        the wrong order or with a score that is no number, and one half in a tie.
    Cost: O(models · n · 50).
    """
    positive = label >= 0.5
    order = np.arange(len(label))
    losses = np.full(scores.shape, np.nan)
    for of, sign in ((positive, 1.0), (~positive, -1.0)):
        others = order[~of]
        seen = np.searchsorted(others, order[of])
        back = seen[:, None] - 1 - np.arange(_RANKED_AGAINST)
        is_there = back >= 0
        has_any = is_there.any(axis=1)
        if not has_any.any():
            continue
        against = others[np.where(is_there, back, 0)]
        for model, score in enumerate(scores):
            ahead = sign * (score[of][:, None] - score[against])
            lost = np.where(ahead > 0, 0.0, np.where(ahead == 0, 0.5, 1.0))
            mean = np.sum(lost * is_there, axis=1) / np.maximum(1, is_there.sum(axis=1))
            losses[model, order[of][has_any]] = mean[has_any]
    return losses[:, ~np.isnan(losses).any(axis=0)]


def figures(
    start_at: Micros, score: NDArray[np.float64], label: NDArray[np.float64], version: NDArray[np.int64]
) -> Figures:
    """Figures of one window.

    Args:
        start_at: of the window.
        score: (n,) as answered.
        label: (n,) in [0, 1]; NaN where there is none yet.
        version: (n,) model version that answered.

    Raises: EmptyWindow if n is 0.
    Cost: O(n log n).
    """
    if not len(score):
        raise EmptyWindow("The figures of no predictions were asked for.")
    counted = np.unique(version, return_counts=True)
    versions = dict(zip(counted[0].tolist(), counted[1].tolist(), strict=True))
    finite = score[np.isfinite(score)]
    mean_score = float(finite.mean()) if len(finite) else None
    known = ~np.isnan(label)
    s, y = score[known], label[known]
    if not len(s):
        return Figures(start_at=start_at, predictions=len(score), labels=0, mean_score=mean_score, versions=versions)
    loss = normal.mean(brier(s, y))
    p = np.clip(np.nan_to_num(s, nan=0.5), _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    try:
        area = auc(s, y >= 0.5)
    except EmptyWindow:
        area = None
    is_bounded = math.isfinite(loss.low)
    return Figures(
        start_at=start_at,
        predictions=len(score),
        labels=len(s),
        mean_score=mean_score,
        base_rate=float(y.mean()),
        brier=loss.value,
        brier_low=max(0.0, loss.low) if is_bounded else None,
        brier_high=min(1.0, loss.high) if is_bounded else None,
        log_loss=float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))),
        auc=area.value if area else None,
        auc_low=area.low if area else None,
        auc_high=area.high if area else None,
        versions=versions,
    )


def sampled_state(low: float, high: float, at_most: float) -> State:
    """State of a figure that is estimated from a sample: its whole interval decides."""
    if low > at_most:
        return "breach"
    return "met" if high <= at_most else "unknown"


def counted_state(value: float, low: float, at_most: float) -> State:
    """State of a figure that was observed on every request of the window.

    The figure itself says that the setpoint is met; to call it breached, chance must be ruled out too.
    """
    if value <= at_most:
        return "met"
    return "breach" if low > at_most else "unknown"
