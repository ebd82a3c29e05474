"""Pages of pipelines, read from a real workspace in which some ran."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from homeostat.core.errors import NotFound, StepFailed
from homeostat.pipelines.steps import Pipeline
from homeostat.store.db.schema.pipelines import actions
from homeostat.ui.reading import Reading
from homeostat.ui.render import render
from homeostat.workspace import Config, Project, Workspace

SOURCE = """
import homeostat as hs

FACTOR = {factor}

@hs.step
def doubled(values: list[int]) -> list[int]:
    return [2 * value for value in values]

@hs.step
def scaled(values: list[int]) -> list[int]:
    return [FACTOR * value for value in values]

@hs.step
def together(one: list[int], other: list[int]) -> int:
    if FACTOR == 0:
        raise ValueError("no factor")
    return sum(one) + sum(other)

@hs.pipeline
def totals(values: list[int]) -> int:
    twice = doubled(values)
    return together(twice, scaled(twice))
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with Workspace.create(tmp_path, Config(project=Project(name="sums"))) as made:
        monkeypatch.syspath_prepend(tmp_path)
        yield made
    sys.modules.pop("sums_of_pages", None)


def written(workspace: Workspace, factor: int) -> Pipeline:
    """The pipeline as it is in a module that was just written."""
    (workspace.root / "sums_of_pages.py").write_text(SOURCE.format(factor=factor))
    sys.modules.pop("sums_of_pages", None)
    found: Any = import_module("sums_of_pages")
    pipeline: Pipeline = found.totals
    return pipeline


def test_a_page_says_what_ran_what_was_reused_and_why(workspace: Workspace) -> None:
    """A constant that changed reruns the step that reads it and those after it; the page names it and draws the graph."""
    for factor in (3, 10):
        workspace.pipelines.run(written(workspace, factor), {"values": [1, 2]})
    page = Reading(workspace).pipeline("totals", run_id="", before=None)

    assert [("doubled", "cached"), ("scaled", "ran"), ("together", "ran")] == [
        (step.name, step.state) for step in page.steps
    ]
    assert [("constant", "3", "10")] == [(one.kind, one.before, one.after) for one in page.steps[1].changes]
    assert {("doubled", "scaled"), ("doubled", "together"), ("scaled", "together")} == set(page.graph.links)
    assert {"scaled", "together"} == {node.name for node in page.graph.nodes if node.is_critical}
    assert page.sentence.startswith("2 steps ran, 1 reused: for scaled, constant ")
    assert [(2, 1), (3, 0)] == [(run.ran, run.cached) for run in page.runs]


def test_an_earlier_run_has_its_address(workspace: Workspace) -> None:
    """A run of a pipeline is shown by its id; one of another name is not found."""
    pipeline = written(workspace, 3)
    first, _ = (workspace.pipelines.run(pipeline, {"values": [1]}) for _ in range(2))
    read = Reading(workspace)
    page = read.pipeline("totals", run_id=first.id, before=None)

    assert (first.id, 3, 2) == (page.run.id, page.run.ran, len(page.runs))
    assert "3 steps ran: doubled for the first time." == page.sentence
    with pytest.raises(NotFound, match="others"):
        read.pipeline("others", run_id=first.id, before=None)


def test_a_failure_leads_the_page(workspace: Workspace) -> None:
    """The step that failed, and what it raised, stand first."""
    with pytest.raises(StepFailed):
        workspace.pipelines.run(written(workspace, 0), {"values": [1]})
    read = Reading(workspace)
    page = read.pipeline("totals", run_id="", before=None)

    assert "totals failed in together." == page.sentence
    assert "no factor" in page.steps[2].error
    assert "The last run of totals failed." == read.pipelines().sentence


def test_a_reused_result_is_as_deterministic_as_when_it_was_made(workspace: Workspace) -> None:
    """What running a step twice came to stands with its result, also in later runs that reuse it."""
    pipeline = written(workspace, 3)
    workspace.pipelines.run(pipeline, {"values": [1]})
    action = workspace.pipelines.run(pipeline, {"values": [1]}).actions[0]
    with workspace.database.write() as connection:
        connection.execute(update(actions).where(actions.c.id == action.made_by).values(repeated="same"))

    assert ["same", "", ""] == [
        step.repeated for step in Reading(workspace).pipeline("totals", run_id="", before=None).steps
    ]


def test_runs_page_by_cursor(workspace: Workspace) -> None:
    """Following the cursor to the end meets each run exactly once."""
    pipeline = written(workspace, 3)
    ids = {workspace.pipelines.run(pipeline, {"values": [1]}).id for _ in range(22)}
    read = Reading(workspace)
    first = read.pipeline("totals", run_id="", before=None)
    second = read.pipeline("totals", run_id="", before=first.older)

    assert (20, 2, None) == (len(first.runs), len(second.runs), second.older)
    assert ids == {run.id for run in (*first.runs, *second.runs)}


def test_without_runs_the_page_says_so(workspace: Workspace) -> None:
    """Before anything ran the page tells which command fills it."""
    assert "homeostat run" in render(Reading(workspace).pipelines())
