"""A setpoint gauge: value, confidence band and limit on one axis."""

from markupsafe import Markup

from homeostat.ui.charts.records import Limit, State
from homeostat.ui.charts.scales import Scale
from homeostat.ui.charts.svg import element, picture

_WIDTH, _HEIGHT, _EDGE = 260.0, 30.0, 6.0
_TRACK_Y, _TRACK_H = 11.0, 8.0


def gauge(
    *, label: str, limit: Limit, value: float | None, low: float | None, high: float | None, state: State
) -> Markup:
    """The gauge as SVG. The allowed side of the track is calm, the other side is tinted.

    Args:
        label: text alternative.
        limit: the setpoint.
        value: measured, or None when nothing is known yet.
        low: lower end of the confidence band, or None.
        high: upper end of the confidence band, or None.
        state: decides the colour of value and band; the words stand beside the gauge.
    """
    x = _axis(limit, [number for number in (value, low, high) if number is not None])
    edge = x(limit.value)
    bad_from, bad_to = (edge, x.end) if limit.direction == "at_most" else (x.start, edge)
    parts = [
        element("rect", x=x.start, y=_TRACK_Y, width=x.end - x.start, height=_TRACK_H, rx=4, class_="track"),
        element("rect", x=bad_from, y=_TRACK_Y, width=bad_to - bad_from, height=_TRACK_H, rx=4, class_="track-beyond"),
    ]
    if state == "unknown":
        parts.append(
            element("rect", x=x.start, y=_TRACK_Y, width=x.end - x.start, height=_TRACK_H, rx=4, class_="track-unknown")
        )
    if low is not None and high is not None:
        width = max(x(high) - x(low), 1.0)
        parts.append(
            element("rect", x=x(low), y=_TRACK_Y, width=width, height=_TRACK_H, rx=3, class_=f"gauge-band {state}")
        )
    parts.append(element("path", d=f"M{edge:.1f} 5V25", class_="gauge-limit"))
    if value is not None:
        middle = _TRACK_Y + _TRACK_H / 2
        parts.append(element("circle", cx=x(value), cy=middle, r=5.5, class_=f"gauge-value {state}"))
    return picture(*parts, width=_WIDTH, height=_HEIGHT, label=label, class_="gauge")


def _axis(limit: Limit, known: list[float]) -> Scale:
    """An axis that keeps the limit at two thirds (or one third), unless a value lies farther out."""
    reach = max([abs(number - limit.value) for number in known] + [abs(limit.value) * 0.25, 1e-9]) * 1.12
    well, ill = reach, max([_excess(number, limit) for number in known] + [reach * 0.5]) * 1.06
    low, high = (limit.value - well, limit.value + ill)
    if limit.direction == "at_least":
        low, high = (limit.value - ill, limit.value + well)
    return Scale(low, high, _EDGE, _WIDTH - _EDGE)


def _excess(number: float, limit: Limit) -> float:
    """How far a number lies on the wrong side."""
    return number - limit.value if limit.direction == "at_most" else limit.value - number
