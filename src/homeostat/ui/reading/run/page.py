"""The page of a run: what every tab says, and the tab that is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from sqlalchemy import Connection

from homeostat.core.errors import UserError
from homeostat.track import experiments, queries
from homeostat.track.records import RunDetail
from homeostat.ui.contexts import RunHead, RunPage, RunSeries, Tab, TabLink
from homeostat.ui.reading.here import Here
from homeostat.ui.reading.run import artifacts, code, curves, environment, inputs, lineage, log, others, overview
from homeostat.ui.reading.run.metrics import SYSTEM

_TITLES: dict[Tab, str] = {
    "overview": "Overview",
    "curves": "Curves",
    "system": "System",
    "artifacts": "Artifacts",
    "code": "Code",
    "environment": "Environment",
    "data": "Data",
    "lineage": "Lineage",
    "log": "Log",
}


def page(connection: Connection, here: Here, run_id: str, query: Mapping[str, str]) -> RunPage:
    """One tab of the page.

    Args:
        query: the address's words: `tab`, `against` (another run), and those of the tab.
    Raises: NotFound naming the run that is not there. UserError for a word that cannot be read.
    """
    tab = _tab(query.get("tab", ""))
    detail = queries.get(connection, run_id)
    run = detail.run
    near = others.found(connection, run)
    against = others.chosen(connection, run, near, query.get("against", ""))
    return RunPage(
        **here.frame,
        sentence=overview.sentence(connection, here, detail, against),
        run=_head(connection, detail),
        tab=tab,
        tabs=_tabs(connection, detail),
        against=against.run.id if against else "",
        others=others.rows(run, near, against.run if against else None),
        error=run.error,
        **{tab: _read(connection, here, tab, detail, against, query)},
    )


def series(connection: Connection, run_id: str, keys: Sequence[str], query: Mapping[str, str]) -> RunSeries:
    """Curves of some metrics. Raises: NotFound naming the run or the metric. UserError for a word that cannot be read."""
    detail = queries.get(connection, run_id)
    return RunSeries(charts=curves.charts(connection, detail, keys, query), status=detail.run.status)


def _read(  # each tab is read by a module of its own
    connection: Connection, here: Here, tab: Tab, detail: RunDetail, against: RunDetail | None, query: Mapping[str, str]
) -> Any:
    match tab:
        case "overview":
            return overview.tab(connection, here, detail, against)
        case "curves":
            return curves.tab(connection, detail, query)
        case "system":
            return curves.machines(connection, detail, query)
        case "artifacts":
            return artifacts.tab(connection, here, detail, query)
        case "code":
            return code.tab(here, detail, against, query.get("file", ""))
        case "environment":
            return environment.tab(here, detail, against)
        case "data":
            return inputs.tab(connection, detail, against)
        case "lineage":
            return lineage.tab(connection, detail)
        case "log":
            return log.tab(here, detail)


def _tab(text: str) -> Tab:
    for tab in get_args(Tab):
        if text in ("", tab):
            return tab  # type: ignore[no-any-return]
    raise UserError(f"A run has no tab {text!r}. It has: {', '.join(get_args(Tab))}.")


def _head(connection: Connection, detail: RunDetail) -> RunHead:
    run = detail.run
    return RunHead(
        id=run.id,
        name=run.name,
        kind=run.kind,
        status=run.status,
        system=run.system,
        experiment=experiments.get(connection, run.experiment_id).name,
        user=run.user or detail.tags.get("mlflow.user", ""),
        source=run.source or detail.tags.get("mlflow.source.name", ""),
        started_at=run.started_at,
        finished_at=run.finished_at,
        is_deleted=run.deleted_at is not None,
    )


def _tabs(connection: Connection, detail: RunDetail) -> tuple[TabLink, ...]:
    of_system = sum(metric.key.startswith(SYSTEM) for metric in detail.metrics)
    counts: dict[Tab, int] = {
        "curves": len(detail.metrics) - of_system,
        "artifacts": artifacts.count(connection, detail),
        "data": len(detail.inputs) + len(detail.model_inputs) + len(detail.outputs),
    }
    return tuple(TabLink(name=name, title=title, count=counts.get(name)) for name, title in _TITLES.items())
