"""What a chart shows. The same records are drawn as SVG on the server and sent as JSON to the browser's charts."""

from typing import Literal, NamedTuple

import msgspec

from homeostat.core.clock import Micros

Role = Literal["champion", "challenger", "canary", "shadow", "static"]
Direction = Literal["at_most", "at_least"]
State = Literal["met", "breach", "unknown"]
CurveAxis = Literal["step", "time", "relative"]
NodeState = Literal["data", "ran", "cached", "failed", "plain"]  # plain: part of a lineage
EventKind = Literal["breach", "retrain", "rejected", "shadow", "canary", "deploy", "rollback", "approval", "blocked"]


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A setpoint: the value that must not be passed.

    Attributes:
        value: in the unit of the chart.
        direction: on which side of the value is well.
    """

    value: float
    direction: Direction


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One line over the instants of its chart.

    Attributes:
        name: as it reads in the legend.
        role: decides the colour, the same on every page.
        values: (points,) with None where nothing was measured.
        low: (points,) lower end of the confidence band, or empty.
        high: (points,) upper end of the confidence band, or empty.
    """

    name: str
    role: Role
    values: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A vertical line at an instant, such as a deployment."""

    at: Micros
    label: str


class LineChart(msgspec.Struct, frozen=True, kw_only=True):
    """Lines over time, with bands, a setpoint and marks.

    Attributes:
        title: what is measured, in few words; also the text alternative.
        at: (points,) instants, ascending.
        series: the lines; the first is the one in question.
        limit: the setpoint, if there is one.
        marks: instants to point out.
        start: where the time axis begins, shared by the charts of a page.
        end: where it ends.
        unit: text after a value.
        decimals: of a value in the table.
    """

    title: str
    at: tuple[Micros, ...]
    series: tuple[Series, ...]
    start: Micros
    end: Micros
    limit: Limit | None = None
    marks: tuple[Mark, ...] = ()
    unit: str = ""
    decimals: int = 3


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a system.

    Attributes:
        at: when it happened or began.
        kind: decides lane and icon.
        label: one line for people.
        until: when it ended, for what lasts (breach, shadow, canary); None for an instant or if it still lasts.
        href: page of the object it speaks of, or empty.
    """

    at: Micros
    kind: EventKind
    label: str
    until: Micros | None = None
    href: str = ""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Events in lanes on one time axis.

    Attributes:
        title: text alternative.
        events: in any order.
        start: where the axis begins, shared by the charts of a page.
        end: where it ends.
    """

    title: str
    events: tuple[Event, ...]
    start: Micros
    end: Micros


class CurveLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a curve.

    Attributes:
        name: as it reads in the legend.
        run: id of the run whose points they are.
        x: (buckets,) ascending; steps, microseconds, or seconds since the run began.
        values: (buckets,) the mean of what fell into each, with None where no value is a finite number.
        low: (buckets,) the lowest of them; empty where each bucket holds one point.
        high: (buckets,) the highest.
    """

    name: str
    run: str
    x: tuple[float, ...]
    values: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


class CurveChart(msgspec.Struct, frozen=True, kw_only=True):
    """A metric over its steps or over time, thinned for the width it is drawn in.

    Attributes:
        key: name of the metric.
        points: how many were logged, of all lines.
        last: the latest value of the first line; None if it is no finite number.
        lines: one for each run.
        x: what the horizontal axis is.
        is_log: the vertical axis is logarithmic; values that are not positive are left out.
        start: where the axis begins; None for where the points do.
        end: where it ends.
    """

    key: str
    points: int
    last: float | None
    lines: tuple[CurveLine, ...]
    x: CurveAxis = "step"
    is_log: bool = False
    start: float | None = None
    end: float | None = None


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a whole, such as the traffic of one arm.

    Attributes:
        label: as it reads in the legend.
        role: decides the colour.
        share: of 1.
    """

    label: str
    role: Role
    share: float


class GraphNode(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a pipeline, or data it began with.

    Attributes:
        name: unique in its graph; shown unless there is a label.
        label: shown instead of the name.
        state: what became of it.
        detail: one short line below the name.
        is_critical: it lies on the longest way through the graph, measured in time.
        href: where more is said of it, or empty.
    """

    name: str
    state: NodeState
    detail: str
    is_critical: bool = False
    href: str = ""
    label: str = ""


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Steps and what each takes from which.

    Attributes:
        title: text alternative.
        nodes: each after those it takes from.
        links: (from, to) by name.
    """

    title: str
    nodes: tuple[GraphNode, ...]
    links: tuple[tuple[str, str], ...]


class Size(NamedTuple):
    """A drawing area in pixels and its margins; charts of one size share a time axis."""

    name: str
    width: float
    left: float
    right: float
    line_height: float

    @property
    def is_narrow(self) -> bool:
        return self.width < 600


WIDE = Size("wide", 1040, 74, 124, 250)
NARROW = Size("narrow", 340, 38, 8, 190)
