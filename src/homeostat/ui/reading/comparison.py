"""Runs side by side: what differs, and what of it matters."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from homeostat.core.clock import iso
from homeostat.core.errors import NotFound
from homeostat.track import queries, usage
from homeostat.track.export import row
from homeostat.track.records import RunRecord, RunSummary
from homeostat.ui import formats
from homeostat.ui.charts.run_records import Column, Panel
from homeostat.ui.comparing import MOST_RUNS
from homeostat.ui.contexts.comparison import Compared, ComparePage, Curves, Fact, Goal, Importance, View
from homeostat.ui.reading import comparison_columns as columns
from homeostat.ui.reading.comparison_curves import HUES, group_hues, hues, panels
from homeostat.ui.reading.here import Here
from homeostat.ui.reading.surroundings import compare

_METRICS = 4  # whose curves are shown if none is named
_SIDE_BY_SIDE = 8  # runs of one page of the table
_SETTINGS = 6  # parameters in the list of runs
_VERTICES = 3_000  # of all pictures that come with the page: some 40 KB
_WIDTHS = (6, 160)  # buckets of a line in these
_RANGES = (16, 2_000)  # of a line that is asked for by itself
_BUCKETS = (
    16_000  # of all lines of a panel that is asked for: 400 kB, and a bucket for two pixels where there are a hundred
)
_DIGITS = 6  # of a number side by side
_CHARACTERS = 60  # of a value side by side


class _Runs(NamedTuple):
    """What the runs of a view say."""

    runs: list[RunSummary]
    params: dict[str, tuple[str, ...]]
    metrics: dict[str, tuple[float | None, ...]]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(run.run.id for run in self.runs)


def page(connection: Connection, here: Here, asked: View) -> ComparePage:
    """Raises: NotFound naming a run that is not there."""
    if len(asked.runs) < 2:
        return ComparePage(**here.frame, sentence=f"Choose 2 to {MOST_RUNS} runs to compare.", view=asked)
    found = _read(connection, asked)
    view = _filled(found, asked)
    values = found.metrics.get(view.objective, (None,) * len(found.runs))
    better = columns.goal(view.objective, view.goal)
    winner = columns.best(values, better)
    differing = columns.differing(found.params)
    axes = columns.columns({name: found.params[name] for name in differing}, found.metrics)
    importance = columns.weigh(axes, values, view.objective)
    view = _plotted(view, axes, importance)
    groups = _groups(found, view)
    hue = group_hues(groups) if groups else hues(view.runs, view.pick, view.runs[winner or 0])
    facts, same = _facts(connection, found, is_whole=view.is_whole)
    shown = slice(view.first, view.first + _SIDE_BY_SIDE)
    order = _order(values, better)
    left, right = _pair(view, order)
    by_id: dict[str, RunRecord] = {run.run.id: run.run for run in found.runs}
    surroundings = compare(connection, here.objects, by_id[left], by_id[right])
    return ComparePage(
        **here.frame,
        sentence=_sentence(found, view, differing, importance, winner),
        view=msgspec.structs.replace(view, left=left, right=right),
        better=better,
        runs=tuple(_compared(found, view, place, hue, winner, axes, differing) for place in order),
        metrics=tuple(sorted({one.key for run in found.runs for one in run.metrics})),
        groups=tuple(differing),
        settings=tuple(differing[:_SETTINGS]),
        panels=_panels(connection, found, view, hue, _width(len(view.runs) * len(view.metrics))),
        columns=axes,
        importance=importance,
        facts=tuple(_cut(fact, order, shown) for fact in facts),
        shown=tuple(view.runs[place] for place in order[shown]),
        same=same,
        surroundings=surroundings,
    )


def curves(connection: Connection, asked: View, width: int) -> Curves:
    """The curves of a view, in at most `width` buckets each: what a picture asks for when it is looked at closely.

    Raises: NotFound naming a run that is not there.
    """
    found = _read(connection, asked)
    view = _filled(found, asked)
    values = found.metrics.get(view.objective, (None,) * len(found.runs))
    winner = columns.best(values, columns.goal(view.objective, view.goal))
    hue = hues(view.runs, view.pick, view.runs[winner or 0]) if view.runs else {}
    most = max(_BUCKETS // max(len(view.runs), 1), _RANGES[0])
    return Curves(panels=_panels(connection, found, view, hue, min(max(width, _RANGES[0]), most, _RANGES[1])))


def table(connection: Connection, asked: View) -> str:
    """The runs as CSV, as the list of runs is exported: a row each, with its parameters, tags and latest metrics.

    Raises: NotFound naming a run that is not there.
    """
    rows = [row(one, time=iso) for one in _read(connection, asked).runs]
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(dict.fromkeys(name for one in rows for name in one)), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue()


def _read(connection: Connection, asked: View) -> _Runs:
    records = queries.records(connection, asked.runs)
    known = {run.id for run in records}
    if missing := [run_id for run_id in asked.runs if run_id not in known]:
        raise NotFound(f"There is no run {missing[0]!r}. List those there are: homeostat runs list")
    runs = queries.summaries(connection, records)
    return _Runs(runs, columns.params(runs), columns.latest(runs))


def _filled(found: _Runs, view: View) -> View:
    """A view with what was left open filled in; names that no run knows are left out."""
    objective = columns.objective(found.metrics, view.objective)
    known = {one.key for run in found.runs for one in run.metrics}
    metrics = tuple(name for name in view.metrics if name in known)
    return msgspec.structs.replace(
        view,
        metrics=metrics or columns.shown_metrics(found.runs, objective, _METRICS),
        group=view.group if view.group in found.params else "",
        objective=objective,
        pick=tuple(run_id for run_id in view.pick if run_id in view.runs)[:HUES],
    )


def _plotted(view: View, axes: Sequence[Column], importance: Importance) -> View:
    """A view with the axes of its scatter plot: those asked for, else the objective over what matters most for it."""
    keys = [axis.key for axis in axes]
    measured = f"metric {view.objective}"
    leading = [f"param {weight.name}" for weight in importance.weights]
    across = [key for key in (view.across, *leading, *keys) if key in keys and (key != measured or key == view.across)]
    up = [key for key in (view.up, measured, *reversed(keys)) if key in keys]
    return msgspec.structs.replace(
        view,
        across=next(iter(across), measured),
        up=next(iter(up), ""),
        colour=view.colour if view.colour in keys else "",
    )


def _panels(connection: Connection, found: _Runs, view: View, hue: Mapping[str, int], width: int) -> tuple[Panel, ...]:
    names: dict[str, str] = {run.run.id: run.run.name for run in found.runs}
    return panels(connection, view, width, names=names, hue=hue, groups=_groups(found, view))


def _groups(found: _Runs, view: View) -> dict[str, str]:
    return dict(zip(found.ids, found.params[view.group], strict=True)) if view.group else {}


def _width(lines: int) -> int:
    return min(max(_VERTICES // max(2 * lines, 1), _WIDTHS[0]), _WIDTHS[1])


def _order(values: Sequence[float | None], better: Goal) -> list[int]:
    """As they were chosen; of more than have a colour, the best first."""
    places = list(range(len(values)))
    if len(places) <= HUES:
        return places
    sign = 1 if better == "least" else -1
    return sorted(places, key=lambda place: math.inf if (value := values[place]) is None else sign * value)


def _pair(view: View, order: Sequence[int]) -> tuple[str, str]:
    """The two runs whose surroundings are compared: those asked for, those picked, else the first two."""
    runs = [view.runs[place] for place in order]
    wanted = [run_id for run_id in (view.left, view.right) if run_id in view.runs]
    chosen = list(dict.fromkeys([*wanted, *view.pick, *runs]))
    return chosen[0], chosen[1]


def _compared(
    found: _Runs,
    view: View,
    place: int,
    hue: Mapping[str, int],
    winner: int | None,
    axes: Sequence[Column],
    differing: Sequence[str],
) -> Compared:
    run = found.runs[place].run
    values = found.metrics.get(view.objective)
    ranges = [(axis.values[place], brush) for brush in view.brush for axis in axes if axis.key == brush.axis]
    return Compared(
        id=run.id,
        name=run.name,
        status=run.status,
        started_at=run.started_at,
        hue=hue[run.id],
        is_picked=run.id in view.pick,
        is_best=place == winner,
        is_within=all(value is not None and brush.low <= value <= brush.high for value, brush in ranges),
        objective=values[place] if values else None,
        settings=tuple(_short(found.params[name][place]) for name in differing[:_SETTINGS]),
    )


def _facts(
    connection: Connection, found: _Runs, *, is_whole: bool
) -> tuple[list[tuple[str, str, tuple[str, ...]]], int]:
    """(kind, name, value of each run), and how many were left out because they are the same everywhere."""
    runs = [run.run for run in found.runs]
    used = usage.of_runs(connection, found.ids)
    data = [{one.name: one.digest[:8] for one in used[run.id].datasets} if run.id in used else {} for run in runs]
    tags = [{name: value for name, value in run.tags.items() if not name.startswith("mlflow.")} for run in found.runs]
    took = ["" if run.finished_at is None else formats.took(run.finished_at - run.started_at) for run in runs]
    rows = [("parameter", name, values) for name, values in found.params.items()]
    rows += [
        ("metric", name, tuple(columns.figure(value) for value in values)) for name, values in found.metrics.items()
    ]
    rows += [
        ("data", name, tuple(one.get(name, "") for one in data))
        for name in sorted({key for one in data for key in one})
    ]
    rows += [
        ("code", "digest", tuple(run.code[:8] for run in runs)),
        ("environment", "digest", tuple(run.environment[:8] for run in runs)),
        ("run", "status", tuple(run.status for run in runs)),
        ("run", "took", tuple(took)),
        ("run", "user", tuple(run.user for run in runs)),
        ("run", "source", tuple(run.source for run in runs)),
    ]
    rows += [
        ("tag", name, tuple(one.get(name, "") for one in tags)) for name in sorted({key for one in tags for key in one})
    ]
    kept = rows if is_whole else [row for row in rows if len(set(row[2])) > 1]
    return kept, len(rows) - len(kept)


def _cut(fact: tuple[str, str, tuple[str, ...]], order: Sequence[int], shown: slice) -> Fact:
    kind, name, values = fact
    cells = [values[place] for place in order[shown]]
    first = values[order[0]]
    is_input = kind not in ("metric", "run")  # what came out of a run is never quite the same
    return Fact(
        kind=kind,
        name=name,
        values=tuple(_short(cell) for cell in cells),
        differs=tuple(is_input and cell != first for cell in cells),
    )


def _sentence(found: _Runs, view: View, differing: Sequence[str], importance: Importance, winner: int | None) -> str:
    total = len(found.params)
    if not total:
        told = ["No run has a parameter"]
    elif not differing:
        told = [
            f"All {formats.plural(total, 'parameter')} are the same" if total > 1 else "The one parameter is the same"
        ]
    else:
        names = f" ({', '.join(differing)})" if len(differing) <= 3 else ""
        told = [
            f"{len(differing)} of {formats.plural(total, 'parameter')} {'differs' if len(differing) == 1 else 'differ'}{names}"
        ]
    if leader := columns.leading(importance):
        told[0] += f"; of them {leader} matters most for {view.objective}"
    if winner is not None:
        value = columns.figure(found.metrics[view.objective][winner])
        told.append(f"Best {view.objective}: {found.runs[winner].run.name} at {value}")
    versions = len({run.run.code for run in found.runs} - {""})
    if versions > 1:
        told.append(f"They ran {versions} versions of the code")
    return ". ".join(told) + "."


def _short(value: str) -> str:
    """A value in a cell: numbers with six digits, texts cut."""
    if len(value) > _DIGITS + 2:
        try:
            return f"{float(value):.{_DIGITS}g}"
        except ValueError:
            return value if len(value) <= _CHARACTERS else f"{value[: _CHARACTERS - 1]}…"
    return value
