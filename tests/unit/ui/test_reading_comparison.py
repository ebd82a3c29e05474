"""Comparisons read from a real workspace."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import delete

from homeostat.core.clock import HOUR, parse_iso
from homeostat.core.errors import NotFound
from homeostat.store.db.schema.track import run_params, run_series
from homeostat.ui.contexts import ComparePage, Fact, Line
from homeostat.ui.reading import Reading
from homeostat.ui.render import render
from homeostat.workspace import Config, Project, Store, Workspace
from unit.ui import sample_runs

START = parse_iso("2013-03-01")
LENGTH = 400
RUNS = 24


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with filled(tmp_path_factory.mktemp("compare"), RUNS) as made:
        yield made


@contextmanager
def filled(folder: Path, runs: int) -> Iterator[Workspace]:
    config = Config(project=Project(name="digits"), store=Store(clock="watermark"))
    with Workspace.create(folder / "project", config) as made:
        sample_runs.fill(made, runs, LENGTH, START)
        yield made


def query(*numbers: int, **more: str) -> list[tuple[str, str]]:
    return [("run", f"run-{number:03}") for number in numbers or range(RUNS)] + list(more.items())


def page(workspace: Workspace, *numbers: int, **more: str) -> ComparePage:
    return Reading(workspace).comparison(query(*numbers, **more))


def fact(found: ComparePage, kind: str, name: str) -> Fact:
    return next(one for one in found.facts if (one.kind, one.name) == (kind, name))


def test_the_sentence_says_what_differs(workspace: Workspace) -> None:
    """How many parameters, which one matters, which run is best, and that the code is not the same."""
    assert (
        "2 of 3 parameters differ (lr, optimizer); of them lr matters most for val/loss. Best val/loss: adam-9 at 0.2. "
        "They ran 2 versions of the code."
    ) == page(workspace).sentence


def test_two_runs_are_best_by_the_goal(workspace: Workspace) -> None:
    """A loss is better when lower, unless somebody says otherwise; an accuracy when higher."""
    assert "sgd-5 at 0.22" in page(workspace, 0, 5).sentence
    assert "adam-0 at 0.3" in page(workspace, 0, 5, goal="greatest").sentence
    assert "sgd-5 at 0.78" in page(workspace, 0, 5, objective="accuracy").sentence


def test_one_run_is_no_comparison(workspace: Workspace) -> None:
    """The page says how many it takes, and is whole."""
    found = page(workspace, 1)

    assert "Choose 2 to 200 runs to compare." == found.sentence
    assert "Nothing to compare yet" in render(found)


def test_a_run_that_is_not_there_is_named(workspace: Workspace) -> None:
    """In the page and in whatever else is asked of it."""
    asked = [*query(0, 1), ("run", "gone")]
    for read in (Reading(workspace).comparison, Reading(workspace).comparison_table):
        with pytest.raises(NotFound, match="'gone'"):
            read(asked)


def test_only_differences_are_shown_unless_all_are_asked_for(workspace: Workspace) -> None:
    """What is the same everywhere is counted; inputs that are not as in the first run are marked, results never."""
    few, all_ = page(workspace, 0, 1), page(workspace, 0, 1, all="1")

    assert {"batch"} == {one.name for one in all_.facts if one.kind == "parameter"} - {
        one.name for one in few.facts if one.kind == "parameter"
    }
    assert len(all_.facts) - len(few.facts) == few.same
    assert (("0.1", "0.01"), (False, True)) == (
        fact(few, "parameter", "lr").values,
        fact(few, "parameter", "lr").differs,
    )
    assert (False, False) == fact(few, "metric", "val/loss").differs
    assert ("00000000", "11111111") == fact(few, "data", "digits").values
    assert "&lt;b&gt;vision&lt;/b&gt;" in render(all_)


def test_two_runs_are_compared_in_code_packages_and_data(workspace: Workspace) -> None:
    """Files that differ with their lines; packages with their versions; datasets with their digests."""
    found = page(workspace, 0, 1).surroundings
    assert found is not None
    (file,) = found.files

    assert ("1 file of code differs: 1 changed.", "train.py", "~") == (found.code, file.path, file.sign)
    assert {"-rate = 0.1", "+rate = 0.2", "+momentum = 0.9"} <= set(file.lines)
    assert [("numpy", "2.1.0", "2.2.0")] == [(one.name, one.before, one.after) for one in found.packages]
    assert [("digits", "00000000", "11111111")] == [(one.name, one.before, one.after) for one in found.data]


def test_the_pair_can_be_chosen(workspace: Workspace) -> None:
    """Of many runs any two; of the same kind, nothing differs."""
    found = page(workspace, left="run-003", right="run-001").surroundings
    assert found is not None

    assert ("run-003", "run-001") == (found.left, found.right)
    assert ("Both ran the same code.", "Both ran on the same packages.", "Both read the same data.") == (
        found.code,
        found.environment,
        found.datasets,
    )


def line(found: ComparePage, metric: str, key: str) -> Line:
    panel = next(one for one in found.panels if one.metric == metric)
    return next(one for one in panel.lines if one.key == key)


def test_spikes_and_gaps_are_in_the_curves(workspace: Workspace) -> None:
    """The spike of run 1 at its height, the gap of run 2 as nothing; each curve stands for all its points."""
    found = page(workspace, 0, 1, 2)

    assert 9.0 == max(value for value in line(found, "train/loss", "run-001").high if value is not None)
    assert None in line(found, "train/loss", "run-002").mean
    assert line(found, "train/loss", "run-002").holes
    assert LENGTH == line(found, "train/loss", "run-000").points


def test_curves_are_over_steps_time_or_time_since_the_start(workspace: Workspace) -> None:
    """Runs that began at different hours lie over each other only since their start."""
    ends = {
        x: [one.x[0] for one in page(workspace, 0, 1, x=x, metric="train/loss").panels[0].lines]
        for x in ("time", "relative")
    }

    assert HOUR == pytest.approx(ends["time"][1] - ends["time"][0], rel=0.01)
    assert ends["relative"][0] == pytest.approx(ends["relative"][1], abs=4e6)


def test_a_group_is_its_mean_and_band(workspace: Workspace) -> None:
    """Twenty-four runs of three optimizers make three lines of eight runs each; the mean lies within the band."""
    lines = page(workspace, group="optimizer", metric="train/loss").panels[0].lines

    assert {("adam", 8, 1), ("lion", 8, 2), ("sgd", 8, 3)} == {(one.label, one.runs, one.hue) for one in lines}
    for one in lines:
        for low, mean, high in zip(one.low, one.mean, one.high, strict=True):
            assert low is None or mean is None or high is None or low <= mean <= high


def test_colours_are_for_few_or_for_those_pointed_out(workspace: Workspace) -> None:
    """Eight runs have one each; of more, the best has one, or those that are picked."""
    few, many = page(workspace, *range(8)), page(workspace)
    picked = page(workspace, pick="run-004")

    assert list(range(1, 9)) == [run.hue for run in few.runs]
    assert {"run-009"} == {run.id for run in many.runs if run.hue}
    assert {"run-004"} == {run.id for run in picked.runs if run.hue}


def test_many_runs_stand_best_first(workspace: Workspace) -> None:
    """Their values of the objective ascend, for a loss."""
    values = [run.objective for run in page(workspace).runs if run.objective is not None]

    assert sorted(values) == values
    assert RUNS == len(values)


def test_a_brush_dims_what_lies_outside(workspace: Workspace) -> None:
    """Runs whose rate is not within the range are still there, and faint."""
    found = page(workspace, brush="param lr:0.005..0.2")

    assert {0.1, 0.01} == {sample_runs.rate(int(run.id[-3:])) for run in found.runs if run.is_within}
    assert RUNS == len(found.runs)


def test_what_matters_is_named_with_its_sign(workspace: Workspace) -> None:
    """The rate decides the loss, though its best value lies in the middle; words have no rank correlation."""
    found = page(workspace).importance
    assert found is not None

    assert ["lr", "optimizer"] == [weight.name for weight in found.weights]
    assert [False, True] == [weight.correlation is None for weight in found.weights]
    assert page(workspace).view.across == "param lr"


def test_few_runs_say_that_they_are_too_few(workspace: Workspace) -> None:
    """Nothing is made of chance."""
    found = page(workspace, 0, 1, 2).importance
    assert found is not None

    assert ("Too few runs: 3 runs", ()) == (found.sentence[:20], found.weights)


def test_columns_know_numbers_from_words(workspace: Workspace) -> None:
    """A rate over three decades has a logarithmic axis; an optimizer one of words."""
    columns = {column.key: column for column in page(workspace).columns}

    assert (True, ()) == (columns["param lr"].is_log, columns["param lr"].words)
    assert sample_runs.OPTIMIZERS == columns["param optimizer"].words
    assert "param batch" not in columns


def test_a_plot_has_axes_that_there_are(workspace: Workspace) -> None:
    """Those asked for, if they are known; else the objective over what matters most, or over the first parameter."""
    few = page(workspace, 0, 1, across="param gone", colour="metric gone").view
    chosen = page(workspace, across="metric val/loss", up="param lr", colour="param optimizer").view

    assert ("param lr", "metric val/loss", "") == (few.across, few.up, few.colour)
    assert ("metric val/loss", "param lr", "param optimizer") == (chosen.across, chosen.up, chosen.colour)


def test_a_closer_look_has_more_buckets(workspace: Workspace) -> None:
    """A range of steps comes back point by point when it is small enough, with a smoothed line if asked."""
    (panel,) = (
        Reading(workspace)
        .comparison_curves(query(0, 1, metric="train/loss", span="step:100..120", smooth="0.5"), 200)
        .panels
    )
    one = panel.lines[0]

    assert tuple(float(step) for step in range(100, 121)) == one.x
    assert ((), 21) == (one.low, len(one.smooth))
    assert (100.0, 120.0) == (panel.start, panel.end)


def test_the_table_has_a_row_for_each_run(workspace: Workspace) -> None:
    """As the list of runs is exported: params, tags and the latest metrics."""
    head, *rows = Reading(workspace).comparison_table(query(0, 1)).splitlines()

    assert {"run_id", "params.lr", "tags.team", "metrics.val/loss"} <= set(head.split(","))
    assert ["run-000", "run-001"] == [row.split(",")[0] for row in rows]


def test_runs_that_say_nothing_are_a_page(tmp_path: Path) -> None:
    """Without params and metrics there is no curve, no importance, no plot, and no error."""
    with filled(tmp_path, 2) as workspace:
        with workspace.database.write() as connection:
            connection.execute(delete(run_params))
            connection.execute(delete(run_series))
        found = page(workspace, 0, 1)

    assert "No run has a parameter. They ran 2 versions of the code." == found.sentence
    assert "No metric has more than one point" in render(found)
