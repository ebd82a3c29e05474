"""`homeostat runs` and `homeostat sync`."""

import json
import math
from pathlib import Path

import pytest

from command_line import Call
from homeostat.cli.runs import sparkline
from homeostat.workspace import Workspace


@pytest.fixture
def ids(project: Path) -> list[str]:
    """Two finished runs in the project."""
    found: list[str] = []
    with Workspace.open(project) as workspace:
        for number in range(2):
            with workspace.runs.start(f"run-{number}", params={"lr": number / 10}, tags={"team": "x"}) as run:
                for step in range(5):
                    run.log(loss=float(step + number))
                run.log(blown=math.nan)
                run.text("a.txt", "a")
            found.append(run.id)
    return found


def test_filter_and_order(call: Call, ids: list[str]) -> None:
    """The list holds what the filter says, in the order asked for, page by page."""
    everything = json.loads(call("runs", "list", "--order", "metrics.loss DESC", "--json").out)
    first = json.loads(call("runs", "list", "--order", "metrics.loss DESC", "--limit", "1", "--json").out)
    some = call("runs", "list", "params.lr > 0.05")

    assert ids[::-1] == [one["run"]["id"] for one in everything["runs"]]
    assert (ids[1:], True) == ([one["run"]["id"] for one in first["runs"]], bool(first["next_token"]))
    assert [False, True] == [one in some.out for one in ids]


def test_a_filter_that_cannot_be_read(call: Call, ids: list[str]) -> None:
    """Where and why, with the exit code of a wrong command line."""
    ended = call("runs", "list", "metrics.loss ~ 3")

    assert 2 == ended.code
    assert "position 14" in ended.err


def test_show_draws_curves(call: Call, ids: list[str]) -> None:
    """Params, the latest values and a line for each curve."""
    out = call("runs", "show", ids[0]).out

    assert all(text in out for text in ("run-0", "param lr = 0.0", "▁▃▅▆█", "4 at 4 of 5 points", "a.txt"))


def test_compare_and_diff(call: Call, ids: list[str]) -> None:
    """Side by side all values, and of a difference only what differs."""
    compared = json.loads(call("runs", "compare", *ids, "--json").out)["rows"]
    differing = json.loads(call("runs", "diff", *ids, "--json").out)["rows"]

    assert {ids[0]: "0.0", ids[1]: "0.1"} == compared["params.lr"] == differing["params.lr"]
    assert "tags.team" in compared
    assert "tags.team" not in differing
    assert call("runs", "compare", ids[0]).code == 2


def test_exports_hold_every_run(call: Call, ids: list[str], tmp_path: Path) -> None:
    """A row each, NaN included."""
    rows = json.loads(call("runs", "export", "--format", "json").out)
    call("runs", "export", "--to", str(tmp_path / "runs.csv"))
    lines = (tmp_path / "runs.csv").read_text().splitlines()

    assert set(ids) == {row["run_id"] for row in rows}
    assert ("nan", 4.0, 0.0) == (rows[1]["metrics.blown"], rows[1]["metrics.loss"], rows[1]["params.lr"])
    assert (3, True) == (len(lines), "metrics.loss" in lines[0])


def test_a_notebook_is_written_for_the_same_runs(call: Call, ids: list[str], tmp_path: Path) -> None:
    """Filter, order and experiment of the command stand in its call of hs.runs; a wrong filter leaves no file."""
    path, wrong = tmp_path / "runs.ipynb", tmp_path / "wrong.csv"
    asked = ("--experiment", "Default", "--order", "metrics.loss ASC")
    call("runs", "export", "params.lr > 0.05", *asked, "--format", "notebook", "--to", str(path))
    code = "".join(json.loads(path.read_text())["cells"][1]["source"])

    assert "hs.runs('params.lr > 0.05', experiment=['0'], order_by=['metrics.loss ASC'])" in code
    assert (2, False) == (call("runs", "export", "metrics.loss ~ 3", "--to", str(wrong)).code, wrong.exists())


def test_deleted_restored_collected(call: Call, ids: list[str]) -> None:
    """Gone from the list, back, and gone for good only when it is meant."""
    call("runs", "delete", ids[0])
    assert ids[0] in call("runs", "list", "--deleted").out
    call("runs", "restore", ids[0])
    assert ids[0] in call("runs", "list").out
    call("runs", "delete", ids[0])
    said = call("runs", "gc", "--older-than", "0").out
    done = json.loads(call("runs", "gc", "--older-than", "0", "--yes", "--json").out)

    assert "Would delete 1 runs" in said
    assert [ids[0]] == done["runs"]
    assert 3 == call("runs", "show", ids[0]).code


def test_nothing_to_bring_home(call: Call, project: Path, tmp_path: Path) -> None:
    """A folder that holds no runs is named."""
    ended = call("sync", str(tmp_path))

    assert 3 == ended.code
    assert "holds no runs" in ended.err


def test_lines_of_text() -> None:
    """Low to high; blank where there is no number; flat if nothing moves."""
    assert "▁▃▅▆█" == sparkline([0, 1, 2, 3, 4])
    assert "▁ █" == sparkline([0, math.nan, 1])
    assert "▁▁" == sparkline([2.0, 2.0])
    assert "" == sparkline([])
    assert 24 == len(sparkline([float(value) for value in range(1000)]))
