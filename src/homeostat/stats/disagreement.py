"""Disagreements: of the rows where exactly one of two models is right, does the challenger win more than half?

For losses of 0 and 1 the rows on which both are right or both wrong say nothing. Under equal models each disagreement
is won with probability one half, so this is the e-process of `canary.py` at a weight of one half. Labels are needed on
disagreements only.
"""

import numpy as np
from numpy.typing import NDArray

from homeostat.stats import canary
from homeostat.stats.canary import ExcessEvidence


def update(state: ExcessEvidence, is_won: NDArray[np.bool_]) -> ExcessEvidence:
    """The state after further labelled disagreements; `state.is_excess(alpha)` then reads: the challenger wins more than half.

    Args:
        state: so far.
        is_won: (n,) whether the challenger was the one that was right, in order.
    """
    return canary.update(state, is_won, np.full(len(is_won), 0.5))
