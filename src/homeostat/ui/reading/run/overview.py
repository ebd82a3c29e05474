"""Was it better, and why? The answer in a sentence, and what it rests on."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from homeostat.registry import queries as registry
from homeostat.track import around, queries
from homeostat.track.records import NOTE, Latest, RunDetail, RunRecord
from homeostat.ui import formats
from homeostat.ui.contexts import MetricRow, Pair, ParamRow, PartRow, RunOverview
from homeostat.ui.markdown import as_html
from homeostat.ui.reading.here import Here
from homeostat.ui.reading.run import code, curves, environment, inputs
from homeostat.ui.reading.run.metrics import SYSTEM, direction, leading, verdict
from homeostat.ui.reading.run.others import called

CLIENT_TAGS = "mlflow."
_ENDED = {"finished": "finished", "failed": "failed", "killed": "was killed"}
_METRICS, _SPARKLINES = 100, 30
_PARAMS, _PARAM = 200, 120  # shown, and characters of one
_PARTS = 50
_PART_METRICS = 3
_LISTED = 3  # of what differs, in a line


def sentence(connection: Connection, here: Here, detail: RunDetail, against: RunDetail | None) -> str:
    """Was it better? In words, from its leading metric, the run it is held against and its experiment."""
    run = detail.run
    name = run.name or run.id
    if run.status == "scheduled":
        return f"{name} has not begun."
    if run.status == "failed" and run.error:
        return f"{name} failed: {run.error.strip().splitlines()[-1]}"
    metrics = {metric.key: metric for metric in detail.metrics}
    key = leading(metrics)
    if key is None:
        return _without_metric(here, detail)
    value = metrics[key].value
    told = f"{key} {formats.figure(value)}"
    if run.status == "running":
        return f"{name} is running: {told} at step {metrics[key].step:,}{_so_far(key, against)}."
    told += _compared(key, value, run, against)
    way = direction(key)
    standing = around.standing(connection, run, metrics[key], is_lower_better=way == "lower")
    if standing.total > 1:
        told += f"; it ranks {standing.rank} of {standing.total:,} in its experiment"
    return f"{name} {_ENDED[run.status]} with {told}." if run.status != "finished" else f"{name}: {told}."


def tab(connection: Connection, here: Here, detail: RunDetail, against: RunDetail | None) -> RunOverview:
    """The tab of this name."""
    note = note_of(detail)
    params = _params(detail.params, against)
    if len(params) > _PARAMS:  # what differs is not among those left out
        params = tuple(sorted(params, key=lambda row: row.before is None))
    shown = _leading_first(detail.metrics)
    parent = queries.records(connection, [detail.run.parent]) if detail.run.parent else []
    parts = around.parts(connection, detail.run.id, limit=_PARTS)
    own = {key: value for key, value in detail.tags.items() if not key.startswith(CLIENT_TAGS)}
    made = registry.made_by(connection, detail.run.id)
    return RunOverview(
        note=note,
        note_html=as_html(note),
        params=tuple(_cut(row) for row in params[:_PARAMS]),
        more_params=max(0, len(params) - _PARAMS),
        metrics=tuple(_metrics(connection, detail.run.id, shown[:_METRICS], against)),
        more_metrics=max(0, len(shown) - _METRICS),
        tags=_pairs(own),
        client_tags=_pairs({key: value for key, value in detail.tags.items() if key not in own and key != NOTE}),
        parent=Pair(name=parent[0].kind, value=parent[0].name, href=f"/runs/{parent[0].id}") if parent else None,
        parts=tuple(_parts(connection, parts)),
        more_parts=around.count_parts(connection, detail.run.id) - len(parts),
        models=tuple(
            Pair(name=system, value=f"{system} v{number}", href=f"/models/{system}/{number}") for system, number in made
        ),
        differences=tuple(_differences(here, detail, against)) if against else (),
    )


def note_of(detail: RunDetail) -> str:
    """The note, wherever it was written."""
    return detail.tags.get(NOTE) or detail.run.note


def text(value: object) -> str:
    """A param as people write it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _without_metric(here: Here, detail: RunDetail) -> str:
    run = detail.run
    state = "is running" if run.status == "running" else _ENDED[run.status]
    logged = sum(not metric.key.startswith(SYSTEM) for metric in detail.metrics)
    if not logged:
        return f"{run.name or run.id} {state}; it logged no metric."
    ended = run.finished_at if run.finished_at is not None else here.now
    return f"{run.name or run.id} {state} and logged {formats.plural(logged, 'metric')} in {formats.took(ended - run.started_at)}."


def _so_far(key: str, against: RunDetail | None) -> str:
    before = _value(against, key)
    return "" if before is None else f", where the other run ended at {formats.figure(before)}"


def _compared(key: str, value: float, run: RunRecord, against: RunDetail | None) -> str:
    before = _value(against, key)
    if before is None or against is None:
        return ""
    other = called(against.run, run)
    match verdict(key, value, before):
        case "same":
            return f", the same as {other}"
        case "better":
            return f" is better than {other} ({formats.figure(before)})"
        case "worse":
            return f" is worse than {other} ({formats.figure(before)})"
        case "unknown":
            return f", where {other} had {formats.figure(before)}"


def _value(detail: RunDetail | None, key: str) -> float | None:
    if detail is None:
        return None
    return next((metric.value for metric in detail.metrics if metric.key == key), None)


def _leading_first(metrics: Iterable[Latest]) -> list[Latest]:
    own = [metric for metric in metrics if not metric.key.startswith(SYSTEM)]
    first = leading(metric.key for metric in own)
    return sorted(own, key=lambda metric: (metric.key != first, metric.key))


def _metrics(
    connection: Connection, run_id: str, shown: list[Latest], against: RunDetail | None
) -> Iterable[MetricRow]:
    lengths: dict[int, list[str]] = {}
    for metric in shown[:_SPARKLINES]:
        if metric.points > 1:
            lengths.setdefault(metric.step.bit_length(), []).append(metric.key)
    drawn: dict[str, tuple[float, ...]] = {}
    for keys in lengths.values():
        drawn |= curves.sparklines(connection, run_id, keys)
    for metric in shown:
        before = _value(against, metric.key)
        yield MetricRow(
            key=metric.key,
            value=metric.value,
            step=metric.step,
            points=metric.points,
            values=drawn.get(metric.key, ()),
            before=before,
            verdict="unknown" if before is None else verdict(metric.key, metric.value, before),
        )


def _params(params: Mapping[str, Any], against: RunDetail | None) -> tuple[ParamRow, ...]:
    known = against.params if against else {}
    names = [*params, *(name for name in known if name not in params)]
    return tuple(
        ParamRow(
            name=name,
            value=text(params[name]) if name in params else formats.MISSING,
            before=_before(params, known, name) if against else None,
        )
        for name in names
    )


def _cut(row: ParamRow) -> ParamRow:
    if max(len(row.value), len(row.before or "")) <= _PARAM:
        return row
    before = None if row.before is None else _shortened(row.before)
    return ParamRow(name=row.name, value=_shortened(row.value), before=before)


def _shortened(value: str) -> str:
    return value if len(value) <= _PARAM else f"{value[: _PARAM - 1]}…"


def _before(params: Mapping[str, Any], known: Mapping[str, Any], name: str) -> str | None:
    if name in params and name in known and params[name] == known[name]:
        return None
    return text(known[name]) if name in known else formats.MISSING


def _pairs(values: Mapping[str, str]) -> tuple[Pair, ...]:
    return tuple(Pair(name=name, value=value) for name, value in values.items())


def _parts(connection: Connection, parts: list[RunRecord]) -> Iterable[PartRow]:
    latest = queries.latest(connection, [part.id for part in parts])
    for part in parts:
        metrics = _leading_first(latest.get(part.id, []))[:_PART_METRICS]
        yield PartRow(
            id=part.id,
            name=part.name,
            kind=part.kind,
            status=part.status,
            started_at=part.started_at,
            finished_at=part.finished_at,
            metrics=tuple(Pair(name=metric.key, value=formats.figure(metric.value)) for metric in metrics),
        )


def _differences(here: Here, detail: RunDetail, against: RunDetail) -> Iterable[Pair]:
    """What differs between two runs, a line for each kind of thing that does."""
    address = f"/runs/{detail.run.id}?against={against.run.id}&tab="
    params = [
        f"{row.name} {row.before} → {row.value}" for row in _params(detail.params, against) if row.before is not None
    ]
    for name, lines, where in (
        ("params", params, ""),
        ("code", code.summary(here, detail, against), "code"),
        ("environment", environment.summary(here, detail, against), "environment"),
        ("data", inputs.summary(detail, against), "data"),
    ):
        if lines:
            more = f" and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
            href = f"{address}{where}" if where else ""
            yield Pair(name=name, value=", ".join(lines[:_LISTED]) + more, href=href)
