"""Canary errors: is an error more likely on the canary than its share of the traffic says?

Only errors are looked at. Under equal rates each falls on the canary with its logged weight w, however the overall
rate moves. Against a canary that errs r times as often, an error on it is worth r/(wr + 1 − w) and one elsewhere
1/(wr + 1 − w); the product, averaged over a grid of r > 1, is an e-process: the chance that it ever reaches 1/alpha
under equal rates is at most alpha. The weight may change from error to error.
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from homeostat.core.errors import BadData

_RATIOS = np.exp(np.geomspace(0.05, 5, 60))


class ExcessEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """The state after `n` errors, `on_canary` of them on the canary; `log_e` has one entry for each ratio."""

    n: int = 0
    on_canary: int = 0
    log_e: tuple[float, ...] = (0.0,) * len(_RATIOS)
    peak: float = 0.0

    def is_excess(self, alpha: float = 0.01) -> bool:
        """Whether more fall on the canary than its share, at a chance of at most `alpha` that equality is ever called so."""
        return self.peak >= math.log(1 / alpha)


def update(state: ExcessEvidence, is_on_canary: NDArray[np.bool_], weight: NDArray[np.float64]) -> ExcessEvidence:
    """The state after further errors.

    Args:
        state: so far.
        is_on_canary: (n,) where each error fell, in order.
        weight: (n,) the canary's share of the traffic at each, in (0, 1).

    Raises: BadData if a weight lies outside (0, 1): where only one arm answers, an error says nothing about either.
    Cost: O(n) for each of the 60 ratios; any batching gives the same state.
    """
    if not len(weight):
        return state
    if not (weight.min() > 0 and weight.max() < 1):
        raise BadData(
            f"Canary weights from {weight.min():g} to {weight.max():g}: leave out errors from times when one arm answered all."
        )
    ratios = _RATIOS[:, None]
    growth = np.where(is_on_canary, np.log(ratios), 0.0) - np.log(weight * ratios + 1 - weight)
    walks = np.array(state.log_e)[:, None] + np.cumsum(growth, axis=1)
    highest = walks.max(axis=0)
    evidence = highest + np.log(np.mean(np.exp(walks - highest), axis=0))
    return ExcessEvidence(
        n=state.n + len(weight),
        on_canary=state.on_canary + int(is_on_canary.sum()),
        log_e=tuple(walks[:, -1].tolist()),
        peak=max(state.peak, float(evidence.max())),
    )
