"""Many tests at once: which of them to believe, whatever their dependence."""

import numpy as np
from numpy.typing import NDArray

_SMALLEST_P = 1e-300  # keeps the e-value finite


def e_value(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """E-values of p-values: the mixture of all power calibrators κ p^(κ − 1), κ in (0, 1).

    Source: Vovk & Wang 2021, section 2 (the calibrator F of their equation 2).
    """
    clipped = np.clip(p, _SMALLEST_P, 1 - 1e-12)
    log = np.log(clipped)
    # Near p = 1 numerator and denominator both vanish; the limit there is 1/2.
    return np.where(p > 1 - 1e-4, 0.5, (1 - clipped + clipped * log) / (clipped * log**2))


def e_bh(e: NDArray[np.float64], alpha: float = 0.05) -> NDArray[np.bool_]:
    """(k,) which of k e-values are discoveries, with a false discovery rate of at most `alpha` under any dependence.

    Source: Wang & Ramdas 2022.
    Cost: O(k log k).
    """
    if not len(e):
        return np.zeros(0, dtype=bool)
    ranked = np.sort(e)[::-1]
    passed = np.flatnonzero(np.arange(1, len(e) + 1) * ranked >= len(e) / alpha)
    return e >= ranked[passed[-1]] if len(passed) else np.zeros(len(e), dtype=bool)
