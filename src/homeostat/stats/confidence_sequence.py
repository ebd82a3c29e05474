"""Confidence sequence for the mean of bounded observations: an interval that may be looked at after every one.

The whole sequence of intervals covers, with probability 1 − alpha at all times at once, the average of the
conditional means of the observations so far. Nothing is assumed about how these means move, so there is no running
intersection: it would be right only for a mean that stands still.

With x in [0, 1] and any centre c known before x, exp(λ(x − E x) − ψ(λ)(x − c)²) is a supermartingale for every λ in
[0, 1), ψ(λ) = −log(1 − λ) − λ (Fan, Grama & Liu 2015, lemma 4.1). A mixture over a fixed grid of λ, inverted, is an
empirical-Bernstein bound (Howard, Ramdas, McAuliffe & Sekhon 2021, theorem 4) that needs three sums and nothing else:
it is resumed from its state, which is plain JSON.
"""

import math
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from homeostat.core.errors import BadData

# The best λ is near sqrt(2 log(2 / alpha) / V): the grid serves V, the summed squared deviations, from about 5 to 2e6.
_LAMBDAS = np.geomspace(0.002, 0.9, 24)
_PSI = -np.log1p(-_LAMBDAS) - _LAMBDAS
_BISECTIONS = 60


class Interval(NamedTuple):
    low: float
    high: float


class ConfidenceSequence(msgspec.Struct, frozen=True, kw_only=True):
    """The state after `n` observations in [lower, upper]; the sums are of observations scaled to [0, 1]."""

    lower: float = 0.0
    upper: float = 1.0
    n: int = 0
    total: float = 0.0
    variation: float = 0.0

    @property
    def mean(self) -> float:
        """Mean of the observations; the middle of their range before the first."""
        share = self.total / self.n if self.n else 0.5
        return self.lower + share * (self.upper - self.lower)


def update(state: ConfidenceSequence, x: NDArray[np.float64]) -> ConfidenceSequence:
    """The state after further observations.

    Args:
        state: so far.
        x: (n,) observations in the order they were made; any batching of a stream gives the same state.

    Raises: BadData if an observation lies outside [lower, upper] or is NaN: the bound would be worth nothing.
    Cost: O(n).
    """
    if not len(x):
        return state
    if not (x.min() >= state.lower and x.max() <= state.upper):
        raise BadData(
            f"Observations from {x.min():g} to {x.max():g} do not lie in [{state.lower:g}, {state.upper:g}], the range "
            f"this confidence sequence was begun with. Clip the loss, or begin one with its true range."
        )
    scaled = (np.asarray(x, dtype=np.float64) - state.lower) / (state.upper - state.lower)
    totals = state.total + np.cumsum(scaled)
    seen = np.arange(state.n, state.n + len(scaled))
    # The centre of each is the mean of those before it, begun with one observation of a half.
    centres = (np.concatenate(([state.total], totals[:-1])) + 0.5) / (seen + 1)
    return msgspec.structs.replace(
        state,
        n=state.n + len(scaled),
        total=float(totals[-1]),
        variation=state.variation + float(np.sum((scaled - centres) ** 2)),
    )


def interval(state: ConfidenceSequence, alpha: float = 0.05) -> Interval:
    """The present interval for the average mean so far; [lower, upper] before the first observation.

    Source: Howard et al. 2021, theorem 4, with a discrete mixture.
    Cost: about 1 ms, whatever `n`.
    """
    if not state.n:
        return Interval(state.lower, state.upper)
    width = state.upper - state.lower
    radius = float(deviation(np.array([state.variation]), alpha / 2)[0]) / state.n * width
    return Interval(max(state.lower, state.mean - radius), min(state.upper, state.mean + radius))


def deviation(variation: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """The bound that the sum of (x − E x) crosses with probability at most `alpha`, at any time, on one side.

    Args:
        variation: (k,) summed squared deviations of observations in [0, 1] from their centres.
        alpha: one-sided error, in (0, 1).

    Returns: (k,) bounds, growing with `variation`.
    """
    needed = math.log(1 / alpha)
    penalty = variation[:, None] * _PSI
    low = np.zeros(len(variation))
    # One λ alone, paying for its share of the mixture, crosses here already.
    high: NDArray[np.float64] = np.min((needed + math.log(len(_LAMBDAS)) + penalty) / _LAMBDAS, axis=1)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        exponents = _LAMBDAS * middle[:, None] - penalty
        peak = exponents.max(axis=1)
        crossed = peak + np.log(np.mean(np.exp(exponents - peak[:, None]), axis=1)) >= needed
        high = np.where(crossed, middle, high)
        low = np.where(crossed, low, middle)
    return high
