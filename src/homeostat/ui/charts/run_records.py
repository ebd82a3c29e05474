"""What pictures of many runs show. The same records are drawn as SVG on the server and sent as JSON to the browser's charts."""

from typing import Literal

import msgspec

Axis = Literal["step", "time", "relative"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A curve in buckets, of a run or of a group of runs.

    Attributes:
        key: id of the run, or value of the parameter that makes the group.
        label: as it reads.
        hue: 1 to 8, its colour; 0 if it is one of many.
        x: (buckets,) steps or microseconds.
        mean: (buckets,) None where nothing is finite, which is a gap.
        low, high: (buckets,) the lowest and highest value, or the 95 % band of the mean of a group; empty if everywhere the mean.
        smooth: (buckets,) moving average of the mean; empty if not asked for.
        holes: x of buckets that hold a value that is NaN or infinite.
        runs: how many it speaks of.
        points: how many points it stands for.
    """

    key: str
    label: str
    hue: int
    x: tuple[float, ...]
    mean: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    smooth: tuple[float | None, ...] = ()
    holes: tuple[float, ...] = ()
    runs: int = 1
    points: int = 0


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """The curves of one metric.

    Attributes:
        metric: its name.
        x: what the axis is.
        is_x_log, is_y_log: logarithmic axes.
        is_grouped: lines are means of groups.
        lines: those that stand out last, so that they lie on top.
        start, end: ends of the x axis.
    """

    metric: str
    x: Axis
    is_x_log: bool
    is_y_log: bool
    is_grouped: bool
    lines: tuple[Line, ...]
    start: float
    end: float


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter or metric over all runs of the comparison, for parallel coordinates and scatter plots.

    Attributes:
        key: `param NAME` or `metric NAME`, unlike any other.
        name: as it reads.
        is_metric: it came out, it was not put in.
        is_log: best shown on a logarithmic axis: positive, over two powers of ten.
        words: what its values mean, in order, if they are not numbers; the values are then places in it.
        values: (runs,) None where a run has none.
    """

    key: str
    name: str
    is_metric: bool
    is_log: bool
    words: tuple[str, ...]
    values: tuple[float | None, ...]


class Weight(msgspec.Struct, frozen=True, kw_only=True):
    """How much a parameter matters for the objective.

    Attributes:
        name: of the parameter.
        share: of the variance of the objective that goes unexplained when the parameter is shuffled.
        low, high: where nine of ten forests see it.
        correlation: rank correlation with the objective, in [-1, 1]; None for words.
    """

    name: str
    share: float
    low: float
    high: float
    correlation: float | None


class Dot(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a picture of many shows it.

    Attributes:
        name: given by its author.
        place: its number in columns.
        is_best: it has the best value of the objective.
        is_within: it is not brushed out.
    """

    name: str
    place: int
    is_best: bool
    is_within: bool
