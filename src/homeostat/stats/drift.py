"""How far a live histogram lies from its reference, and whether chance explains it. Over the cells of `histogram.py`.

A test alone alarms at any difference once there are rows enough, a distance alone at any small sample: an alarm
needs both.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeostat.core.errors import EdgesMismatch, EmptyWindow
from homeostat.stats.histogram import Cells, Counts, Numbers

_GROUPS = 10  # of about equal reference mass: the convention for the PSI (Siddiqi 2006)
_SMOOTHING = 0.5  # Jeffreys: one unseen value makes nothing infinite

Grouped = NDArray[np.float64]  # counts by group of cells


class Distance(NamedTuple):
    """Distances of one column from its reference.

    Attributes:
        psi: population stability index, debiased; may be slightly negative.
        js: Jensen-Shannon distance, in [0, 1].
        ks: Kolmogorov-Smirnov distance, in [0, 1]; None for categories.
        w1: Wasserstein distance over the reference's interquartile range; None for categories.
        p_value: of the null hypothesis that both are samples of one distribution (chi-square over the PSI's groups).
    """

    psi: float
    js: float
    ks: float | None
    w1: float | None
    p_value: float


def distance(cells: Cells, reference: Counts, live: Counts) -> Distance:
    """All distances between two histograms over `cells`.

    Raises: EdgesMismatch if a histogram does not fit the cells. EmptyWindow if either holds no rows.
    Cost: O(cells).
    """
    for counts in (reference, live):
        if counts.shape != (cells.cells,):
            raise EdgesMismatch(f"A histogram of {len(counts)} cells does not fit a column of {cells.cells} cells.")
        if not counts.sum():
            raise EmptyWindow("The drift between a reference and a window needs rows in both; one of them has none.")
    groups = _groups(cells, reference)
    grouped_reference, grouped_live = (
        np.bincount(groups, weights=counts).astype(np.float64) for counts in (reference, live)
    )
    return Distance(
        psi=population_stability_index(grouped_reference, grouped_live),
        js=jensen_shannon(grouped_reference, grouped_live),
        ks=kolmogorov_smirnov(cells, reference, live) if isinstance(cells, Numbers) else None,
        w1=wasserstein(cells, reference, live) if isinstance(cells, Numbers) else None,
        p_value=chi_square_p(grouped_reference, grouped_live),
    )


def population_stability_index(reference: Grouped, live: Grouped) -> float:
    """Population stability index between two grouped histograms, debiased.

    Args:
        reference: (groups,) counts of the reference.
        live: (groups,) counts of the live window.

    Returns: dimensionless; its mean is 0 when both are samples of one distribution, so it may be slightly negative.
    Source: Yurdakul 2018, ch. 4 (null mean of the PSI).
    """
    p, q = _shares(reference), _shares(live)
    null_mean = (len(p) - 1) * (1 / float(reference.sum()) + 1 / float(live.sum()))
    return float(np.sum((q - p) * np.log(q / p))) - null_mean


def jensen_shannon(reference: Grouped, live: Grouped) -> float:
    """Jensen-Shannon distance between two grouped histograms: 0 when equal, 1 when they share nothing."""
    p, q = reference / reference.sum(), live / live.sum()
    middle = (p + q) / 2
    divergence = sum(float(np.sum(x[x > 0] * np.log2(x[x > 0] / middle[x > 0]))) for x in (p, q)) / 2
    return math.sqrt(max(0.0, divergence))


def chi_square_p(reference: Grouped, live: Grouped) -> float:
    """p-value of the chi-square test that two grouped histograms are samples of one distribution; 1 for one group."""
    pooled = reference + live
    is_used = pooled > 0
    if is_used.sum() < 2:
        return 1.0
    total = pooled.sum()
    statistic = 0.0
    for counts in (reference, live):
        expected = pooled[is_used] * counts.sum() / total
        statistic += float(np.sum((counts[is_used] - expected) ** 2 / expected))
    return chi_square_tail(int(is_used.sum()) - 1, statistic)


def chi_square_tail(freedom: int, statistic: float) -> float:
    """Probability that a chi-square variable exceeds `statistic`, which is not negative.

    Args:
        freedom: degrees, 1 or more.

    Source: Abramowitz and Stegun 1964, 26.4.4 and 26.4.5. SciPy's takes 0.2 s to import, which each command on data would pay.
    Cost: O(freedom).
    """
    half = statistic / 2
    if half == 0:
        return 1.0
    first = 0.5 if freedom % 2 else 0.0
    tail = math.erfc(math.sqrt(half)) if freedom % 2 else 0.0
    powers = (first + step for step in range(freedom // 2))
    return min(
        1.0, tail + math.fsum(math.exp(power * math.log(half) - half - math.lgamma(power + 1)) for power in powers)
    )


def kolmogorov_smirnov(cells: Numbers, reference: Counts, live: Counts) -> float:
    """Greatest difference of the two distribution functions at the edges; NaN and null left out, 0 if nothing is left."""
    pair = _distributions(cells, reference, live)
    return 0.0 if pair is None else float(np.max(np.abs(pair[0] - pair[1])))


def wasserstein(cells: Numbers, reference: Counts, live: Counts) -> float:
    """Area between the two distribution functions over the reference's interquartile range.

    Values beyond the edges count as if they lay on them, so this is a lower bound when a window leaves the reference's
    range. A reference whose quartiles fall together is scaled by its whole range.
    """
    pair = _distributions(cells, reference, live)
    if pair is None:
        return 0.0
    edges = np.array(cells.edges)
    first, third = (edges[min(int(np.searchsorted(pair[0], share)), len(edges) - 1)] for share in (0.25, 0.75))
    scale = third - first or edges[-1] - edges[0]
    # Between edge i and i + 1 both functions have the value of cell i + 1's left end.
    return float(np.sum(np.abs(pair[0] - pair[1])[:-1] * np.diff(edges)) / scale)


def _distributions(
    cells: Numbers, reference: Counts, live: Counts
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Both distribution functions just below each edge, of the values that have an order."""
    ordered = [counts[: cells.ordered] for counts in (reference, live)]
    if not all(counts.sum() for counts in ordered):
        return None
    first, second = (np.cumsum(counts)[:-1] / counts.sum() for counts in ordered)
    return first, second


def _groups(cells: Cells, reference: Counts) -> NDArray[np.intp]:
    """(cells,) the group of each cell: about equal reference mass for numbers; every category, NaN and null by itself."""
    groups = np.arange(cells.cells)
    if isinstance(cells, Numbers):
        ordered = reference[: cells.ordered]
        middle = np.cumsum(ordered) - ordered / 2
        groups[: cells.ordered] = np.minimum(middle * _GROUPS // max(1, ordered.sum()), _GROUPS - 1)
        groups[cells.ordered :] = _GROUPS, _GROUPS + 1
    return groups


def _shares(counts: Grouped) -> NDArray[np.float64]:
    smoothed: NDArray[np.float64] = counts + _SMOOTHING
    return smoothed / float(smoothed.sum())
