"""What happened to a system: events in lanes on the time axis of the page."""

from typing import NamedTuple

from markupsafe import Markup

from homeostat.ui.charts.records import Event, EventKind, Size, Timeline
from homeostat.ui.charts.scales import Scale, time_ticks
from homeostat.ui.charts.svg import element, picture

_BOTTOM = 24
_LASTING = {"breach", "shadow", "canary"}
_WORDS = 80  # characters of a hint; the table behind the picture has them all
_MIN_SPAN = 3.0  # pixels: a breach of an hour in a year must still be seen

# Icons are drawn around (0, 0), 12 px across; each kind has a shape of its own, so colour is never the only sign.
_ICONS: dict[EventKind, str] = {
    "retrain": "M0 -4.5A4.5 4.5 0 1 1 -4.5 0M-4.5 0l-2 -2.5M-4.5 0l2.6 -1.8",
    "rejected": "M-4 -4L4 4M4 -4L-4 4",
    "deploy": "M0 -6L6 0L0 6L-6 0Z",
    "rollback": "M5 -4V1H-4M-1 -3L-5 1L-1 5",
    "approval": "M-5 0L-1.5 4L5 -4.5",
    "blocked": "M-5 -5H5V5H-5ZM-5 -5L5 5",
}


class _Lane(NamedTuple):
    name: str
    kinds: tuple[EventKind, ...]


_LANES = (
    _Lane("Breach", ("breach",)),
    _Lane("Retrain", ("retrain", "rejected")),
    _Lane("Rollout", ("shadow", "canary")),
    _Lane("Deploy", ("deploy", "rollback")),
    _Lane("Approval", ("approval",)),
    _Lane("Data", ("blocked",)),
)
KIND_NAMES: dict[EventKind, str] = {
    "breach": "Setpoint breached",
    "retrain": "Retrained",
    "rejected": "Challenger rejected",
    "shadow": "Shadow",
    "canary": "Canary",
    "deploy": "New champion",
    "rollback": "Rolled back",
    "approval": "Approved",
    "blocked": "Data blocked",
}


def timeline(chart: Timeline, size: Size) -> Markup:
    """The lanes that have events, top to bottom in the order of the control loop."""
    lanes = [lane for lane in _LANES if any(event.kind in lane.kinds for event in chart.events)]
    if not lanes:
        return Markup("")
    lane_height = 36.0 if size.is_narrow else 28.0
    height = len(lanes) * lane_height + _BOTTOM + 6
    x = Scale(chart.start, chart.end, size.left, size.width - size.right)
    parts = _axis(chart, size, x, height - _BOTTOM)
    for index, lane in enumerate(lanes):
        bottom = 6 + (index + 1) * lane_height
        middle = bottom - 13
        parts.append(element("line", x1=size.left, x2=size.width - size.right, y1=middle, y2=middle, class_="lane"))
        parts.append(_lane_name(lane, size, middle))
        inside = [event for event in chart.events if event.kind in lane.kinds]
        parts += [_event(event, chart, size, x, middle) for event in inside if _shows(event, chart)]
    return picture(*parts, width=size.width, height=height, label=chart.title, class_=f"svg {size.name}")


def icon(kind: EventKind) -> Markup:
    """The sign of an event kind, for legends and tables; decoration beside its name."""
    if kind in _LASTING:
        shape = element("rect", x=-6, y=-4, width=12, height=8, rx=2, class_=f"span {kind}")
    else:
        shape = element("use", href=f"#icon-{kind}", class_=f"icon {kind}")
    return element("svg", shape, viewBox="-8 -8 16 16", class_="event-icon", aria_hidden="true")


def icon_shapes() -> Markup:
    """The shapes that every icon of a page refers to; they stand in its head once."""
    return Markup("").join(element("path", id=f"icon-{kind}", d=shape) for kind, shape in _ICONS.items())


def _shows(event: Event, chart: Timeline) -> bool:
    last = chart.end if event.kind in _LASTING and event.until is None else event.until or event.at
    return event.at <= chart.end and last >= chart.start


def _lane_name(lane: _Lane, size: Size, middle: float) -> Markup:
    if size.is_narrow:
        return element("text", lane.name, x=0, y=middle - 12, class_="lane-name")
    return element("text", lane.name, x=size.left - 12, y=middle + 4, class_="lane-name end")


def _axis(chart: Timeline, size: Size, x: Scale, bottom: float) -> list[Markup]:
    parts = []
    for tick in time_ticks(chart.start, chart.end, 5 if size.is_narrow else 13):
        parts.append(element("line", x1=x(tick.at), x2=x(tick.at), y1=2, y2=bottom, class_="grid"))
        parts.append(element("text", tick.label, x=x(tick.at), y=bottom + 16, class_="tick"))
    return parts


def _event(event: Event, chart: Timeline, size: Size, x: Scale, middle: float) -> Markup:
    """A mark; in the wide picture with its words and its link (a finger on the narrow one finds them in the table)."""
    if event.kind in _LASTING:
        start = x(max(event.at, chart.start))
        end = x(min(event.until if event.until is not None else chart.end, chart.end))
        width = max(end - start, _MIN_SPAN)
        mark = element("rect", x=start, y=middle - 6, width=width, height=12, rx=2, class_=f"span {event.kind}")
    else:
        mark = element("use", href=f"#icon-{event.kind}", x=x(event.at), y=middle, class_=f"icon {event.kind}")
    if size.is_narrow:
        return mark
    words = event.label if len(event.label) <= _WORDS else f"{event.label[: _WORDS - 1]}…"
    title = element("title", words)
    return element("a", title, mark, href=event.href) if event.href else element("g", title, mark)
