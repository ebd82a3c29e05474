"""Runs and what they logged."""

from collections.abc import Sequence

from sqlalchemy import Connection

from homeostat.loop.queries import declarations
from homeostat.track import queries
from homeostat.track.records import Latest, RunRecord
from homeostat.ui import formats
from homeostat.ui.contexts import Pair, RunRow, RunsPage
from homeostat.ui.reading.here import PAGE_ROWS, Here

_METRICS = 4  # in the row of a list


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
