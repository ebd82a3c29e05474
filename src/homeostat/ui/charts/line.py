"""Lines over time with confidence bands, a setpoint and deployment marks."""

from itertools import groupby

from markupsafe import Markup

from homeostat.ui.charts.records import Limit, LineChart, Series, Size
from homeostat.ui.charts.scales import Scale, decimals, spread, ticks, time_ticks
from homeostat.ui.charts.svg import element, path, picture

_TOP = 14
_BOTTOM = 24
_SHORT_NAMES = {"static": "first model"}
_LABEL_GAP = 14  # least distance between the baselines of two end labels


def line_chart(chart: LineChart, size: Size) -> Markup:
    """The chart as SVG.

    Returns: markup with a time axis that lines up with the other charts of the same size and instants.
    """
    drawn = _values(chart)
    if not drawn:
        return Markup("")
    low, high = spread(drawn)
    x = Scale(chart.start, chart.end, size.left, size.width - size.right)
    y = Scale(low, high, size.line_height - _BOTTOM, _TOP)
    parts = [*_grid(chart, size, x, y)]
    if chart.limit is not None:
        parts += _beyond(chart.limit, size, y)
    parts += [_mark(mark.label, x(mark.at), y) for mark in chart.marks if chart.start <= mark.at <= chart.end]
    for series in reversed(chart.series):  # the first lies on top
        parts += _series(chart, series, x, y)
    if chart.limit is not None:
        parts += _limit_line(chart, chart.limit, size, y)
    if not size.is_narrow:
        parts += _end_labels(chart, size, y)
    return picture(*parts, width=size.width, height=size.line_height, label=chart.title, class_=f"svg {size.name}")


def _values(chart: LineChart) -> list[float]:
    found = [
        value
        for series in chart.series
        for column in (series.values, series.low, series.high)
        for value in column
        if value is not None
    ]
    return [*found, chart.limit.value] if found and chart.limit is not None else found


def _grid(chart: LineChart, size: Size, x: Scale, y: Scale) -> list[Markup]:
    left, right = size.left, size.width - size.right
    marks = ticks(y.low, y.high, 4)
    places = decimals(marks)
    parts = []
    for value in marks:
        parts.append(element("line", x1=left, x2=right, y1=y(value), y2=y(value), class_="grid"))
        parts.append(element("text", f"{value:.{places}f}", x=left - 8, y=y(value) + 4, class_="tick end"))
    for tick in time_ticks(chart.start, chart.end, 5 if size.is_narrow else 13):
        parts.append(element("line", x1=x(tick.at), x2=x(tick.at), y1=y.start, y2=y.start + 4, class_="axis"))
        parts.append(element("text", tick.label, x=x(tick.at), y=y.start + 18, class_="tick"))
    parts.append(element("line", x1=left, x2=right, y1=y.start, y2=y.start, class_="axis"))
    return parts


def _beyond(limit: Limit, size: Size, y: Scale) -> list[Markup]:
    """The side of the setpoint where nothing should be."""
    edge = y(limit.value)
    top, bottom = (y.end, edge) if limit.direction == "at_most" else (edge, y.start)
    width = size.width - size.right - size.left
    return [element("rect", x=size.left, y=top, width=width, height=max(bottom - top, 0.0), class_="beyond")]


def _limit_line(chart: LineChart, limit: Limit, size: Size, y: Scale) -> list[Markup]:
    edge, right = y(limit.value), size.width - size.right
    sign = "≤" if limit.direction == "at_most" else "≥"
    text = f"setpoint {sign} {limit.value:g}{chart.unit}"
    above = edge - 6 if limit.direction == "at_most" else edge + 14
    return [
        element("line", x1=size.left, x2=right, y1=edge, y2=edge, class_="limit"),
        element("text", text, x=size.left + 6, y=above, class_="limit-label"),
    ]


def _mark(label: str, at: float, y: Scale) -> Markup:
    line = element("line", x1=at, x2=at, y1=y.end - 4, y2=y.start, class_="mark")
    head = element("path", d=f"M{at:.1f} {y.end - 10:.1f}l4 5l-4 5l-4 -5Z", class_="mark-head")
    return element("g", element("title", label), line, head)


def _series(chart: LineChart, series: Series, x: Scale, y: Scale) -> list[Markup]:
    return [*_bands(chart, series, x, y), *_strokes(chart, series, x, y)]


def _bands(chart: LineChart, series: Series, x: Scale, y: Scale) -> list[Markup]:
    """One area for each stretch without a gap."""
    if not series.low:
        return []
    parts = []
    points = zip(chart.at, series.low, series.high, strict=True)
    for is_known, run in groupby(points, key=lambda point: None not in point):
        if is_known:
            ends = [(x(at), y(low), y(high)) for at, low, high in run if low is not None and high is not None]
            outline = [(at, high) for at, _, high in ends] + [(at, low) for at, low, _ in reversed(ends)]
            parts.append(element("path", d=path(outline, closed=True), class_=f"band {series.role}"))
    return parts


def _strokes(chart: LineChart, series: Series, x: Scale, y: Scale) -> list[Markup]:
    parts = []
    pairs = zip(chart.at, series.values, strict=True)
    for is_known, run in groupby(pairs, key=lambda pair: pair[1] is not None):
        points = [(x(at), y(value)) for at, value in run if value is not None]
        if is_known and len(points) == 1:
            parts.append(element("circle", cx=points[0][0], cy=points[0][1], r=2.5, class_=f"dot {series.role}"))
        elif is_known:
            parts.append(element("path", d=path(points), class_=f"line {series.role}"))
    return parts


def _end_labels(chart: LineChart, size: Size, y: Scale) -> list[Markup]:
    """Name and last value of each line beside its end, pushed apart where they would touch."""
    ends = []
    for series in chart.series:
        last = next((value for value in reversed(series.values) if value is not None), None)
        if last is not None:
            ends.append((y(last), series, last))
    parts, floor = [], float("-inf")
    for at, series, last in sorted(ends, key=lambda end: end[0]):
        floor = max(at + 4, floor + _LABEL_GAP)
        text = f"{_SHORT_NAMES.get(series.role, series.role)} {last:.{chart.decimals}f}"
        parts.append(element("text", text, x=size.width - size.right + 8, y=floor, class_=f"end-label {series.role}"))
    return parts
