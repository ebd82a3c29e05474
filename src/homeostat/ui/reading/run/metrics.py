"""How a metric of a run compares with that of another."""

import math

from homeostat.track.leading import SYSTEM, Direction, direction, leading
from homeostat.ui.contexts import Verdict

__all__ = ["SYSTEM", "Direction", "direction", "leading", "verdict"]


def verdict(key: str, value: float, before: float) -> Verdict:
    """How a value compares with another one."""
    if value == before:
        return "same"
    way = direction(key)
    if way is None or math.isnan(before) or math.isnan(value):
        return "unknown"
    return "better" if (value < before) == (way == "lower") else "worse"
