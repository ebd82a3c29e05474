"""Samples of the list of runs."""

from homeostat.core.clock import HOUR, Micros
from homeostat.ui.contexts import (
    ArchivePage,
    Choice,
    ChoiceGroup,
    Clause,
    GroupFigure,
    GroupRow,
    ListedRun,
    RunsCell,
    RunsColumn,
    RunsPage,
    SavedView,
)
from homeostat.ui.contexts.runs_query import RunsQuery
from unit.ui.sample_systems import NOW, PROJECT


def column(id_: str, label: str, kind: str = "attribute") -> RunsColumn:
    return RunsColumn(
        id=id_,
        label=label,
        kind=kind,  # type: ignore[arg-type]  # of these samples
        sorted="ascending" if label == "loss" else "none",
        is_sortable=True,
        is_filter=kind in {"param", "tag"} or id_ in {"status", "user_id"},
    )


COLUMNS = (
    column("status", "Status"),
    column("start_time", "Started"),
    column("metrics.loss", "loss", "metric"),
    column("params.model", "model", "param"),
    column("tags.team", "team", "tag"),
    column("user_id", "User"),
)


def run(number: int, *, is_pinned: bool = False, is_deleted: bool = False) -> ListedRun:
    status = "failed" if number % 9 == 4 else "scheduled" if number % 9 == 7 else "finished"
    cells = (status, "", f"0.{number:04}", "cnn" if number % 2 else "a <b> & 'c' \"d\"", "", "ann")
    return ListedRun(
        id=f"run-{number}",
        name=f"trial-{number}",
        status=status,  # type: ignore[arg-type]  # of these samples
        started_at=Micros(NOW - number * HOUR),
        is_pinned=is_pinned,
        is_deleted=is_deleted,
        cells=tuple(
            RunsCell(text=text, value=text if index != 2 and text else None) for index, text in enumerate(cells)
        ),
    )


ASKED = RunsQuery(
    text="metrics.loss < 0.3 AND params.model = 'cnn'", order=("metrics.loss ASC",), experiments=(3,), pins=("run-1",)
)
GROUPING = (
    Choice(value="status", label="Status", is_chosen=False),
    Choice(value="params.model", label="params.model", is_chosen=True),
)
RUNS_PAGE = RunsPage(
    project=PROJECT,
    now=NOW,
    sentence="1,204 runs; trial-3 has the lowest loss, 0.0003. 4 of the 44 shown failed.",
    asked=ASKED,
    query=ASKED.query(),
    columns=COLUMNS,
    pinned=(run(1, is_pinned=True),),
    rows=tuple(run(number) for number in range(2, 46)),
    notice="20 columns fit: 2 of those that were picked are left out.",
    clauses=(
        Clause(text="metrics.loss < 0.3", href="/runs?q=params.model+%3D+%27cnn%27"),
        Clause(text="params.model = 'cnn'", href="/runs?q=metrics.loss+%3C+0.3"),
    ),
    picker=(
        ChoiceGroup(
            label="Params",
            choices=tuple(
                Choice(value=f"params.p{number}", label=f"p{number}", is_chosen=number < 3) for number in range(100)
            ),
            is_cut=True,
        ),
        ChoiceGroup(label="Tags", choices=(), is_cut=False),
    ),
    grouping=GROUPING,
    experiments=(
        Choice(value="3", label="tuning", is_chosen=True),
        Choice(value="0", label="Default", is_chosen=False),
    ),
    views=(
        SavedView(name="best first", href="/runs?order=metrics.loss+ASC", is_default=True, is_current=True),
        SavedView(name="failed", href="/runs?q=status+%3D+%27failed%27", is_default=False, is_current=False),
    ),
    command="homeostat runs list 'metrics.loss < 0.3' --order 'metrics.loss ASC'",
    older=ASKED.address(page="token"),
)
RUNS_GROUPED = RunsPage(
    project=PROJECT,
    now=NOW,
    sentence="3 groups by params.model, of 1,204 runs; cnn has the lowest mean loss, 0.21.",
    asked=RunsQuery(group="params.model", opened="params.model = 'cnn'"),
    query="group=params.model",
    columns=(COLUMNS[2],),
    rows=tuple(run(number) for number in range(3)),
    groups=tuple(
        GroupRow(
            label=label,
            is_missing=label == "none",
            count=1000,
            figures=(GroupFigure(mean="0.21" if label == "cnn" else "", least="0.1", greatest="0.4"),),
            href="/runs?group=params.model",
            only="/runs?q=params.model+%3D+%27cnn%27",
            is_open=label == "cnn",
        )
        for label in ("cnn", "mlp", "none")
    ),
    group_label="params.model",
    are_more_groups=True,
    grouping=GROUPING,
    command="homeostat runs list",
)
RUNS_PROBLEM = RunsPage(
    project=PROJECT,
    now=NOW,
    sentence="1,204 runs. None of the 2 shown failed.",
    asked=RunsQuery(text="metrics.loss ~ 3", page="token", life="deleted"),
    query="q=metrics.loss+%7E+3",
    columns=COLUMNS,
    rows=(run(1, is_deleted=True), run(2)),
    problem="'metrics.loss ~ 3' cannot be read: at position 14 there is '~ 3', expected an operator.",
    problem_at=13,
    command="homeostat runs list",
)
RUNS_NONE = RunsPage(
    project=PROJECT,
    now=NOW,
    sentence="No run fulfils this.",
    asked=RunsQuery(text="status = 'none'"),
    query="q=x",
    columns=COLUMNS,
    rows=(),
    command="homeostat runs list",
)
RUNS_EMPTY = RunsPage(
    project=PROJECT,
    now=NOW,
    sentence="Nothing ran yet.",
    asked=RunsQuery(),
    query="",
    columns=(),
    rows=(),
    command="homeostat runs list",
)
ARCHIVE_PAGE = ArchivePage(
    project=PROJECT,
    now=NOW,
    sentence="Archive these 2 runs?",
    runs=(run(1), run(2)),
    back="q=status+%3D+%27failed%27",
    with_models=1,
    with_parts=4,
    command="homeostat runs delete run-1 run-2",
)
