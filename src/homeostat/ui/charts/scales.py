"""From values and instants to pixels, and where ticks stand."""

import math
from datetime import UTC, datetime
from typing import NamedTuple

from homeostat.core.clock import DAY, HOUR, MINUTE, Micros, micros, moment

_STEPS_US = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY)
_STEPS_MONTHS = (1, 2, 3, 6, 12, 24, 60)
_MONTH_US = 30 * DAY


class Scale(NamedTuple):
    """Linear map of [low, high] onto [start, end] pixels; end may lie before start (upwards is smaller y).

    An interval of no length maps onto start.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.end - self.start)


class TimeTick(NamedTuple):
    at: Micros
    label: str


def spread(values: list[float], padding: float = 0.06) -> tuple[float, float]:
    """The interval that holds all values, with padding as a share of its length; never of length 0."""
    low, high = min(values), max(values)
    room = (high - low) * padding or max(abs(high), 1.0) * padding
    return low - room, high + room


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) within [low, high], about as many as asked for."""
    rough = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def decimals(marks: list[float]) -> int:
    """Decimals that tell neighbouring ticks apart."""
    if len(marks) < 2:
        return 3
    return max(0, -math.floor(math.log10(abs(marks[1] - marks[0])) + 1e-9))


def time_ticks(low: int, high: int, at_most: int) -> list[TimeTick]:
    """Instants on calendar boundaries within [low, high], at most as many as asked for."""
    for step in _STEPS_US:
        if (high - low) / step <= at_most:
            first = -(-low // step) * step
            return [TimeTick(Micros(at), _label(at, step)) for at in range(first, high + 1, step)]
    months = next((step for step in _STEPS_MONTHS if (high - low) / (step * _MONTH_US) <= at_most), 120)
    return _month_ticks(low, high, months)


def _label(at: int, step: int) -> str:
    when = moment(at)
    if step >= DAY:
        return f"{when.day} {when:%b}"
    return f"{when:%H:%M}" if when.hour or when.minute else f"{when.day} {when:%b}"


def _month_ticks(low: int, high: int, step: int) -> list[TimeTick]:
    start = moment(low)
    found: list[TimeTick] = []
    index = start.year * 12 + start.month - 1
    index -= index % step
    while True:
        when = datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)
        at = micros(when)
        if at > high:
            return found
        if at >= low:
            found.append(TimeTick(at, f"{when:%b %Y}" if when.month == 1 or not found else f"{when:%b}"))
        index += step
