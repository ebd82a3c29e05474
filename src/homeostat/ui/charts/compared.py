"""Pictures of many runs: their curves, their parameters side by side, one thing against another.

Drawn once, in a size that is read from 330 to 640 pixels: a page holds many of them.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from markupsafe import Markup

from homeostat.core.clock import DAY, HOUR, MINUTE, SECOND
from homeostat.ui.charts.run_records import Column, Dot, Line, Panel, Weight
from homeostat.ui.charts.scales import Scale, decimals, spread, ticks, time_ticks
from homeostat.ui.charts.svg import compact, element, path, picture

_WIDTH, _HEIGHT = 420.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 10.0, 8.0, 26.0
_AXIS_GAP = 130.0  # between parallel axes
_PARALLEL_HEIGHT = 250.0
_DECADES = 6  # that have a line each
_FEW_DECADES = 2
_SHADES = 5
_WORD = 16  # characters of a word at an axis
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))
Draw = Callable[[float], float]


class _Axis(NamedTuple):
    """Where values lie, and marks that are worth a label."""

    at: Draw
    marks: list[tuple[float, str]]
    is_log: bool

    def holds(self, value: float | None) -> bool:
        return value is not None and (value > 0 or not self.is_log)


def compared_curves(panel: Panel) -> Markup:
    """The curves of one metric; nothing if no value can be drawn."""
    drawn = [value for line in panel.lines for value in _heights(line) if value > 0 or not panel.is_y_log]
    if not drawn:
        return Markup("")
    x = _x_axis(panel)
    y = _value_axis(drawn, _HEIGHT - _BOTTOM, _TOP, is_log=panel.is_y_log, padding=0.06)
    parts = list(_frame(x, y))
    for line in panel.lines:
        parts += _drawn(line, panel, x, y)
    label = f"{panel.metric} of {len(panel.lines)} {'groups' if panel.is_grouped else 'runs'}, from {min(drawn):.4g} to {max(drawn):.4g}"
    return picture(*parts, width=_WIDTH, height=_HEIGHT, label=label, class_="compared")


def parallel_axes(columns: Sequence[Column], runs: Sequence[Dot]) -> Markup:
    """An axis for each column and a line for each run across them, shaded by the last column."""
    if len(columns) < 2:
        return Markup("")
    width = _AXIS_GAP * len(columns)
    axes = [_column_axis(column, _PARALLEL_HEIGHT - 20, 34) for column in columns]
    poles = [_AXIS_GAP * (number + 0.5) for number in range(len(columns))]
    shades = _shades(columns[-1].values)
    lines = []
    for run in sorted(runs, key=lambda run: (run.is_within, run.is_best)):
        points = [
            (x, axis.at(value))
            for x, axis, column in zip(poles, axes, columns, strict=True)
            if (value := column.values[run.place]) is not None and axis.holds(value)
        ]
        lines.append(element("path", element("title", run.name), d=path(points), class_=f"across {_role(run, shades)}"))
    parts = [part for column, axis, x in zip(columns, axes, poles, strict=True) for part in _pole(column, axis, x)]
    label = f"{len(runs)} runs across {', '.join(column.name for column in columns)}"
    return picture(*lines, *parts, width=width, height=_PARALLEL_HEIGHT, label=label, class_="compared parallel")


def scatter(across: Column, up: Column, colour: Column | None, runs: Sequence[Dot]) -> Markup:
    """A point for each run that has both values, shaded by a third."""
    x = _column_axis(across, _LEFT, _WIDTH - _RIGHT, padding=0.06)
    y = _column_axis(up, _HEIGHT - _BOTTOM, _TOP, padding=0.06)
    shades = [3] * len(up.values) if colour is None else _shades(colour.values)
    points = []
    for run in sorted(runs, key=lambda run: run.is_best):
        at, height = across.values[run.place], up.values[run.place]
        if at is not None and height is not None and x.holds(at) and y.holds(height):
            title = element("title", f"{run.name}: {across.name} {_named(across, at)}, {up.name} {_named(up, height)}")
            points.append(
                element("circle", title, cx=x.at(at), cy=y.at(height), r=5, class_=f"run {_role(run, shades)}")
            )
    label = f"{up.name} against {across.name} of {len(points)} runs"
    return picture(*_frame(x, y), *points, width=_WIDTH, height=_HEIGHT, label=label, class_="compared")


def weight_bar(weight: Weight, most: float) -> Markup:
    """How much a parameter matters, with the interval that nine of ten forests agree on."""
    scale = Scale(0.0, most or 1.0, 2, 114)
    low, high = (scale(min(max(value, 0.0), most)) for value in (weight.low, weight.high))
    bar = element("rect", x=2, y=4, width=max(scale(max(weight.share, 0.0)) - 2, 0.5), height=8, class_="weight")
    whisker = element("path", d=f"M{low:.1f} 8H{high:.1f}M{low:.1f} 5V11M{high:.1f} 5V11", class_="whisker")
    label = f"{weight.name}: {weight.share:.2f}, between {weight.low:.2f} and {weight.high:.2f}"
    return picture(bar, whisker, width=120, height=16, label=label, class_="weigh", is_fixed=True)


def _role(run: Dot, shades: Sequence[int]) -> str:
    shade = "best" if run.is_best else f"shade{shades[run.place]}"
    return shade if run.is_within else f"{shade} out"


def _heights(line: Line) -> Iterator[float]:
    for column in (line.mean, line.low, line.high):
        yield from (value for value in column if value is not None)


def _drawn(line: Line, panel: Panel, x: _Axis, y: _Axis) -> list[Markup]:
    role = f"hue{line.hue}"
    parts: list[Markup] = []
    if panel.is_grouped:
        parts += _areas(line, x, y, role)
        raw: Sequence[tuple[float, float | None]] = list(zip(line.x, line.mean, strict=True))
    else:
        raw = list(_zigzag(line))
    calm = list(zip(line.x, line.smooth, strict=True)) if line.smooth else []
    if not calm or line.hue or panel.is_grouped:
        parts += _strokes(raw, x, y, f"{role}{' raw' if calm else ''}")
    parts += _strokes(calm, x, y, role)
    parts += [
        element("path", d=f"M{compact(x.at(at))} {_HEIGHT - _BOTTOM - 4:.0f}v8", class_=f"hole {role}")
        for at in line.holes
        if line.hue and x.holds(at)
    ]
    return parts


def _zigzag(line: Line) -> Iterator[tuple[float, float | None]]:
    """Through the lowest and the highest of each bucket, the nearer one first, so that nothing that stands out is lost."""
    if not line.low:
        yield from zip(line.x, line.mean, strict=True)
        return
    last = -math.inf
    for at, low, high in zip(line.x, line.low, line.high, strict=True):
        if low is None or high is None:
            yield at, None
            continue
        ends = (low, high) if abs(low - last) <= abs(high - last) else (high, low)
        yield at, ends[0]
        if low != high:
            yield at, ends[1]
        last = ends[1] if low != high else ends[0]


def _strokes(points: Sequence[tuple[float, float | None]], x: _Axis, y: _Axis, role: str) -> Iterator[Markup]:
    """One line for each stretch without a gap; a point alone is a dot."""
    for is_known, stretch in groupby(points, key=lambda point: x.holds(point[0]) and y.holds(point[1])):
        if is_known:
            ends = [(x.at(at), y.at(value)) for at, value in stretch if value is not None]
            if len(ends) == 1:
                yield element("circle", cx=ends[0][0], cy=ends[0][1], r=2.5, class_=f"point {role}")
            else:
                yield element("path", d=path(ends), class_=f"trace {role}")


def _areas(line: Line, x: _Axis, y: _Axis, role: str) -> Iterator[Markup]:
    if not line.low:
        return
    points = zip(line.x, line.low, line.high, strict=True)
    for is_known, stretch in groupby(
        points, key=lambda point: all(y.holds(value) for value in point[1:]) and x.holds(point[0])
    ):
        if is_known:
            ends = [
                (x.at(at), y.at(low), y.at(high)) for at, low, high in stretch if low is not None and high is not None
            ]
            outline = [(at, high) for at, _, high in ends] + [(at, low) for at, low, _ in reversed(ends)]
            yield element("path", d=path(outline, closed=True), class_=f"area {role}")


def _frame(x: _Axis, y: _Axis) -> Iterator[Markup]:
    bottom = _HEIGHT - _BOTTOM
    for value, label in y.marks:
        yield element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y.at(value), y2=y.at(value), class_="grid")
        yield element("text", label, x=_LEFT - 6, y=y.at(value) + 4, class_="tick end")
    for value, label in x.marks:
        yield element("line", x1=x.at(value), x2=x.at(value), y1=bottom, y2=bottom + 4, class_="axis")
        yield element("text", label, x=x.at(value), y=bottom + 17, class_="tick")
    yield element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=bottom, y2=bottom, class_="axis")


def _pole(column: Column, axis: _Axis, x: float) -> Iterator[Markup]:
    """An upright axis with its name, and a label at each mark."""
    yield element("line", x1=x, x2=x, y1=34, y2=_PARALLEL_HEIGHT - 20, class_="axis")
    yield element("text", _cut(column.name), x=x, y=16, class_="tick name")
    for value, label in axis.marks:
        yield element("text", label, x=x + 6, y=axis.at(value) + 4, class_="at")


def _x_axis(panel: Panel) -> _Axis:
    start, end = panel.start, panel.end
    if panel.is_x_log:
        return _log_axis(max(start, 1.0), max(end, 2.0), _LEFT, _WIDTH - _RIGHT, _unit(panel))
    scale = Scale(start, end if end > start else start + 1, _LEFT, _WIDTH - _RIGHT)
    if panel.x == "time":
        return _Axis(
            scale.__call__, [(tick.at, tick.label) for tick in time_ticks(int(start), int(scale.high), 5)], is_log=False
        )
    size, name = _unit(panel)
    marks = ticks(start / size, scale.high / size, 5)
    return _Axis(scale.__call__, [(mark * size, f"{_short(mark)}{name}") for mark in marks], is_log=False)


def _unit(panel: Panel) -> tuple[float, str]:
    """What a mark of the x axis is counted in."""
    if panel.x == "step":
        return 1.0, ""
    size, name = next(((size, name) for size, name in _UNITS if panel.end >= 2 * size), _UNITS[-1])
    return float(size), f" {name}"


def _column_axis(column: Column, start: float, end: float, padding: float = 0.0) -> _Axis:
    known = [value for value in column.values if value is not None]
    if column.words:
        scale = Scale(-padding, max(len(column.words) - 1, 1) + padding, start, end)
        every = math.ceil(len(column.words) / 8)
        return _Axis(
            scale.__call__,
            [(place, _cut(word)) for place, word in enumerate(column.words) if place % every == 0],
            is_log=False,
        )
    return _value_axis(known, start, end, is_log=column.is_log, padding=padding)


def _value_axis(values: Sequence[float], start: float, end: float, *, is_log: bool, padding: float) -> _Axis:
    if is_log:
        low, high = min(values), max(values)
        return _log_axis(low, high if high > low else low * 10, start, end, (1.0, ""))
    low, high = spread(list(values), padding) if padding or min(values) == max(values) else (min(values), max(values))
    marks = ticks(low, high, 4)
    places = decimals(marks)
    return _Axis(Scale(low, high, start, end).__call__, [(mark, _short(mark, places)) for mark in marks], is_log=False)


def _log_axis(low: float, high: float, start: float, end: float, unit: tuple[float, str]) -> _Axis:
    """Marks at powers of ten; within a few of these also at 2 and 5; within one at round values."""
    scale = Scale(math.log10(low), math.log10(high), start, end)
    size, name = unit
    first, last = math.floor(math.log10(low / size)), math.ceil(math.log10(high / size))
    every = max(1, math.ceil((last - first) / _DECADES))
    factors = (1, 2, 5) if last - first <= _FEW_DECADES else (1,)
    marks = [factor * 10.0**power for power in range(first, last + 1, every) for factor in factors]
    marks = [mark for mark in marks if low <= mark * size * (1 + 1e-9) and mark * size <= high * (1 + 1e-9)]
    if len(marks) < 2:
        marks = ticks(low / size, high / size, 4)
    labels = [(mark * size, f"{_short(float(f'{mark:.6g}'))}{name}") for mark in marks]
    return _Axis(lambda value: scale(math.log10(value)), labels, is_log=True)


def _short(value: float, places: int | None = None) -> str:
    """`20k`, `1.5M`, `0.05`, `1e−7`."""
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size and (size > 1e3 or abs(value) >= 1e4):
            return f"{value / size:g}{name}"
    if value and abs(value) < 1e-3:
        return f"{value:.3g}"
    return f"{value:g}" if places is None else f"{value:.{places}f}"


def _named(column: Column, value: float) -> str:
    return column.words[int(value)] if column.words else f"{value:.5g}"


def _cut(word: str) -> str:
    return word if len(word) <= _WORD else f"{word[: _WORD - 1]}…"


def _shades(values: Sequence[float | None]) -> list[int]:
    """1 to 5 by rank, so that one that lies far out does not take all colour; 0 for none."""
    known = sorted({value for value in values if value is not None})
    places = {value: 1 + min(_SHADES * place // len(known), _SHADES - 1) for place, value in enumerate(known)}
    return [0 if value is None else places[value] for value in values]
