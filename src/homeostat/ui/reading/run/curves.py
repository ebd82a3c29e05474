"""Curves of a run, of its metrics and of its machines, thinned for the width in which they are drawn."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import numpy as np
from sqlalchemy import Connection

from homeostat.core.clock import SECOND, parse_iso
from homeostat.core.errors import HomeostatError, NotFound, UserError
from homeostat.track import around, queries
from homeostat.track.records import Latest, RunDetail, RunRecord
from homeostat.track.thinning import Thinned, thinned
from homeostat.ui.charts.records import CurveAxis, CurveChart, CurveLine
from homeostat.ui.contexts import CurveGroup, RunCurves
from homeostat.ui.reading.run.metrics import SYSTEM

_CHARTS = 24  # of a page
_WIDTH = 150  # buckets of a chart that the server draws
_WIDEST = 4000  # that a browser may ask for
_SPARKLINE = 80
_NODES = 64
_ROOM_US = 30 * SECOND  # on either side of a single point


def tab(connection: Connection, detail: RunDetail, query: Mapping[str, str]) -> RunCurves:
    """Metrics, by what their names begin with. Raises: UserError for a word that cannot be read."""
    found = [metric for metric in detail.metrics if not metric.key.startswith(SYSTEM)]
    return _tab(connection, [detail.run], found, query, axis="step")


def machines(connection: Connection, detail: RunDetail, query: Mapping[str, str]) -> RunCurves:
    """Metrics of the machines, a line for each node, over one time axis. Raises: UserError as `tab`."""
    runs = [detail.run, *around.parts(connection, detail.run.id, limit=_NODES, kind=around.NODE)]
    return _tab(connection, runs, _of_machines(connection, detail, runs), query, axis="time")


def charts(
    connection: Connection, detail: RunDetail, keys: Sequence[str], query: Mapping[str, str]
) -> tuple[CurveChart, ...]:
    """Charts of some metrics, `query["width"]` pixels wide. Raises: NotFound naming a metric. UserError as `tab`."""
    of_system = any(key.startswith(SYSTEM) for key in keys)
    runs = [detail.run]
    metrics = list(detail.metrics)
    if of_system:
        runs += around.parts(connection, detail.run.id, limit=_NODES, kind=around.NODE)
        metrics = [*_of_machines(connection, detail, runs), *metrics]
    known = {metric.key: metric for metric in metrics}
    for key in keys:
        if key not in known:
            raise NotFound(f"Run {detail.run.id} has no metric {key!r}. It has: {', '.join(known) or 'none'}.")
    axis = _axis(query.get("x", ""), "time" if of_system else "step")
    width = _number(query.get("width", ""), "width", _WIDTH)
    return tuple(_charts(connection, runs, [known[key] for key in keys], axis, query, min(width, _WIDEST)))


def sparklines(connection: Connection, run_id: str, keys: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Curves as a few values each, none of them infinite. Their buckets are the same: ask for those of one length together."""
    found: dict[str, tuple[float, ...]] = {}
    for key, of_key in thinned(connection, [run_id], keys, _SPARKLINE).items():
        found[key] = tuple(value for value in of_key[run_id].mean.tolist() if math.isfinite(value))
    return found


def _tab(
    connection: Connection,
    runs: Sequence[RunRecord],
    metrics: Sequence[Latest],
    query: Mapping[str, str],
    *,
    axis: CurveAxis,
) -> RunCurves:
    find, metric = query.get("find", ""), query.get("metric", "")
    found = sorted(
        (one for one in metrics if (one.key == metric if metric else find.lower() in one.key.lower())),
        key=lambda one: (group_of(one.key), one.key),
    )
    pages = max(1, math.ceil(len(found) / _CHARTS))
    page = min(max(_number(query.get("page", ""), "page", 1), 1), pages)
    shown = found[(page - 1) * _CHARTS : page * _CHARTS]
    x = _axis(query.get("x", ""), axis)
    low, high = _ends_asked(query, x)
    groups: dict[str, list[CurveChart]] = {}
    for chart in _charts(connection, runs, shown, x, query, _WIDTH):
        groups.setdefault(group_of(chart.key), []).append(chart)
    return RunCurves(
        x=x,
        is_log=query.get("log") == "1",
        find=find,
        metric=metric,
        low=low,
        high=high,
        groups=tuple(CurveGroup(name=name, charts=tuple(found)) for name, found in groups.items()),
        page=page,
        pages=pages,
        total=len(found),
        nodes=tuple(run.name for run in runs) if len(runs) > 1 else (),
    )


def group_of(key: str) -> str:
    """`val/loss` is of `val`; `system/gpu_0_percent` of `gpu 0`; `loss` of nothing."""
    if not key.startswith(SYSTEM):
        return key.rpartition("/")[0]
    words = key.removeprefix(SYSTEM).split("_")
    return " ".join(words[:2]) if len(words) > 1 and words[1].isdecimal() else words[0]


def _of_machines(connection: Connection, detail: RunDetail, runs: Sequence[RunRecord]) -> list[Latest]:
    """The metrics of any node, each once, with the points of all."""
    found: dict[str, Latest] = {}
    own = {metric.key: metric for metric in detail.metrics if metric.key.startswith(SYSTEM)}
    latest = {runs[0].id: list(own.values()), **queries.latest(connection, [run.id for run in runs[1:]])}
    for metrics in latest.values():
        for metric in metrics:
            if metric.key.startswith(SYSTEM):
                found.setdefault(metric.key, metric)
    return list(found.values())


def _charts(
    connection: Connection,
    runs: Sequence[RunRecord],
    metrics: Sequence[Latest],
    axis: CurveAxis,
    query: Mapping[str, str],
    width: int,
) -> Iterable[CurveChart]:
    ids, keys = [run.id for run in runs], [metric.key for metric in metrics]
    span = _span(query, axis)
    found = thinned(connection, ids, keys, width, x=axis, span=span)
    shared = _ends(list(found.values()), axis, span)
    for metric in metrics:
        curves = found.get(metric.key, {})
        # Steps of one metric are not those of another; time is one for all.
        start, end = _ends([curves], axis, span) if axis == "step" else shared
        yield CurveChart(
            key=metric.key,
            points=metric.points,
            last=metric.value if math.isfinite(metric.value) else None,
            lines=tuple(_line(run, curves[run.id], axis) for run in runs if run.id in curves),
            x=axis,
            is_log=query.get("log") == "1",
            start=start,
            end=end,
        )


def _line(run: RunRecord, curve: Thinned, axis: CurveAxis) -> CurveLine:
    x = curve.x / SECOND if axis == "relative" else curve.x
    is_band = bool((curve.points > 1).any())
    return CurveLine(
        name=run.name,
        run=run.id,
        x=tuple(x.tolist()),
        values=_finite(curve.mean),
        low=_finite(curve.low) if is_band else (),
        high=_finite(curve.high) if is_band else (),
    )


def _finite(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float | None, ...]:
    return tuple(value if math.isfinite(value) else None for value in values.tolist())


def _ends(
    found: Sequence[Mapping[str, Thinned]], axis: CurveAxis, span: tuple[int, int] | None
) -> tuple[float | None, float | None]:
    """Where the axis of some charts begins and ends: as was asked, else where their points do."""
    curves = [curve for of_metric in found for curve in of_metric.values()]
    if not curves:
        return None, None
    low, high = min(int(curve.first[0]) for curve in curves), max(int(curve.last[-1]) for curve in curves)
    if span is not None:
        low, high = max(low, span[0]), min(high, span[1])
    if low >= high:  # one point stands in the middle of its axis
        room = 1 if axis == "step" else _ROOM_US
        low, high = low - room, low + room
    size = SECOND if axis == "relative" else 1
    return low / size, high / size


def _axis(text: str, default: CurveAxis) -> CurveAxis:
    for axis in get_args(CurveAxis):
        if text == axis:
            return axis  # type: ignore[no-any-return]
    if text:
        raise UserError(f"x={text!r} in the address is no axis. It can be: {', '.join(get_args(CurveAxis))}.")
    return default


def _span(query: Mapping[str, str], axis: CurveAxis) -> tuple[int, int] | None:
    low, high = _ends_asked(query, axis)
    if not low and not high:
        return None
    least, most = -(2**62), 2**62
    return (_place(low, axis) if low else least, _place(high, axis) if high else most)


def _ends_asked(query: Mapping[str, str], axis: CurveAxis) -> tuple[str, str]:
    """What stands in the address; a stretch `of` another axis means nothing on this one."""
    if query.get("of", axis) != axis:
        return "", ""
    return query.get("from", "").strip(), query.get("to", "").strip()


def _place(text: str, axis: CurveAxis) -> int:
    """A step; microseconds of a time as ISO 8601 or a number; microseconds of a number of seconds."""
    try:
        if axis == "time" and not text.lstrip("-").isdecimal():
            return parse_iso(text)
        return round(float(text) * (SECOND if axis == "relative" else 1))
    except (ValueError, OverflowError, HomeostatError):
        raise UserError(
            f"{text!r} in the address is no place on the axis {axis}. Write a step, a time such as 2026-01-31T12:00, or seconds."
        ) from None


def _number(text: str, name: str, default: int) -> int:
    if not text:
        return default
    if not text.isdecimal():
        raise UserError(f"{name}={text!r} in the address is not a number. Follow the links of a page.")
    return int(text)
