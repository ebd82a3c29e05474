"""Change detector against a declared setpoint: the e-SR detector, an e-process version of Shiryaev-Roberts.

For each bet λ in (0, 1/m): M <- (M + 1)(1 + λ(x − m)), from M = 0. While the mean of x, given the past, stays at or
below the setpoint m, each M grows by at most one a step in expectation, so the average M over the grid first reaches A
after A observations or more in the mean, whatever the distribution (Shin, Ramdas & Rinaldo 2024). That A is the average
run length to a false alarm (ARL).

The state is kept in logarithms and is plain JSON; a batch is one vectorised pass.
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from homeostat.core.errors import BadData, InvalidDeclaration

_GRID = np.geomspace(0.01, 0.9, 8)  # in units of 1/m: small bets find small changes, large bets find large ones soon


class ChangeDetector(msgspec.Struct, frozen=True, kw_only=True):
    """The state after `n` observations; one entry for each bet of the grid.

    Attributes:
        setpoint: m, the mean that is still good, in (0, 1).
        log_m1: log(M + 1).
        walk: log growth summed since the beginning.
        lowest: the lowest `walk` before any observation so far.
        mark: the mark of the observation that followed `lowest`: where a change most likely began.
    """

    setpoint: float
    n: int = 0
    log_m1: tuple[float, ...] = (0.0,) * len(_GRID)
    walk: tuple[float, ...] = (0.0,) * len(_GRID)
    lowest: tuple[float, ...] = (0.0,) * len(_GRID)
    mark: tuple[int, ...] = (0,) * len(_GRID)

    @property
    def evidence(self) -> float:
        """log(mean M + 1): an alarm stands while this is at least log(ARL + 1)."""
        peak = max(self.log_m1)
        return peak + math.log(sum(math.exp(value - peak) for value in self.log_m1) / len(self.log_m1))

    @property
    def onset(self) -> int:
        """The mark at which the change most likely began, by the bet that won most."""
        return self.mark[self.log_m1.index(max(self.log_m1))]

    def is_alarm(self, average_run_length: float) -> bool:
        """Whether the evidence stands at a change, at one false alarm in `average_run_length` observations or fewer."""
        return self.evidence >= math.log1p(average_run_length)


def detector(setpoint: float) -> ChangeDetector:
    """A fresh detector for observations in [0, 1].

    Raises: InvalidDeclaration if the setpoint is not inside (0, 1).
    """
    if not 0 < setpoint < 1:
        raise InvalidDeclaration(
            f"A loss in [0, 1] cannot be held at {setpoint:g}: declare a setpoint between 0 and 1, both excluded."
        )
    return ChangeDetector(setpoint=setpoint)


def update(state: ChangeDetector, x: NDArray[np.float64], marks: NDArray[np.int64]) -> ChangeDetector:
    """The state after further observations.

    Args:
        state: so far.
        x: (n,) observations in [0, 1] in the order they were made; any batching gives the same state.
        marks: (n,) what to call each observation, such as its time.

    Raises: BadData if an observation lies outside [0, 1] or is NaN.
    Cost: O(n) for each of the 8 bets.
    """
    if not len(x):
        return state
    if not (x.min() >= 0 and x.max() <= 1):
        raise BadData(
            f"Observations from {x.min():g} to {x.max():g} do not lie in [0, 1]. Scale or clip the loss before detection."
        )
    bets = _GRID / state.setpoint
    growth = np.log1p(bets[:, None] * (x - state.setpoint))
    within = np.cumsum(growth, axis=1)
    before = np.concatenate((np.zeros((len(bets), 1)), within[:, :-1]), axis=1)
    # M at the end is Π L · (M₀ + Σ 1/Π L up to each observation), all of it in logarithms.
    terms = np.concatenate((np.array(state.log_m1)[:, None], -before[:, 1:]), axis=1)
    log_m = within[:, -1] + np.logaddexp.reduce(terms, axis=1)
    walks = np.array(state.walk)[:, None] + before
    lowest_at = walks.argmin(axis=1)
    lowest = walks[np.arange(len(bets)), lowest_at]
    is_lower = lowest <= np.array(state.lowest)
    return ChangeDetector(
        setpoint=state.setpoint,
        n=state.n + len(x),
        log_m1=tuple(np.logaddexp(log_m, 0.0).tolist()),
        walk=tuple((np.array(state.walk) + within[:, -1]).tolist()),
        lowest=tuple(np.where(is_lower, lowest, state.lowest).tolist()),
        mark=tuple(np.where(is_lower, marks[lowest_at], state.mark).tolist()),
    )
