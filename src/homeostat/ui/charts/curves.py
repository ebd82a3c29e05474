"""Curves of metrics: lines over steps, time, or the seconds since the run began; linear or logarithmic.

Drawn once, in a size that can be read from 320 to 520 pixels: a page holds many of them side by side.
"""

import math
from itertools import groupby

from markupsafe import Markup

from homeostat.core.clock import SECOND, moment
from homeostat.core.durations import spoken
from homeostat.ui.charts.records import CurveAxis, CurveChart, CurveLine
from homeostat.ui.charts.scales import Scale, decimals, spread, ticks, time_ticks
from homeostat.ui.charts.svg import element, path, picture

_WIDTH, _HEIGHT = 400.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 50.0, 8.0, 8.0, 24.0
_COLOURS = 8
_MINUTES_FROM_S = 120.0
_MOST_DECADES = 6  # that have a line each
_MOST = 1e150  # beyond it differences are infinite


def curve_chart(chart: CurveChart) -> Markup:
    """The chart as SVG; nothing if no value can be drawn."""
    lines = [_drawn(line) for line in chart.lines] if chart.is_log else list(chart.lines)
    values = [
        value
        for line in lines
        for column in (line.values, line.low, line.high)
        for value in column
        if value is not None and abs(value) < _MOST
    ]
    if not values:
        return Markup("")
    places = [place for line in lines for place in line.x]
    start = min(places) if chart.start is None else chart.start
    end = max(places) if chart.end is None else chart.end
    x = Scale(start, end, _LEFT, _WIDTH - _RIGHT)
    y = Scale(*spread(values), _HEIGHT - _BOTTOM, _TOP)
    parts = [*_rows(y, is_log=chart.is_log), *_columns(chart.x, x)]
    for index in reversed(range(len(lines))):  # the first lies on top
        parts += [*_bands(lines[index], x, y, index % _COLOURS), *_strokes(lines[index], x, y, index % _COLOURS)]
    return picture(*parts, width=_WIDTH, height=_HEIGHT, label=_label(chart), class_="curve")


def axis_text(axis: CurveAxis, at: float) -> str:
    """A place of the horizontal axis as it reads: `1,200`, `12 Apr 2013, 06:00:00`, `14 min`."""
    if axis == "time":
        when = moment(int(at))
        return f"{when.day} {when:%b %Y, %H:%M:%S}"
    if axis == "step":
        return f"{at:,.0f}"
    return f"{at:.4g} s" if at < _MINUTES_FROM_S else spoken(round(at) * SECOND)


def _label(chart: CurveChart) -> str:
    first = chart.lines[0].values if chart.lines else ()
    known = [value for value in first if value is not None]
    if not known:
        return chart.key
    return f"{chart.key}: from {known[0]:.4g} to {known[-1]:.4g}, between {min(known):.4g} and {max(known):.4g}"


def _drawn(line: CurveLine) -> CurveLine:
    """A line as powers of ten."""
    values, low, high = (tuple(_power(value) for value in column) for column in (line.values, line.low, line.high))
    return CurveLine(name=line.name, run=line.run, x=line.x, values=values, low=low, high=high)


def _power(value: float | None) -> float | None:
    return math.log10(value) if value is not None and value > 0 else None


def _rows(y: Scale, *, is_log: bool) -> list[Markup]:
    marks = ticks(y.low, y.high, 4)
    if is_log and y.high - y.low >= 2:
        step = math.ceil((y.high - y.low) / _MOST_DECADES)
        marks = [float(power) for power in range(math.ceil(y.low), math.floor(y.high) + 1, step)]
    places = decimals(marks)
    parts = []
    for value in marks:
        text = f"{10**value:.3g}" if is_log else _number(value, places)
        parts.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y(value), y2=y(value), class_="grid"))
        parts.append(element("text", text, x=_LEFT - 6, y=y(value) + 4, class_="tick end"))
    return parts


def _number(value: float, places: int) -> str:
    """Seven characters at most fit beside the axis."""
    text = f"{value:.{places}f}"
    return text if len(text) <= 7 else f"{value:.2g}"


def _columns(axis: CurveAxis, x: Scale) -> list[Markup]:
    base = element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=_HEIGHT - _BOTTOM, y2=_HEIGHT - _BOTTOM, class_="axis")
    return [base, *(_tick(text, x(at)) for at, text in _marks(axis, x))]


def _marks(axis: CurveAxis, x: Scale) -> list[tuple[float, str]]:
    if x.high <= x.low:
        return [(x.low, axis_text(axis, x.low))]
    if axis == "time":
        found = time_ticks(int(x.low), int(x.high), 4)
        if found:
            return [(float(tick.at), tick.label) for tick in found]
        return [(x.low, f"{moment(int(x.low)):%H:%M:%S}"), (x.high, f"{moment(int(x.high)):%H:%M:%S}")]
    marks = ticks(x.low, x.high, 4)
    if axis == "step":
        return [(at, _steps(at)) for at in marks if at == round(at)]
    return [(at, axis_text(axis, at)) for at in marks]


def _steps(at: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(at) >= size:
            return f"{at / (1e3 if unit == 'k' else size):g}{unit}"
    return f"{at:,.0f}"


def _tick(text: str, at: float) -> Markup:
    place = "tick end" if at > _WIDTH - 30 else "tick"
    return element("text", text, x=min(at, _WIDTH - _RIGHT), y=_HEIGHT - 7, class_=place)


def _bands(line: CurveLine, x: Scale, y: Scale, colour: int) -> list[Markup]:
    """From the lowest to the highest of each bucket, one area for each stretch without a gap."""
    parts = []
    ends = zip(line.x, line.low, line.high, strict=True) if line.low else iter(())
    for is_known, run in groupby(ends, key=lambda end: None not in end):
        if is_known:
            found = [(x(at), y(low), y(high)) for at, low, high in run if low is not None and high is not None]
            outline = [(at, high) for at, _, high in found] + [(at, low) for at, low, _ in reversed(found)]
            parts.append(element("path", d=path(outline, closed=True), class_=f"band c{colour}"))
    return parts


def _strokes(line: CurveLine, x: Scale, y: Scale, colour: int) -> list[Markup]:
    parts = []
    pairs = zip(line.x, line.values, strict=True)
    for is_known, run in groupby(pairs, key=lambda pair: pair[1] is not None):
        points = [(x(at), y(value)) for at, value in run if value is not None]
        if is_known and len(points) == 1:
            parts.append(element("circle", cx=points[0][0], cy=points[0][1], r=2.5, class_=f"dot c{colour}"))
        elif is_known:
            parts.append(element("path", d=path(points), class_=f"line c{colour}"))
    return parts
