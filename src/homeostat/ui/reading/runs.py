"""Runs and what they logged."""

import math
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from homeostat.loop.queries import declarations
from homeostat.track import queries
from homeostat.track.records import Latest, RunRecord
from homeostat.ui import formats
from homeostat.ui.contexts import Curve, Pair, RunPage, RunRow, RunsPage
from homeostat.ui.reading.here import PAGE_ROWS, Here

_METRICS = 4  # in the row of a list
_STATES = {
    "running": "is running",
    "scheduled": "has not begun",
    "finished": "finished",
    "failed": "failed",
    "killed": "was killed",
}
_POINTS = 80  # of a sparkline, two pixels each


def page(connection: Connection, here: Here, *, system: str, before: str | None) -> RunsPage:
    found = queries.recent(connection, system=system or None, limit=PAGE_ROWS + 1, cursor=before)
    shown = found[:PAGE_ROWS]
    metrics = queries.latest(connection, [run.id for run in shown])
    return RunsPage(
        **here.frame,
        sentence=_sentence(shown, here),
        runs=tuple(_row(run, metrics.get(run.id, [])) for run in shown),
        systems=tuple(declared.name for declared in declarations(connection)),
        system=system,
        older=shown[-1].id if len(found) > PAGE_ROWS else None,
    )


def one(connection: Connection, here: Here, run_id: str) -> RunPage:
    """Raises: NotFound naming the id."""
    detail = queries.get(connection, run_id)
    run = detail.run
    state = _STATES[run.status]
    digests = {"code": run.code, "environment": run.environment}
    return RunPage(
        **here.frame,
        sentence=f"{run.name} {state}." + (f" {run.note}" if run.note else ""),
        run=_row(run, detail.metrics),
        params=tuple(Pair(name=name, value=_text(value)) for name, value in detail.params.items()),
        curves=tuple(_curve(connection, run_id, metric) for metric in detail.metrics),
        artifacts=tuple(Pair(name=kept.name, value=formats.size(kept.size_bytes)) for kept in detail.artifacts),
        provenance=tuple(Pair(name=name, value=digest, is_digest=True) for name, digest in digests.items() if digest),
        error=run.error,
    )


def _sentence(shown: Sequence[RunRecord], here: Here) -> str:
    if not shown:
        return "Nothing ran yet."
    ill = sum(run.status in {"failed", "killed"} for run in shown)
    when = formats.ago(shown[0].started_at, here.now)
    health = f"{ill} of the {len(shown)} shown failed" if ill else f"none of the {len(shown)} shown failed"
    return f"The latest run started {when}; {health}."


def _row(run: RunRecord, metrics: Sequence[Latest]) -> RunRow:
    return RunRow(
        id=run.id,
        name=run.name,
        kind=run.kind,
        status=run.status,
        system=run.system,
        started_at=run.started_at,
        finished_at=run.finished_at,
        metrics=tuple(Pair(name=one.key, value=f"{one.value:.4g}") for one in metrics[:_METRICS]),
    )


def _curve(connection: Connection, run_id: str, metric: Latest) -> Curve:
    values = [value for value in queries.series(connection, run_id, metric.key).values if math.isfinite(value)]
    step = max(1, math.ceil(len(values) / _POINTS))
    return Curve(name=metric.key, last=metric.value, values=tuple(values[::step]), points=metric.points)


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
