"""Student's t distribution, for means of few."""

import math
from functools import cache

_DOUBLINGS = 60  # halvings of the interval around a quantile


@cache
def reach(confidence: float, degrees: int) -> float:
    """How far from 0, both ways, t lies with some confidence: 12.7 for 95 % and one degree of freedom, 1.96 for many.

    Args:
        confidence: in (0, 1).
        degrees: of freedom, at least 1.
    """
    low, high = 0.0, 1.0
    while within(high, degrees) < confidence:
        high *= 2
    for _ in range(_DOUBLINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, degrees) < confidence else (low, middle)
    return high


def within(t: float, degrees: int) -> float:
    """Probability that t lies within [-t, t].

    Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(degrees))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    is_odd = degrees % 2 == 1
    term = math.cos(angle) if is_odd else 1.0
    total = 0.0
    for step in range(degrees // 2):
        total += term
        term *= square * (2 * step + 2) / (2 * step + 3) if is_odd else square * (2 * step + 1) / (2 * step + 2)
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total
