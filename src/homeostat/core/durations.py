"""Lengths of time as people write them: `30m`, `6h`, `56d`, and rates such as `6 per 30d`."""

import re
from typing import NamedTuple

from homeostat.core.clock import DAY, HOUR, MINUTE, SECOND
from homeostat.core.errors import InvalidDuration

_UNITS = {"ms": 1000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")
_RATE = re.compile(r"\s*(\d+)\s+per\s+(.+)")


class Rate(NamedTuple):
    """At most `times` in any `per_us` microseconds."""

    times: int
    per_us: int


def duration_us(text: str) -> int:
    """Microseconds of a duration.

    Raises: InvalidDuration naming the text and the units there are.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidDuration(
            f"{text!r} is not a duration. Write a number and a unit of ms, s, m, h, d, w: 30m, 6h, 56d."
        )
    return round(float(match[1]) * _UNITS[match[2]])


def rate(text: str) -> Rate:
    """Parse `6 per 30d`.

    Raises: InvalidDuration naming the text.
    """
    match = _RATE.fullmatch(text)
    if match is None:
        raise InvalidDuration(f"{text!r} is not a rate. Write it as '6 per 30d'.")
    return Rate(int(match[1]), duration_us(match[2]))


def spoken(us: int) -> str:
    """A duration for people, in its largest fitting unit: `36 h`, `2.5 d`."""
    for unit, size, ceiling in (("s", SECOND, 2 * MINUTE), ("min", MINUTE, 2 * HOUR), ("h", HOUR, 3 * DAY)):
        if us < ceiling:
            return f"{us / size:.3g} {unit}"
    return f"{us / DAY:.3g} d"
