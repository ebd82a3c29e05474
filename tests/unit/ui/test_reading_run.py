"""The page of a run, read from a real workspace."""

import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from homeostat.capture.code import snapshot
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound, UserError
from homeostat.core.ids import RunId
from homeostat.registry import logged as logged_models
from homeostat.store import lineage as graph
from homeostat.store.db.schema.track import runs as run_rows
from homeostat.store.lineage import Edge
from homeostat.track import recording
from homeostat.track.run import Run
from homeostat.ui.contexts import Preview, RunPage
from homeostat.ui.reading import Reading
from homeostat.ui.render import render
from homeostat.workspace import Config, Project, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "project", Config(project=Project(name="digits"))) as made:
        yield made


def logged(
    workspace: Workspace, name: str = "digits", *, surroundings: Mapping[str, Any] | None = None, **values: float
) -> str:
    """A finished run of one experiment with these latest values; `lr` is its param."""
    lr = values.pop("lr", 0.1)
    with workspace.runs.start(name, experiment="tuning", params={"lr": lr}, surroundings=surroundings) as run:
        run.metrics({key.replace("__", "/"): value for key, value in values.items()})
    return str(run.id)


def read(workspace: Workspace, run_id: str, **query: str) -> RunPage:
    page = Reading(workspace).run(run_id, query)
    assert render(page)
    return page


def test_a_run_is_held_against_the_one_before(workspace: Workspace) -> None:
    """The sentence compares the leading metric with the run before of that name, and ranks it in its experiment."""
    logged(workspace, val__loss=0.30, train__loss=0.1)
    logged(workspace, "other", val__loss=0.10)
    before = logged(workspace, val__loss=0.25, train__loss=0.1)
    page = read(workspace, logged(workspace, lr=0.2, val__loss=0.20, train__loss=0.4))

    assert (
        "digits: val/loss 0.2 is better than the run before (0.25); it ranks 2 of 4 in its experiment." == page.sentence
    )
    assert before == page.against
    assert page.overview is not None
    assert [("lr", "0.2", "0.1")] == [(row.name, row.value, row.before) for row in page.overview.params]
    assert [("val/loss", "better"), ("train/loss", "worse")] == [
        (row.key, row.verdict) for row in page.overview.metrics
    ]
    assert ["lr 0.1 → 0.2"] == [pair.value for pair in page.overview.differences]


def test_another_run_can_be_chosen(workspace: Workspace) -> None:
    """Whatever run the address names is the one it is held against; one that is not there is named."""
    first, second = (logged(workspace, name, accuracy=value) for name, value in (("first", 0.9), ("second", 0.8)))
    page = read(workspace, first, against=second)

    assert "first: accuracy 0.9 is better than second (0.8); it ranks 1 of 2 in its experiment." == page.sentence
    with pytest.raises(NotFound, match="run-nowhere"):
        read(workspace, first, against="run-nowhere")


def test_a_failure_is_the_answer(workspace: Workspace) -> None:
    """A run that failed says so with the last line of its error, and its log has all of it."""
    with pytest.raises(ValueError, match="no rows"), workspace.runs.start("digits") as run:
        raise ValueError("no rows")
    page = read(workspace, run.id, tab="log")

    assert "digits failed: ValueError: no rows" == page.sentence
    assert page.log is not None
    assert "Traceback" in page.log.error


def test_a_run_of_a_client_shows_alike(workspace: Workspace) -> None:
    """Note, user, source and commit of a run that a client of MLflow logged stand where ours stand."""
    run_id = logged(workspace, loss=0.3)
    run = workspace.runs.resume(run_id)
    for key, value in {
        "mlflow.note.content": "by a *client*",
        "mlflow.source.git.commit": "ab" * 20,
        "mlflow.source.name": "client.py",
        "team": "vision",
    }.items():
        run.tag(key, value)
    run.finish()
    page, code = read(workspace, run_id), read(workspace, run_id, tab="code").code

    assert page.overview is not None
    assert code is not None
    assert ("by a *client*", "<p>by a <em>client</em></p>\n") == (page.overview.note, page.overview.note_html)
    assert ["team"] == [pair.name for pair in page.overview.tags]
    assert ("commit", "ab" * 20) == (code.facts[0].name, code.facts[0].value)


def test_a_note_runs_nothing(workspace: Workspace) -> None:
    """Markup, scripts and links that would run something in a note are text on the page."""
    with workspace.runs.start("digits") as run:
        run.note("<script>alert(1)</script> [x](javascript:alert(1)) ![i](http://elsewhere/i.png)")
    html = render(read(workspace, run.id))

    assert "<script>alert" not in html
    assert 'href="javascript' not in html
    assert "<img" not in html


def test_curves_are_thinned_and_grouped(workspace: Workspace) -> None:
    """Metrics stand in groups by what their names begin with, each in a few hundred numbers that keep the extremes."""
    with workspace.runs.start("digits") as run:
        for step in range(5000):
            run.log(step, **{"train/loss": 1e6 if step == 3333 else 1.0, "system/cpu_percent": 5.0, "lr": 0.1})
    page = read(workspace, run.id, tab="curves")

    assert page.curves is not None
    assert ["", "train"] == [group.name for group in page.curves.groups]
    chart = page.curves.groups[1].charts[0]
    assert (5000, 1e6, True) == (
        chart.points,
        max(value or 0 for value in chart.lines[0].high),
        len(chart.lines[0].x) <= 151,
    )
    assert len(render(page).encode()) < 60_000


def test_a_stretch_of_a_curve_is_asked_for_again(workspace: Workspace) -> None:
    """A range of steps has only its own points, more finely; over a logarithm and over time the same metric is there."""
    with workspace.runs.start("digits") as run:
        for step in range(10_000):
            run.log(step, loss=step + 1)
    near = read(workspace, run.id, tab="curves", **{"from": "100", "to": "140"}).curves

    assert near is not None
    assert [float(step) for step in range(100, 141)] == list(near.groups[0].charts[0].lines[0].x)
    for axis in ("step", "time", "relative"):
        shown = read(workspace, run.id, tab="curves", x=axis, log="1").curves
        assert shown is not None
        assert (axis, True) == (shown.x, shown.groups[0].charts[0].is_log)


def test_one_point_stands_in_the_middle(workspace: Workspace) -> None:
    """The axis of a single point has room on either side, over steps and over time."""
    run_id = logged(workspace, loss=1.0)
    for axis in ("step", "time", "relative"):
        shown = read(workspace, run_id, tab="curves", x=axis).curves
        assert shown is not None
        chart = shown.groups[0].charts[0]
        assert chart.start is not None
        assert chart.end is not None
        assert chart.start < chart.lines[0].x[0] < chart.end


def test_what_is_no_number_breaks_the_line(workspace: Workspace) -> None:
    """NaN and infinities are holes of the line, and the page says what can be drawn."""
    with workspace.runs.start("digits") as run:
        for value in (1.0, math.nan, math.inf, 2.0):
            run.log(loss=value, none=math.nan)
    page = read(workspace, run.id, tab="curves")

    assert page.curves is not None
    assert [(1.0, None, None, 2.0), (None,) * 4] == [chart.lines[0].values for chart in page.curves.groups[0].charts]
    assert "Nothing here that can be drawn" in render(page)


@pytest.mark.parametrize(
    "query",
    [{"tab": "nothing"}, {"tab": "curves", "x": "y"}, {"tab": "curves", "from": "a"}, {"tab": "curves", "page": "-1"}],
)
def test_an_address_that_cannot_be_read_is_named(workspace: Workspace, query: dict[str, str]) -> None:
    """A word of the address that means nothing is an error of the caller, not of the server."""
    with pytest.raises(UserError, match=r"nothing|'y'|'a'|'-1'"):
        Reading(workspace).run(logged(workspace, loss=1.0), query)


def test_curves_for_a_browser(workspace: Workspace) -> None:
    """The JSON of some metrics has as many buckets as the browser has pixels, and names a metric that is not there."""
    with workspace.runs.start("digits") as run:
        for step in range(2000):
            run.log(step, loss=1.0, other=2.0)
    found = Reading(workspace).curves(run.id, ["loss"], {"width": "500"})

    assert ["loss"] == [chart.key for chart in found.charts]
    assert 250 <= len(found.charts[0].lines[0].x) <= 501
    with pytest.raises(NotFound, match="'nothing'"):
        Reading(workspace).curves(run.id, ["nothing"], {})


def test_nodes_share_one_axis(workspace: Workspace) -> None:
    """Each node of a distributed training is a line of the machine's charts, over one axis of time."""
    with workspace.runs.start("digits") as run:
        run.metrics({"system/cpu_percent": 10.0})
        with workspace.runs.start("node-1", kind="node", parent=run.id) as node:
            node.metrics({"system/cpu_percent": 20.0})
            node.metrics({"system/gpu_0_percent": 70.0})
    page = read(workspace, run.id, tab="system")

    assert page.system is not None
    assert [("cpu", ["digits", "node-1"]), ("gpu 0", ["node-1"])] == [
        (group.name, [line.name for line in group.charts[0].lines]) for group in page.system.groups
    ]
    assert 1 == len({(group.charts[0].start, group.charts[0].end) for group in page.system.groups})


def shown(workspace: Workspace, run: Run, name: str) -> Preview:
    page = read(workspace, run.id, tab="artifacts", file=name)
    assert page.artifacts is not None
    assert page.artifacts.shown is not None
    return page.artifacts.shown


def test_files_are_looked_at_without_running_them(workspace: Workspace) -> None:
    """Each kind of file has the look that fits it; a page or a script is only ever text."""
    parquet = io.BytesIO()
    pl.DataFrame({"k": range(100), "v": ["<b>"] * 100}).write_parquet(parquet)
    with workspace.runs.start("digits") as run:
        run.image("pixels", np.zeros((4, 4), dtype="uint8"))
        run.text("pic.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>")
        run.audio("beep", np.zeros(100), rate=8000)
        run.text("report.md", "# Title\n\n<script>x</script>")
        run.text("page.html", "<script>alert(1)</script>")
        run.text("config.json", '{"a":{"b":[1]}}')
        run.table("table", {"a": [1, 2], "b": ["x", None]})
        run.artifact("data/rows.parquet", parquet.getvalue())
        run.text("rows.csv", "x,y\n" + "\n".join(f"{row},{row}" for row in range(200)))
        run.artifact("weights.bin", b"\0\1\2" * 50)
    looks = {
        name: shown(workspace, run, name)
        for name in (
            "pixels.png",
            "pic.svg",
            "beep.wav",
            "report.md",
            "page.html",
            "config.json",
            "table.json",
            "data/rows.parquet",
            "rows.csv",
            "weights.bin",
        )
    }

    assert {
        "pixels.png": "image",
        "pic.svg": "image",
        "beep.wav": "audio",
        "report.md": "markdown",
        "page.html": "text",
        "config.json": "text",
        "table.json": "table",
        "data/rows.parquet": "table",
        "rows.csv": "table",
        "weights.bin": "none",
    } == {name: look.kind for name, look in looks.items()}
    assert '{\n  "a": {\n    "b": [\n      1\n    ]\n  }\n}' == looks["config.json"].text
    assert "<script>" not in looks["report.md"].text
    assert (("k (Int64)", "v (String)"), ("0", "<b>"), 50) == (
        looks["data/rows.parquet"].columns,
        looks["data/rows.parquet"].rows[0],
        len(looks["data/rows.parquet"].rows),
    )
    assert ("x", "y") == looks["rows.csv"].columns
    assert "200" == looks["rows.csv"].facts[0].value
    assert (("1", "x"), ("2", "–")) == looks["table.json"].rows
    assert "<script>alert" not in render(read(workspace, run.id, tab="artifacts", file="page.html"))


def test_files_are_found_by_their_paths(workspace: Workspace) -> None:
    """Only files whose paths hold the text are listed, however many there are, and the one that is looked at stays."""
    with workspace.runs.start("digits") as run:
        for number in range(12):
            run.text(f"epoch-{number}/report.txt", str(number))
    page = read(workspace, run.id, tab="artifacts", find="EPOCH-11", file="epoch-3/report.txt")

    assert page.artifacts is not None
    assert page.artifacts.shown is not None
    assert ["epoch-11", "report.txt"] == [file.name for file in page.artifacts.files]
    assert "3" == page.artifacts.shown.text


def test_a_model_is_described_without_being_loaded(workspace: Workspace) -> None:
    """The columns that a model needs and what it is made of are shown; its pickle is not opened."""
    rows = pl.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    with workspace.runs.start("digits") as run:
        run.model("classifier", LogisticRegression().fit(rows.to_numpy(), [0, 0, 1, 1]), example=rows)
    look = shown(workspace, run, "classifier/model.msgpack")

    assert ("model", ("a", "float")) == (look.kind, look.rows[0])
    assert "library sklearn" in " ".join(fact.name for fact in look.facts)
    assert ("a", "b") == shown(workspace, run, "classifier/input_example.json").columns


def test_an_mlmodel_tells_its_flavours_and_signature(workspace: Workspace) -> None:
    """What an MLmodel says of flavours, signature and input example is read from its text."""
    inputs = json.dumps([{"type": "double", "name": "age", "required": True}])
    text = (
        "artifact_path: model\nflavors:\n  python_function:\n    env: conda.yaml\n  sklearn:\n    code: null\n"
        f"mlflow_version: 3.4.0\nmodel_id: m-1\nsaved_input_example_info:\n  artifact_path: input_example.json\n"
        f'signature:\n  inputs: \'{inputs}\'\n  outputs: \'[{{"type": "tensor", "tensor-spec": {{"dtype": "int64", "shape": [-1]}}}}]\'\n'
    )
    with workspace.runs.start("digits") as run:
        run.text("model/MLmodel", text)
    facts = {fact.name: fact.value for fact in shown(workspace, run, "model/MLmodel").facts}

    assert {
        "flavours": "python_function, sklearn",
        "mlflow version": "3.4.0",
        "model id": "m-1",
        "input example": "input_example.json",
        "inputs": "age double",
        "outputs": "int64 [-1]",
    } == facts


def test_a_damaged_file_is_not_shown(workspace: Workspace) -> None:
    """A file whose bytes are not what its digest says is told of, and never sent."""
    with workspace.runs.start("digits") as run:
        run.text("report.txt", "as it was")
    page = read(workspace, run.id, tab="artifacts")
    assert page.artifacts is not None
    assert page.artifacts.shown is not None
    path = workspace.objects.path(Digest(page.artifacts.shown.digest))
    path.chmod(0o644)
    path.write_text("changed")
    look = shown(workspace, run, "report.txt")

    assert ("none", "") == (look.kind, look.text)
    assert look.note


def test_a_file_that_is_not_kept_is_named(workspace: Workspace) -> None:
    """Neither a look nor a download reaches beyond the names that the run gave."""
    with workspace.runs.start("digits") as run:
        run.text("report.txt", "x")
    for name in ("../homeostat.db", "nothing"):
        with pytest.raises(NotFound, match="keeps no file"):
            Reading(workspace).file(run.id, name, "")

    assert "x" == Path(Reading(workspace).file(run.id, "report.txt", "").path).read_text()


def captured(workspace: Workspace, folder: Path, files: dict[str, str]) -> dict[str, Any]:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return {
        "code": snapshot(folder, workspace.objects),
        "git": {"commit": "ab" * 20, "branch": "main", "dirty": "true"},
    }


def test_code_is_compared_line_by_line(workspace: Workspace, tmp_path: Path) -> None:
    """What changed, came and went since the other run is shown as a unified diff for each file."""
    first = captured(
        workspace, tmp_path / "a", {"train.py": "lr = 0.1\nfit()\n", "old.py": "x = 1\n", "same.py": "y = 1\n"}
    )
    second = captured(
        workspace, tmp_path / "b", {"train.py": "lr = 0.2\nfit()\n", "new.py": "z = 1\n", "same.py": "y = 1\n"}
    )
    logged(workspace, surroundings=first, loss=0.2)
    page = read(workspace, logged(workspace, surroundings=second, loss=0.1), tab="code", file="train.py")

    assert page.code is not None
    assert "3 files differ from the run before." == page.code.sentence
    assert [("~", "train.py", 1, 1), ("+", "new.py", 1, 0), ("-", "old.py", 0, 1)] == [
        (change.sign, change.path, change.added, change.removed) for change in page.code.changes
    ]
    assert [("@", "@@ -1,2 +1,2 @@"), ("-", "lr = 0.1"), ("+", "lr = 0.2"), (" ", "fit()")] == [
        (line.op, line.text) for line in page.code.changes[0].lines
    ]
    assert page.code.shown is not None
    assert "lr = 0.2\nfit()\n" == page.code.shown.text
    assert "had changes" in {fact.value for fact in page.code.facts}
    assert [True] * 3 == [f"&against={page.against}&" in file.href for file in page.code.files]


def test_environments_are_compared(workspace: Workspace, tmp_path: Path) -> None:
    """Packages, machine and variables that differ from the other run are named with both values."""
    made = []
    for version, threads in (("2.4.5", "2"), ("2.4.6", "1")):
        environment = {
            "type": "environment",
            "python": "3.11.7",
            "implementation": "cpython",
            "platform": "linux",
            "machine": "x86_64",
            "packages": [["numpy", version, "ab" * 32], ["six", "1.17", "cd" * 32]],
        }
        digest = workspace.objects.put(json.dumps(environment).encode())
        made.append(
            logged(workspace, surroundings={"environment": digest, "variables": {"OMP_NUM_THREADS": threads}}, loss=0.1)
        )
    page = read(workspace, made[1], tab="environment")

    assert page.environment is not None
    assert [("package", "numpy", "2.4.5", "2.4.6"), ("variable", "OMP_NUM_THREADS", "2", "1")] == [
        (change.kind, change.name, change.before, change.after) for change in page.environment.changes
    ]
    assert "2 things differ from the run before." == page.environment.sentence


def test_data_is_linked_to_its_version(workspace: Workspace) -> None:
    """A dataset of ours leads to its page; one of others says where it came from; a version that changed says so."""
    made = []
    for number in (11, 12):
        with workspace.runs.start("digits", experiment="tuning") as run:
            run.dataset(f"flights@{number}", context="training")
            run.dataset("digits", digest="abc")
        made.append(run.id)
    page = read(workspace, made[1], tab="data")

    assert page.data is not None
    assert [("digits", "", "", ""), ("flights", "/data/flights/12", "training", "11")] == sorted(
        (row.name, row.href, row.context, row.before) for row in page.data.inputs
    )


def test_lineage_goes_both_ways(workspace: Workspace, tmp_path: Path) -> None:
    """The graph leads from data and code to the run, and from it to the model version it made."""
    around = captured(workspace, tmp_path / "a", {"train.py": "x"})
    with workspace.runs.start("digits", surroundings=around) as run:
        run.dataset("flights@12", context="training")
    with workspace.database.write() as connection:
        workspace.registry.register(
            connection,
            "late-flights",
            model=Digest("ab" * 32),
            run_id=run.id,
            data=("dataset:flights@12",),
            code=around["code"],
            environment="",
            metrics={"auc": 0.7},
            by="controller",
        )
    page = read(workspace, run.id, tab="lineage")

    assert page.lineage is not None
    nodes = {node.name: node for node in page.lineage.graph.nodes}
    assert "/data/flights/12" == nodes["dataset:flights@12"].href
    assert "/models/late-flights/1" == nodes["model-version:late-flights@1"].href
    assert "digits" == nodes[f"run:{run.id}"].label
    assert ("dataset:flights@12", f"run:{run.id}") in page.lineage.graph.links


def test_a_long_lineage_is_not_walked_to_its_end(workspace: Workspace) -> None:
    """Of data with hundreds of versions before it, the picture has the nearest and says that there are more."""
    with workspace.runs.start("digits") as run:
        run.dataset("flights@500", context="training")
    steps = [Edge(f"dataset:flights@{number}", f"dataset:flights@{number - 1}", "append") for number in range(2, 501)]
    with workspace.database.write() as connection:
        graph.record(connection, workspace.clock.now(), steps)
    page = read(workspace, run.id, tab="lineage")

    assert page.lineage is not None
    assert (40, True) == (len(page.lineage.graph.nodes), page.lineage.is_cut)
    assert "flights@500" in [node.label for node in page.lineage.graph.nodes]
    assert "at least " in render(page)


def test_a_logged_model_is_a_file_tree_and_a_node(workspace: Workspace) -> None:
    """Files of a model that a client of MLflow logged stand in the tree under its name, and it is a node of the lineage."""
    run_id = logged(workspace, loss=0.1)
    content = workspace.objects.put(b"flavors:\n  python_function: {}\n")
    model = logged_models.LoggedModel(
        id="m-1",
        experiment_id=1,
        name="net",
        model_type="",
        source_run_id=run_id,
        status="ready",
        status_message="",
        created_at=Micros(1),
        updated_at=Micros(1),
        deleted_at=None,
    )
    with workspace.database.write() as connection:
        logged_models.create(connection, model)
        logged_models.keep_file(connection, "m-1", logged_models.File(name="MLmodel", digest=content, size_bytes=30))
        recording.made(connection, RunId(run_id), "m-1", 7)
    page, lineage = (
        read(workspace, run_id, tab="artifacts", file="MLmodel", model="m-1"),
        read(workspace, run_id, tab="lineage"),
    )
    data = read(workspace, run_id, tab="data").data

    assert page.artifacts is not None
    assert page.artifacts.shown is not None
    assert lineage.lineage is not None
    assert data is not None
    assert ["models", "net", "MLmodel"] == [file.name for file in page.artifacts.files]
    assert ("flavours", "python_function") == (page.artifacts.shown.facts[0].name, page.artifacts.shown.facts[0].value)
    assert "net" in [node.label for node in lineage.lineage.graph.nodes]
    assert [("made", "net", "logged model, step 7")] == [(model.way, model.name, model.detail) for model in data.models]
    assert b"flavors" in Path(Reading(workspace).file(run_id, "MLmodel", "m-1").path).read_bytes()


def test_what_was_printed_is_kept_to_its_end(workspace: Workspace) -> None:
    """Of a long output the page has the end, and the address of all of it."""
    with workspace.runs.start("digits") as run:
        run.text("output.txt", "x" * 100_000 + "the end")
    page = read(workspace, run.id, tab="log")

    assert page.log is not None
    assert (True, True, f"/runs/{run.id}/files/output.txt") == (
        page.log.is_cut,
        page.log.output.endswith("the end"),
        page.log.href,
    )


def test_a_page_stays_small(workspace: Workspace, tmp_path: Path) -> None:
    """However much a run says, each tab fits the budget of a page, and says what it leaves out."""
    around = [
        captured(workspace, tmp_path / side, {f"{n}.py": f"{side} <&> {n}\n" * 500 for n in range(80)}) for side in "ab"
    ]
    for surroundings in around:
        with workspace.runs.start(
            "big", surroundings=surroundings, params={f"p{n}": f"<{n}>" * 200 for n in range(900)}
        ) as run:
            run.params(differs=surroundings["code"])
            run.text("output.txt", "<&>" * 100_000)
            run.text("long.txt", "<" * 500_000)
            run.note("word " * 2000)
            for step in range(50):
                run.metrics({f"group-{n % 9}/metric_{n}": n + step for n in range(300)}, step)
    for query in (
        {},
        *({"tab": tab} for tab in ("curves", "artifacts", "code", "environment", "log")),
        {"tab": "artifacts", "file": "long.txt"},
    ):
        page = read(workspace, run.id, **query)
        assert len(render(page).encode()) < 150_000
    overview = read(workspace, run.id).overview

    assert overview is not None
    assert ("differs", 701, 200) == (overview.params[0].name, overview.more_params, overview.more_metrics)


def test_a_run_that_has_not_begun_is_a_page(workspace: Workspace) -> None:
    """A run that a client announced, and one that is under way without a word, can be looked at in every tab."""
    run_id = logged(workspace)
    for status, said in (
        ("scheduled", "digits has not begun."),
        ("running", "digits is running; it logged no metric."),
    ):
        with workspace.database.write() as connection:
            connection.execute(run_rows.update().where(run_rows.c.id == run_id).values(status=status))
        for tab in ("overview", "curves", "system", "artifacts", "code", "environment", "data", "lineage", "log"):
            assert said == read(workspace, run_id, tab=tab).sentence
