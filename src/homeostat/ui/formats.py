"""How numbers, times and digests read on pages: with unit and uncertainty, the same everywhere."""

import math

from homeostat.core.clock import DAY, HOUR, MINUTE, SECOND, moment
from homeostat.core.durations import spoken

_AGES = (
    (730 * DAY, 365 * DAY, "year"),
    (60 * DAY, 30 * DAY, "month"),
    (2 * DAY, DAY, "day"),
    (2 * HOUR, HOUR, "hour"),
    (2 * MINUTE, MINUTE, "minute"),
)
MISSING = "–"
_PERCENT_UNIT = "%"


def number(value: float | None, decimals: int = 3) -> str:
    """`0.172`; thousands are separated; a missing value is a dash."""
    return MISSING if value is None else f"{value:,.{decimals}f}".replace("-", "−")


def figure(value: float) -> str:
    """A metric as it reads: `0.2131`, `1,204`, `3.2e−07`, `NaN`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == round(value) and abs(value) < 1e9:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def measure(value: float | None, unit: str, decimals: int = 3) -> str:
    """A value with its unit: `0.172`, `48 ms`, `0.05 %`; shares are given as shares and read as percent."""
    if value is None:
        return MISSING
    if unit == _PERCENT_UNIT:
        return percent(value, decimals)
    return f"{number(value, decimals)} {unit}".rstrip()


def between(low: float | None, high: float | None, unit: str = "", decimals: int = 3) -> str:
    """A band: `0.166 to 0.178`; the unit is said once. A dash where there is none."""
    if low is None or high is None:
        return MISSING
    if unit == _PERCENT_UNIT:
        return f"{number(100 * low, decimals)} to {percent(high, decimals)}"
    return f"{number(low, decimals)} to {measure(high, unit, decimals)}"


def percent(share: float | None, decimals: int = 0) -> str:
    """`0.25` reads `25 %`."""
    return MISSING if share is None else f"{number(100 * share, decimals)} %"


def count(value: float) -> str:
    """`5,930`."""
    return f"{value:,.0f}"


def plural(value: int, noun: str) -> str:
    """`1 system`, `3 systems`."""
    return f"{value:,} {noun}" if value == 1 else f"{value:,} {noun}s"


def day(at: int) -> str:
    """`12 Apr 2013`."""
    when = moment(at)
    return f"{when.day} {when:%b %Y}"


def exact(at: int) -> str:
    """`12 Apr 2013, 06:00:00 UTC`."""
    return f"{day(at)}, {moment(at):%H:%M:%S} UTC"


def ago(at: int, now: int) -> str:
    """`3 days ago`, `in 40 minutes`, `just now`: relative to the workspace's own time."""
    gap = abs(now - at)
    if gap < 10 * SECOND:
        return "just now"
    for floor, size, unit in _AGES:
        if gap >= floor:
            text = f"{gap // size} {unit}s"
            break
    else:
        text = plural(gap // SECOND, "second") if gap < MINUTE else "1 minute"
    return f"{text} ago" if at <= now else f"in {text}"


def took(us: int) -> str:
    """`12 ms`, `1.34 s`, `14 min`: how long something ran."""
    return f"{us / 1000:.3g} ms" if us < SECOND else spoken(us)


def size(value: int) -> str:
    """`12.3 MB`, in powers of ten."""
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"
