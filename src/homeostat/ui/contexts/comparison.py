"""Runs side by side: what differs, and what of it matters."""

from typing import ClassVar, Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.ui.charts.run_records import Axis, Column, Panel, Weight
from homeostat.ui.contexts.runs import RunStatus
from homeostat.ui.contexts.shared import Context

Goal = Literal["least", "greatest"]


class Brush(msgspec.Struct, frozen=True, kw_only=True):
    """A range of one axis of parallel coordinates, both ends included."""

    axis: str
    low: float
    high: float


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison was asked to show: all of it lives in the address.

    Attributes:
        runs: ids, in the order of their choice.
        metrics: whose curves are shown; if none is named, the leading ones.
        x: of curves: step, time, or time since the run began.
        is_x_log, is_y_log: logarithmic axes of curves.
        smooth: weight of the past in the moving average, in [0, 1).
        span: range of x, or None for all of it.
        group: parameter whose equal values make one mean curve, or empty.
        objective: metric that says which run is better; if empty, one is chosen.
        goal: which values of it are better; if empty, as its name says.
        across, up, colour: axes and colour of the scatter plot, as `param NAME` or `metric NAME`; if empty, chosen.
        pick: ids of runs to point out.
        brush: ranges that runs must lie in to stand out.
        is_whole: show also what is the same in all runs.
        first: number of the first run side by side.
        left, right: ids of the two runs whose code and environment are compared; if empty, chosen.
    """

    runs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    x: Axis = "step"
    is_x_log: bool = False
    is_y_log: bool = False
    smooth: float = 0.0
    span: tuple[int, int] | None = None
    group: str = ""
    objective: str = ""
    goal: Goal | Literal[""] = ""
    across: str = ""
    up: str = ""
    colour: str = ""
    pick: tuple[str, ...] = ()
    brush: tuple[Brush, ...] = ()
    is_whole: bool = False
    first: int = 0
    left: str = ""
    right: str = ""


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """What a picture asks for when it is looked at closely."""

    panels: tuple[Panel, ...]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the comparison.

    Attributes:
        id: of the run.
        name: given by its author.
        status: running, scheduled, finished, failed or killed.
        started_at: when it began.
        hue: 1 to 8, its colour on curves; 0 if it is one of many.
        is_picked: somebody pointed it out.
        is_best: it has the best value of the objective.
        is_within: it lies within all brushes.
        objective: its value of the objective, or None.
        settings: its values of the parameters that differ, as text, in the order of `ComparePage.settings`.
    """

    id: str
    name: str
    status: RunStatus
    started_at: Micros
    hue: int
    is_picked: bool
    is_best: bool
    is_within: bool
    objective: float | None
    settings: tuple[str, ...]


class Importance(msgspec.Struct, frozen=True, kw_only=True):
    """Which parameters matter.

    Attributes:
        sentence: what can be said, and what cannot.
        weights: the greatest first; empty if there are too few runs.
        explained: share of the variance of the objective that the parameters explain on runs they were not fitted to.
    """

    sentence: str
    weights: tuple[Weight, ...] = ()
    explained: float = 0.0


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that runs say, side by side.

    Attributes:
        kind: parameter, metric, tag, data, code, environment or run.
        name: of it.
        values: (columns,) as text; empty where a run says nothing.
        differs: (columns,) it went in and is not what the first column says.
    """

    kind: str
    name: str
    values: tuple[str, ...]
    differs: tuple[bool, ...]


class CodeFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of code that is not the same in two runs.

    Attributes:
        path: of the file.
        sign: +, - or ~.
        lines: unified difference, as far as there is room.
    """

    path: str
    sign: Literal["+", "-", "~"]
    lines: tuple[str, ...]


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """A package or setting that is not the same in two runs; empty where there is none."""

    name: str
    before: str
    after: str


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """Code, environment and data of two runs.

    Attributes:
        left, right: ids of the runs.
        code: what can be said of their code.
        files: those that differ, as far as there is room.
        more_files: how many are left out.
        environment: what can be said of their environments.
        packages: what differs.
        data: datasets that differ.
        datasets: what can be said of the data they read.
    """

    left: str
    right: str
    code: str
    files: tuple[CodeFile, ...]
    more_files: int
    environment: str
    packages: tuple[Versions, ...]
    datasets: str
    data: tuple[Versions, ...]


class ComparePage(Context, frozen=True, kw_only=True):
    """What differs?

    Attributes:
        sentence: the answer.
        view: what was asked for, with what was left open filled in.
        better: which values of the objective are better.
        runs: in the order of their choice, or the best first if there are many.
        metrics: names that can be shown as curves.
        groups: parameters that runs can be grouped by.
        settings: names of the parameters that differ, the leading ones.
        panels: curves of the metrics that are shown.
        columns: parameters that differ, and metrics.
        importance: which parameters matter for the objective.
        facts: the table side by side.
        shown: ids of the runs that are its columns.
        same: how many facts are the same everywhere and are left out.
        surroundings: of two runs, or None.
    """

    template: ClassVar[str] = "compare.html"

    sentence: str
    view: View
    better: Goal = "least"
    runs: tuple[Compared, ...] = ()
    metrics: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    panels: tuple[Panel, ...] = ()
    columns: tuple[Column, ...] = ()
    importance: Importance | None = None
    facts: tuple[Fact, ...] = ()
    shown: tuple[str, ...] = ()
    same: int = 0
    surroundings: Surroundings | None = None
