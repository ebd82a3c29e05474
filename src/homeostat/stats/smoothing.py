"""Curves made calm, and many made one."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeostat.stats.student import reach

Floats = NDArray[np.float64]


class Band(NamedTuple):
    """Mean of some curves with its confidence band; each column is (places,). `low` and `high` are NaN where one curve is alone."""

    at: NDArray[np.int64]
    mean: Floats
    low: Floats
    high: Floats


def debiased_average(values: Floats, weight: float) -> Floats:
    """Exponential moving average that does not begin at 0.

    Args:
        values: (points,); NaN is a gap, which stays one and is not remembered.
        weight: of the past, in [0, 1): 0 leaves the values as they are.

    Source: Kingma and Ba 2015, section 3: divided by 1 - weight^t, as the average began with nothing.
    """
    if not weight:
        return values
    smoothed = np.full(len(values), math.nan)
    kept, seen = 0.0, 1.0
    for index, value in enumerate(values.tolist()):
        if math.isfinite(value):
            kept = weight * kept + (1 - weight) * value
            seen *= weight
            smoothed[index] = kept / (1 - seen)
    return smoothed


def band(curves: Sequence[tuple[NDArray[np.int64], Floats]], confidence: float = 0.95) -> Band:
    """The mean of curves wherever one of them has a point, and where it lies with some confidence.

    Args:
        curves: of each the places, ascending, and a value for each; NaN is no value. Between its places a curve is straight;
            before its first and behind its last there is none.

    Returns: the mean over the curves that are there, and its t interval over these: what repeated runs would average to.
    """
    known = [(at[np.isfinite(values)], values[np.isfinite(values)]) for at, values in curves]
    known = [(at, values) for at, values in known if len(at)]
    if not known:
        nothing = np.empty(0)
        return Band(np.empty(0, dtype=np.int64), nothing, nothing, nothing)
    places = np.unique(np.concatenate([at for at, _ in known]))
    table = np.array([np.interp(places, at, values, left=math.nan, right=math.nan) for at, values in known])
    count = np.isfinite(table).sum(axis=0)
    is_there = count > 0
    places, table, count = places[is_there], table[:, is_there], count[is_there]
    mean = np.nansum(table, axis=0) / count
    squares = np.nansum((table - mean) ** 2, axis=0)
    factors = np.array([reach(confidence, n - 1) if n > 1 else math.nan for n in range(1, len(known) + 1)])
    half = factors[count - 1] * np.sqrt(squares / np.maximum(count - 1, 1) / count)
    return Band(places, mean, mean - half, mean + half)
