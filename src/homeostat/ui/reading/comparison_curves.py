"""Curves of a comparison: of runs, or of groups of runs as mean and band."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from homeostat.stats.smoothing import band, debiased_average
from homeostat.track.thinning import Thinned, thinned
from homeostat.ui.charts.run_records import Line, Panel
from homeostat.ui.contexts.comparison import View

HUES = 8
_DIGITS = 5  # significant ones that a curve keeps
_HOLES = 50  # marks of a line


def hues(runs: Sequence[str], pick: Sequence[str], best: str) -> dict[str, int]:
    """The colour of each run: one each while there are enough; of many, those that were picked, else the best."""
    if len(runs) <= HUES:
        return {run_id: place + 1 for place, run_id in enumerate(runs)}
    chosen = [run_id for run_id in pick if run_id in runs][:HUES] or [best]
    return {run_id: chosen.index(run_id) + 1 if run_id in chosen else 0 for run_id in runs}


def group_hues(groups: Mapping[str, str]) -> dict[str, int]:
    """The colour of each run's group."""
    named = sorted(set(groups.values()), key=_by_number)
    return {run_id: named.index(value) % HUES + 1 for run_id, value in groups.items()}


def panels(
    connection: Connection,
    view: View,
    width: int,
    *,
    names: Mapping[str, str],
    hue: Mapping[str, int],
    groups: Mapping[str, str],
) -> tuple[Panel, ...]:
    """The curves of the metrics of a view, in at most `width` buckets each.

    Args:
        names: of the runs, by id.
        hue: colours of the runs, by id.
        groups: value of the parameter that runs are grouped by, by id; empty if they are not.
    """
    found = thinned(
        connection,
        view.runs,
        view.metrics,
        width,
        x=view.x,
        span=view.span,
        scale="log" if view.is_x_log else "linear",
    )
    made = []
    for metric in view.metrics:
        curves = found.get(metric, {})
        if groups:
            lines = _group_lines(curves, groups, view.smooth)
        else:
            lines = [
                _run_line(run_id, curve, names[run_id], hue[run_id], view.smooth) for run_id, curve in curves.items()
            ]
            lines.sort(key=lambda line: line.hue > 0)
        ends = [int(end) for curve in curves.values() for end in (curve.first[0], curve.last[-1])]
        made.append(_panel(metric, view, lines, ends, is_grouped=bool(groups)))
    return tuple(made)


def _panel(metric: str, view: View, lines: Sequence[Line], ends: Sequence[int], *, is_grouped: bool) -> Panel:
    start, end = (min(ends, default=0), max(ends, default=1)) if view.span is None else view.span
    return Panel(
        metric=metric,
        x=view.x,
        is_x_log=view.is_x_log,
        is_y_log=view.is_y_log,
        is_grouped=is_grouped,
        lines=tuple(lines),
        start=float(max(start, 1) if view.is_x_log else start),
        end=float(end),
    )


def _run_line(run_id: str, curve: Thinned, name: str, hue: int, smooth: float) -> Line:
    is_single = bool((curve.points - curve.holes <= 1).all())
    return Line(
        key=run_id,
        label=name,
        hue=hue,
        x=tuple(curve.x.tolist()),
        mean=_kept(curve.mean),
        low=() if is_single else _kept(curve.low),
        high=() if is_single else _kept(curve.high),
        smooth=_kept(debiased_average(curve.mean, smooth)) if smooth else (),
        holes=tuple(curve.x[curve.holes > 0][:_HOLES].tolist()),
        points=int(curve.points.sum()),
    )


def _group_lines(curves: Mapping[str, Thinned], groups: Mapping[str, str], smooth: float) -> list[Line]:
    members: dict[str, list[Thinned]] = {}
    for run_id, curve in curves.items():
        members.setdefault(groups[run_id], []).append(curve)
    named = sorted(set(groups.values()), key=_by_number)
    lines = [
        _group_line(name, members[name], named.index(name) % HUES + 1, smooth)
        for name in reversed(named)
        if name in members
    ]
    return [line for line in lines if line.x]


def _group_line(name: str, curves: Sequence[Thinned], hue: int, smooth: float) -> Line:
    joint = band([(curve.bucket, curve.mean) for curve in curves])
    bucket, x = (np.concatenate([getattr(curve, field) for curve in curves]) for field in ("bucket", "x"))
    places, group = np.unique(bucket, return_inverse=True)
    middles = np.bincount(group, x) / np.bincount(group)
    return Line(
        key=name,
        label=name or "not set",
        hue=hue,
        x=tuple(middles[np.searchsorted(places, joint.at)].tolist()),
        mean=_kept(joint.mean),
        low=_kept(joint.low) if len(curves) > 1 else (),
        high=_kept(joint.high) if len(curves) > 1 else (),
        smooth=_kept(debiased_average(joint.mean, smooth)) if smooth else (),
        runs=len(curves),
        points=int(sum(curve.points.sum() for curve in curves)),
    )


def _kept(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    """Rounded to what can be seen; None for what is not finite."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        power = _DIGITS - 1 - np.floor(np.log10(np.abs(values)))
        factor = 10.0 ** np.clip(power, -300, 300)
        rounded = np.where((values == 0) | ~np.isfinite(power), values, np.round(values * factor) / factor)
        rounded = np.where(np.isfinite(rounded), rounded, values)
    is_known = np.isfinite(rounded)
    return tuple(value if known else None for value, known in zip(rounded.tolist(), is_known.tolist(), strict=True))


def _by_number(value: str) -> tuple[bool, float, str]:
    try:
        return (False, float(value), value)
    except ValueError:
        return (True, 0.0, value)
