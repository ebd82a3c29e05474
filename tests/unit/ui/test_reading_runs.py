"""The list of runs, read from a real workspace."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import Connection

from homeostat.core.clock import MINUTE, SECOND, Micros, parse_iso
from homeostat.core.digests import Digest
from homeostat.core.errors import InvalidFilter, NotFound, UserError
from homeostat.core.ids import RunId
from homeostat.track import points, recording
from homeostat.track.blocks import Points
from homeostat.track.records import Started
from homeostat.ui.contexts import RunsPage
from homeostat.ui.contexts.runs_query import MOST_COLUMNS, RunsQuery
from homeostat.ui.reading import Reading
from homeostat.ui.render import render
from homeostat.ui.writing import Writing
from homeostat.workspace import Config, Project, Store, Workspace

START = parse_iso("2013-03-01")
RUNS = 60


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Sixty runs of two experiments; each third lacks the param, each fifth failed."""
    config = Config(project=Project(name="flights"), store=Store(clock="watermark"))
    with Workspace.create(tmp_path / "project", config) as made:
        with made.database.write() as connection:
            for number in range(RUNS):
                track(connection, number)
        made.watermark.advance(Micros(START + RUNS * MINUTE + SECOND))
        yield made


def track(connection: Connection, number: int) -> None:
    run, at = RunId(f"run-{number:02}"), Micros(START + number * MINUTE)
    params = {"lr": str(number / 100), "fixed": "1"} | (
        {"model": ('"cnn"', '"it\'s"')[number % 2]} if number % 3 else {}
    )
    event = Started(
        id=run, at=at, name=f"trial-{number}", kind="run", system="", parent="", surroundings={}, user="ann",
        experiment="tuning" if number < 20 else "Default",
    )  # fmt: skip
    recording.start(connection, event)
    recording.put_params(connection, run, params)
    recording.put_tags(connection, run, {"mlflow.runName": "x"} | ({"team": "red"} if number % 4 else {}))
    for key, value in (("loss", 1 - number / 100), ("system/cpu", 1.0)):
        points.add(connection, run, key, Points.of([0], [at], [value]))
    recording.finish(connection, run, Micros(at + MINUTE), "finished" if number % 5 else "failed")


def pairs_of(address: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(address).query)


def asked(workspace: Workspace, **given: object) -> RunsPage:
    return Reading(workspace).runs(RunsQuery(**given))  # type: ignore[arg-type]  # of one test each


def names(page: RunsPage) -> list[str]:
    return [row.name for row in page.rows]


def test_the_sentence_says_what_was_tried_and_which_did_best(workspace: Workspace) -> None:
    """How many runs there are, which has the best of the most telling metric, and how many of the shown failed."""
    page = asked(workspace)

    assert "60 runs; trial-59 has the lowest loss, 0.41. 9 of the 45 shown failed." == page.sentence


def test_columns_are_what_tells_the_runs_apart(workspace: Workspace) -> None:
    """Params that differ come first, tags of programs and metrics of the machine stay away."""
    ids = [column.id for column in asked(workspace).columns]

    assert ["metrics.loss", "params.lr", "params.model", "params.fixed", "tags.team"] == [
        id_ for id_ in ids if "." in id_
    ]
    assert {"status", "start_time", "end_time", "user_id", "experiment_id"} == {id_ for id_ in ids if "." not in id_}


def test_what_is_asked_about_has_a_column(workspace: Workspace) -> None:
    """A key of the filter or the order is shown, though it would not be otherwise."""
    page = asked(
        workspace, text="tags.mlflow.runName = 'x' AND metrics.system/cpu > 0".replace("system/cpu", '"system/cpu"')
    )

    assert {"tags.mlflow.runName", "metrics.system/cpu"} <= {column.id for column in page.columns}


def test_pages_meet_every_run_once(workspace: Workspace) -> None:
    """Following the addresses of the next pages to the end shows each run once, and the pinned on each page on top."""
    read, query = Reading(workspace), RunsQuery(order=("metrics.loss ASC",), columns=("status",))
    pinned = read.runs(query).rows[3]
    found: list[str] = []
    page = read.runs(RunsQuery(order=query.order, columns=query.columns, pins=(pinned.id,)))
    while True:
        assert [pinned.name] == [row.name for row in page.pinned]
        found += names(page)
        if not page.older:
            break
        page = read.runs(RunsQuery.of(pairs_of(page.older)))

    assert [f"trial-{number}" for number in range(RUNS - 1, -1, -1) if f"trial-{number}" != pinned.name] == found


@pytest.mark.parametrize(
    ("given", "position"),
    [
        ({"text": "metrics.loss ~ 3"}, 13),
        ({"text": "start_time > 'yesterday'"}, None),
        ({"order": ("metrics.loss SIDEWAYS",)}, 13),
        ({"order": ("datasets.name ASC",)}, None),
        ({"page": "nonsense"}, None),
        ({"group": "metrics.loss"}, None),
        ({"group": "nonsense"}, None),
    ],
)
def test_what_cannot_be_read_is_told_beside_the_rows(
    workspace: Workspace, given: dict[str, object], position: int | None
) -> None:
    """The page says where and why, and shows the runs without it; a program gets the error."""
    page = asked(workspace, **given)
    pairs = RunsQuery(**given).pairs()  # type: ignore[arg-type]  # of one test each

    assert (45, position) == (len(page.rows), page.problem_at)
    assert page.problem
    assert "left out" in render(page)
    if "page" not in given:
        with pytest.raises(InvalidFilter):
            Reading(workspace).found_runs(pairs)


def test_the_program_gets_what_the_page_shows(workspace: Workspace) -> None:
    """The API's runs are those of the page of the same words."""
    query = RunsQuery(text="params.lr > 0.5", order=("params.lr ASC",))

    assert names(asked(workspace, text=query.text, order=query.order)) == names(
        Reading(workspace).found_runs(query.pairs())
    )


def test_a_clause_is_taken_away_by_its_link(workspace: Workspace) -> None:
    """Each comparison of the filter stands there with the list without it."""
    page = asked(workspace, text="params.lr > 0.5 AND status = 'failed'")

    assert [
        ("params.lr > 0.5", "/runs?q=status+%3D+%27failed%27"),
        ("status = 'failed'", "/runs?q=params.lr+%3E+0.5"),
    ] == [(clause.text, clause.href) for clause in page.clauses]


def test_groups_open_in_place(workspace: Workspace) -> None:
    """Groups with counts and figures; the open one shows its runs; those without the param are a group too."""
    closed = asked(workspace, group="params.model")
    assert closed.groups is not None
    opened = asked(workspace, group="params.model", opened="params.model = 'cnn'")
    rest = next(group for group in closed.groups if group.is_missing)

    assert {"cnn": 20, "it's": 20, "none": 20} == {group.label: group.count for group in closed.groups}
    assert closed.sentence.startswith("3 groups by params.model, of 60 runs; the lowest mean loss, 0.7, is that of ")
    assert ([], 20) == (names(closed), len(opened.rows))
    figure = next(group.figures[0] for group in closed.groups if group.label == "it's")
    assert ("0.7", "0.41", "0.99") == (figure.mean, figure.least, figure.greatest)
    assert 20 == len(Reading(workspace).runs(RunsQuery.of(pairs_of(rest.only))).rows)
    assert "trial-" not in render(closed)


@pytest.mark.parametrize(
    ("group", "labels"),
    [
        ("experiment_id", {"tuning", "Default"}),
        ("status", {"finished", "failed"}),
        ("tags.team", {"red", "none"}),
        ("parent", {"none"}),
        ("system", {"none"}),
    ],
)
def test_runs_are_grouped_by_what_they_are(workspace: Workspace, group: str, labels: set[str]) -> None:
    """By experiment, status, tag, parent and system, under the names people know."""
    page = asked(workspace, group=group)

    assert page.groups is not None
    assert labels == {one.label for one in page.groups}
    assert RUNS == sum(one.count for one in page.groups)


def test_the_picker_offers_what_there_is(workspace: Workspace) -> None:
    """Each key of any run can be a column; what is shown is ticked; more than fit are left out, and it is said."""
    page = asked(workspace, panel="columns", columns=("params.lr", "params.nobody"))
    offered = {choice.value: choice.is_chosen for group in page.picker for choice in group.choices}
    many = asked(workspace, columns=tuple(f"params.p{number}" for number in range(MOST_COLUMNS + 2)))

    assert (True, True, False, False) == (
        offered["params.lr"],
        offered["params.nobody"],
        offered["metrics.loss"],
        offered["tags.mlflow.runName"],
    )
    assert (MOST_COLUMNS, True) == (len(many.columns), "2 of those" in many.notice)


def test_one_experiment_and_its_name(workspace: Workspace) -> None:
    """Chosen by number; its name stands in the cell, and a click filters by its number."""
    chosen = next(choice for choice in asked(workspace).experiments if choice.label == "tuning")
    page = asked(workspace, experiments=(int(chosen.value),), columns=("experiment_id",))

    assert ({"tuning"}, {chosen.value}) == (
        {row.cells[0].text for row in page.rows},
        {row.cells[0].value for row in page.rows},
    )
    assert f"--experiment {chosen.value}" in page.command


def test_archived_runs_come_back(workspace: Workspace) -> None:
    """Archived they stand in their own list only, and restored they are where they were; a tag stays with them."""
    write, rows = Writing(workspace), asked(workspace).rows[:2]
    ids = [row.id for row in rows]
    write.tag_runs(ids, "kept", "yes")
    write.archive_runs(ids)
    gone = asked(workspace, life="deleted", columns=("tags.kept",))

    assert (58, {row.name for row in rows}) == (
        int(asked(workspace).sentence.split()[0]),
        {row.name for row in gone.rows if row.is_deleted and row.cells[0].text == "yes"},
    )
    write.restore_runs(ids)
    write.untag_runs(ids, "kept")
    assert "60 runs" in asked(workspace).sentence
    assert "No run fulfils this." == asked(workspace, text="tags.kept = 'yes'").sentence


def test_the_question_says_what_depends_on_the_runs(workspace: Workspace) -> None:
    """Parts of the runs and models made by them are counted; a run that is not there is named."""
    read, row = Reading(workspace), asked(workspace).rows[0]
    workspace.runs.start("part", parent=row.id).finish()
    with workspace.database.write() as connection:
        workspace.registry.register(
            connection, "late-flights", model=Digest("ab" * 32), run_id=row.id, data=(), code="", environment="",
            metrics={}, by="controller",
        )  # fmt: skip
    page = read.archive([row.id], "q=x")

    assert (f"Archive run {row.name}?", 1, 1) == (page.sentence, page.with_models, page.with_parts)
    assert "1 run of these made registered models" in render(page)
    with pytest.raises(NotFound, match="nobody"):
        read.archive(["nobody"], "")


def test_a_kept_view_is_there_for_all(workspace: Workspace) -> None:
    """Its tab leads to it and says when one is there; the one that stands first is what `/runs` leads to."""
    query = RunsQuery(text="status = 'failed'", order=("metrics.loss ASC",))
    Writing(workspace).save_view("failed", query.query(), is_default=True)
    here, elsewhere = Reading(workspace).runs(query), asked(workspace)

    assert [("failed", True, True)] == [(view.name, view.is_default, view.is_current) for view in here.views]
    assert [False] == [view.is_current for view in elsewhere.views]
    assert query == RunsQuery.of(pairs_of(here.views[0].href))
    assert query.query() == Reading(workspace).first_view()
    Writing(workspace).remove_view("failed")
    assert ("", ()) == (Reading(workspace).first_view(), asked(workspace).views)


def test_exports_are_the_selection(workspace: Workspace) -> None:
    """CSV of the list, JSON of some runs in its order, a notebook of the question; nothing else can be asked for."""
    read = Reading(workspace)
    query = RunsQuery(text="params.lr > 0.5", order=("params.lr ASC",))
    rows = list(csv.DictReader(io.StringIO("".join(read.exported(query, "csv")))))
    ids = [row["run_id"] for row in rows[:2]]
    some = json.loads("".join(read.exported(RunsQuery(order=("params.lr DESC",)), "json", ids)))

    assert [f"trial-{number}" for number in range(51, 60)] == [row["name"] for row in rows]
    assert ids[::-1] == [row["run_id"] for row in some]
    assert "hs.runs('params.lr > 0.5'" in "".join(read.exported(query, "notebook"))
    with pytest.raises(UserError, match="xlsx"):
        next(read.exported(query, "xlsx"))


def test_long_and_odd_values_are_shown_but_no_filter(workspace: Workspace) -> None:
    """A value that would not come back whole from a form is text only; a long one is cut."""
    workspace.runs.start("odd", params={"long": "x" * 300, "lines": "a\nb"}).finish()
    page = asked(workspace, text="run_name = 'odd'", columns=("params.long", "params.lines"))

    assert [(40, None), (3, None)] == [(len(cell.text), cell.value) for cell in page.rows[0].cells]


def test_long_values_do_not_burst_the_page(workspace: Workspace) -> None:
    """With 20 columns of long values a page stays within its budget: all are shown, and those that fit still filter."""
    params = {f"p{number}": f'"{"<" * 12}{"x" * 60}{number}"' for number in range(19)} | {"short": '"a"'}
    with workspace.database.write() as connection:
        for number in range(RUNS):
            recording.put_params(connection, RunId(f"run-{number:02}"), params)
    page = asked(workspace, columns=tuple(f"params.{key}" for key in params))
    cells = page.rows[0].cells

    assert len(render(page).encode()) < 150_000
    assert (20, True, "a") == (len(cells), all(cell.text for cell in cells), cells[-1].value)
    assert None in {cell.value for cell in cells}
