"""`homeostat runs` and `homeostat sync`."""

import json
import math
from pathlib import Path

import pytest

from command_line import Call
from homeostat.capture.code import snapshot
from homeostat.cli.runs_text import sparkline
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

    assert all(text in out for text in ("run-0", "lr  0.0", "▁▃▅▆█", "4  at 4 of 5 points", "a.txt"))


def test_a_list_draws_its_first_metric(call: Call, ids: list[str]) -> None:
    """Each row has the curve of the metric that tells most, and no metric of the machine."""
    out = call("runs", "list").out

    assert 2 == out.count("▁▃▅▆█")
    assert ["run", "name", "status", "started", "took", "loss", "loss", "blown"] == out.splitlines()[0].split()


def test_runs_go_by_short_names(call: Call, ids: list[str]) -> None:
    """The end of an id, a name and `latest` name a run; what names several says which, and what names none says so."""
    shown = {
        text: json.loads(call("runs", "show", text, "--json").out)["run"]["id"]
        for text in (ids[0][-6:], "run-0", "latest")
    }
    several, none = call("runs", "show", "run-"), call("runs", "show", "run-7")

    assert {ids[0][-6:]: ids[0], "run-0": ids[0], "latest": ids[1]} == shown
    assert (2, True) == (several.code, all(one in several.err for one in ids))
    assert (3, True) == (none.code, "'run-7'" in none.err)


def test_a_diff_says_which_is_better(call: Call, ids: list[str]) -> None:
    """Of a metric whose name tells which way is better, and of no other."""
    lines = {line.split()[0]: line for line in call("runs", "diff", *ids).out.splitlines() if line.strip()}

    assert lines["metrics.loss"].endswith("worse")
    assert not lines["params.lr"].endswith(("better", "worse"))


def test_a_diff_shows_code_and_packages(call: Call, project: Path) -> None:
    """Files that changed, line by line if asked, and packages of another version."""
    found = []
    with Workspace.open(project) as workspace:
        for number in range(2):
            folder = project / f"code-{number}"
            folder.mkdir()
            (folder / "train.py").write_text(f"lr = {number}\nfit()\n")
            packages = [["numpy", f"2.{number}", "ab" * 32]]
            described = {"type": "environment", "python": "3", "implementation": "c", "platform": "l", "machine": "x"}
            environment = workspace.objects.put(json.dumps({**described, "packages": packages}).encode())
            around = {"code": snapshot(folder, workspace.objects), "environment": environment}
            with workspace.runs.start("coded", surroundings=around) as run:
                found.append(run.id)
    short, whole = call("runs", "diff", *found).out, call("runs", "diff", *found, "--code").out

    assert ("~ train.py" in short, "numpy 2.0 → 2.1" in short, "+lr = 1" in short) == (True, True, False)
    assert ["-lr = 0", "+lr = 1", " fit()"] == whole.splitlines()[-3:]


def test_people_say_more_of_a_run(call: Call, ids: list[str]) -> None:
    """Tags, note and name are changed by short names, and a change that says nothing is refused."""
    call("runs", "tag", "run-0", ids[1][-6:], "--set", "state=good = fine", "--remove", "team")
    call("runs", "note", "run-0", "It **holds**.")
    call("runs", "rename", "run-1", "kept")
    first, second = (json.loads(call("runs", "show", one, "--json").out) for one in ids)

    assert [{"state": "good = fine"}] * 2 == [first["tags"], second["tags"]]
    assert ("It **holds**.", "kept") == (first["run"]["note"], second["run"]["name"])
    assert [2, 2] == [call("runs", "tag", "kept").code, call("runs", "tag", "kept", "--set", "x").code]


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
