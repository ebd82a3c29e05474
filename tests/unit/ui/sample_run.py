"""Contexts of one run, a page for each tab."""

import math
from typing import Any

from homeostat.core.clock import HOUR, MINUTE, Micros
from homeostat.ui.charts.records import CurveAxis, CurveChart, CurveLine, Graph, GraphNode
from homeostat.ui.contexts import (
    CurveGroup,
    DiffLine,
    EnvironmentChange,
    FileDiff,
    InputRow,
    MetricRow,
    ModelLink,
    OtherRun,
    Pair,
    ParamRow,
    PartRow,
    Preview,
    RunCode,
    RunCurves,
    RunData,
    RunEnvironment,
    RunFile,
    RunFiles,
    RunHead,
    RunLineage,
    RunLog,
    RunOverview,
    RunPage,
    Tab,
    TabLink,
)
from homeostat.ui.markdown import as_html
from unit.ui.sample_systems import NOW, PROJECT

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
RUN_ID = "run-0d6vz81k5q7r9x2m4n8p"
NOTE = "Halves the **learning rate**.\n\n- on digits\n\n<script>alert(1)</script>"
HEAD = RunHead(
    id=RUN_ID,
    name="digits <small>",
    kind="run",
    status="finished",
    system="late-flights",
    experiment="tuning",
    user="ada",
    source="train.py",
    started_at=Micros(NOW - HOUR),
    finished_at=Micros(NOW - HOUR + 14 * MINUTE),
    is_deleted=True,
)
OTHERS = (
    OtherRun(id="run-0d6vz81k5q7r9x2m4n8o", name="digits", started_at=Micros(NOW - 2 * HOUR), note="the run before"),
    OtherRun(id="run-0d6vz81k5q7r9x2m4n8n", name="wider", started_at=Micros(NOW - 3 * HOUR)),
)
TITLES: dict[Tab, str] = {
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


def line(name: str, shift: float = 0.0, *, is_band: bool = False) -> CurveLine:
    values = tuple(None if step == 40 else math.exp(-step / 40) + shift for step in range(150))
    low = tuple(None if value is None else value - 0.1 for value in values) if is_band else ()
    high = tuple(None if value is None else value + 0.1 for value in values) if is_band else ()
    return CurveLine(
        name=name, run=RUN_ID, x=tuple(float(10 * step) for step in range(150)), values=values, low=low, high=high
    )


def chart(key: str, *lines: CurveLine, x: CurveAxis = "step", is_log: bool = False) -> CurveChart:
    return CurveChart(key=key, points=1500, last=0.0241, lines=lines, x=x, is_log=is_log, start=0.0, end=1490.0)


CHARTS = tuple(
    chart(f"{group}/{name}", line("digits", is_band=True)) for group in ("train", "val") for name in ("loss", "error")
)
NO_NUMBER = CurveChart(
    key="broken", points=3, last=None, lines=(CurveLine(name="digits", run=RUN_ID, x=(0.0,), values=(None,)),)
)
CURVES = RunCurves(
    x="step",
    is_log=False,
    find="",
    metric="",
    low="",
    high="",
    groups=(
        CurveGroup(name="", charts=(NO_NUMBER,)),
        CurveGroup(name="train", charts=CHARTS[:2]),
        CurveGroup(name="val", charts=CHARTS[2:]),
    ),
    page=1,
    pages=2,
    total=30,
)
FULL = RunCurves(
    x="step",
    is_log=True,
    find="",
    metric="",
    low="10",
    high="900",
    groups=(
        CurveGroup(
            name="val",
            charts=tuple(
                chart(f"val/metric_{index}", line("digits", 0.3, is_band=True), is_log=True) for index in range(24)
            ),
        ),
    ),
    page=2,
    pages=2,
    total=48,
)
ONE = RunCurves(
    x="relative",
    is_log=False,
    find="",
    metric="val/loss",
    low="",
    high="",
    groups=(CurveGroup(name="val", charts=(chart("val/loss", line("digits", is_band=True), x="relative"),)),),
    page=1,
    pages=1,
    total=1,
)
TIMED = CurveLine(
    name="node-1",
    run="run-node",
    x=tuple(float(NOW + second * 10_000_000) for second in range(20)),
    values=tuple(50.0 + second for second in range(20)),
)
SYSTEM = RunCurves(
    x="time",
    is_log=False,
    find="",
    metric="",
    low="",
    high="",
    groups=(
        CurveGroup(
            name="cpu",
            charts=(
                CurveChart(
                    key="system/cpu_percent",
                    points=40,
                    last=69.0,
                    lines=(TIMED, CurveLine(name="node-2", run="run-node-2", x=TIMED.x, values=TIMED.values[::-1])),
                    x="time",
                    start=TIMED.x[0],
                    end=TIMED.x[-1],
                ),
            ),
        ),
    ),
    page=1,
    pages=1,
    total=1,
    nodes=("node-1", "node-2"),
)
OVERVIEW = RunOverview(
    note=NOTE,
    note_html=as_html(NOTE),
    params=(ParamRow(name="lr", value="0.05", before="0.1"), ParamRow(name="model.depth", value="3")),
    more_params=7,
    metrics=(
        MetricRow(
            key="val/loss",
            value=0.213,
            step=990,
            points=100,
            values=tuple(1 / (step + 1) for step in range(80)),
            before=0.254,
            verdict="better",
        ),
        MetricRow(key="val/accuracy", value=0.81, step=990, points=100, before=0.83, verdict="worse"),
        MetricRow(key="speed", value=float("inf"), step=0, points=1, before=3.0),
        MetricRow(key="auc", value=0.7, step=0, points=1, before=0.7, verdict="same"),
        MetricRow(key="new", value=float("nan"), step=0, points=1),
    ),
    more_metrics=12,
    tags=(Pair(name="team", value="vision"),),
    client_tags=(Pair(name="mlflow.user", value="ada"),),
    parent=Pair(name="run", value="sweep", href="/runs/run-0d6vz81k5q7r9x2m4n00"),
    parts=(
        PartRow(
            id="run-0d6vz81k5q7r9x2m4n01",
            name="fold 1",
            kind="run",
            status="scheduled",
            started_at=Micros(NOW - HOUR),
            finished_at=None,
            metrics=(Pair(name="val/loss", value="0.22"),),
        ),
    ),
    more_parts=3,
    models=(Pair(name="late-flights", value="late-flights v14", href="/models/late-flights/14"),),
    differences=(
        Pair(name="params", value="lr 0.1 → 0.05"),
        Pair(name="code", value="~ train.py", href=f"/runs/{RUN_ID}?tab=code"),
    ),
)
PLAIN = RunOverview(
    note="",
    note_html="",
    params=(),
    more_params=0,
    metrics=(),
    more_metrics=0,
    tags=(),
    client_tags=(),
    parent=None,
    parts=(),
    more_parts=0,
    models=(),
    differences=(),
)
TREE = (
    RunFile(name="report.md", depth=0, size=99, href="?tab=artifacts&file=report.md", is_shown=True),
    RunFile(name="data", depth=0, size=1_790, href=""),
    RunFile(name="x.parquet", depth=1, size=1_790, href="?tab=artifacts&file=data%2Fx.parquet"),
)


def preview(name: str, kind: Any, media_type: str, **more: Any) -> Preview:
    return Preview(
        name=name,
        digest=DIGEST,
        size=1_790,
        media_type=media_type,
        kind=kind,
        href=f"/runs/{RUN_ID}/files/{name}",
        **more,
    )


PREVIEWS = {
    "artifacts-markdown": preview("report.md", "markdown", "text/markdown", text=as_html("# Report\n\n<b>no</b>")),
    "artifacts-image": preview("icon.svg", "image", "image/svg+xml"),
    "artifacts-audio": preview("beep.wav", "audio", "audio/wav"),
    "artifacts-text": preview("page.html", "text", "text/html", text="<script>alert(1)</script>"),
    "artifacts-table": preview(
        "data/x.parquet",
        "table",
        "application/octet-stream",
        columns=("k (Int64)", "v"),
        rows=(("0", "<b>"), ("1", "–")),
        facts=(Pair(name="rows", value="100"),),
        note="Shown: the first 2 of 100 rows.",
    ),
    "artifacts-model": preview(
        "classifier/model.msgpack",
        "model",
        "application/vnd.homeostat.model",
        columns=("input", "type"),
        rows=(("a", "float"),),
        facts=(Pair(name="kind", value="classifier"),),
    ),
    "artifacts-none": preview("weights.bin", "none", "application/octet-stream", note="It is no text; download it."),
}
CODE = RunCode(
    facts=(Pair(name="commit", value=DIGEST, is_digest=True), Pair(name="branch", value="main")),
    changes=(
        FileDiff(
            path="train.py",
            sign="~",
            added=1,
            removed=1,
            lines=(
                DiffLine(op="@", text="@@ -1,2 +1,2 @@"),
                DiffLine(op=" ", text="import homeostat"),
                DiffLine(op="-", text="lr = 0.1"),
                DiffLine(op="+", text="lr = 0.05  # <b>"),
            ),
        ),
        FileDiff(
            path="weights.bin", sign="+", added=0, removed=0, lines=(), note="It is no text, or too large for a diff."
        ),
        FileDiff(path="old.py", sign="-", added=0, removed=1, lines=(DiffLine(op="-", text="x = 1"),)),
    ),
    sentence="3 files differ from the run before.",
    files=TREE,
    more=2,
    shown=preview("train.py", "text", "text/plain", text="lr = 0.05"),
)
ENVIRONMENT = RunEnvironment(
    digest=DIGEST,
    sentence="1 thing differs from the run before.",
    changes=(EnvironmentChange(kind="package", name="numpy", before="2.4.5", after="2.4.6"),),
    interpreter=(Pair(name="Python", value="cpython 3.11.7"),),
    packages=tuple(Pair(name=f"package-{index}", value="1.0") for index in range(80)),
    machine=(Pair(name="processor", value="EPYC"),),
    numerics=(Pair(name="openblas (blas)", value="0.3, 2 threads"),),
    variables=(Pair(name="OMP_NUM_THREADS", value="1"),),
)
DATA = RunData(
    inputs=(
        InputRow(
            name="flights",
            context="training",
            version="12",
            href="/data/flights/12",
            source="flights@12",
            about="",
            before="11",
        ),
        InputRow(
            name="digits",
            context="",
            version="abc123",
            href="",
            source="s3://bucket/digits",
            about="1,797 rows, columns a, b",
        ),
    ),
    models=(
        ModelLink(
            way="made", id="m-1", name="net", detail="logged model, step 0", href=f"/runs/{RUN_ID}?tab=artifacts"
        ),
        ModelLink(way="read", id="m-0", name="m-0", detail="logged model"),
    ),
)
LINEAGE = RunLineage(
    graph=Graph(
        title="What digits came from, and what came of it",
        nodes=(
            GraphNode(
                name="dataset:flights@12", label="flights@12", state="data", detail="dataset", href="/data/flights/12"
            ),
            GraphNode(name=f"run:{RUN_ID}", label="digits", state="ran", detail="this run", is_critical=True),
            GraphNode(
                name="model-version:late-flights@14", label="late-flights@14", state="plain", detail="model version"
            ),
        ),
        links=(("dataset:flights@12", f"run:{RUN_ID}"), (f"run:{RUN_ID}", "model-version:late-flights@14")),
    ),
    more=4,
)
LOG = RunLog(
    error="Traceback\n  ValueError: <b>no rows</b>",
    output="epoch 1\nepoch 2",
    is_cut=True,
    href=f"/runs/{RUN_ID}/files/output.txt",
    dropped=2,
)


def page(tab: Tab, shown: Any, *, against: str = OTHERS[0].id, head: RunHead = HEAD, error: str = "") -> RunPage:
    field: dict[str, Any] = {tab: shown}
    return RunPage(
        project=PROJECT,
        now=NOW,
        sentence="digits: val/loss 0.213 is better than the run before (0.254); it ranks 1 of 14 in its experiment.",
        run=head,
        tab=tab,
        tabs=tuple(
            TabLink(name=name, title=title, count=3 if name == "curves" else None) for name, title in TITLES.items()
        ),
        against=against,
        others=OTHERS if against else (),
        error=error,
        **field,
    )


NEW = RunHead(
    id=RUN_ID,
    name="first",
    kind="pipeline",
    status="running",
    system="",
    experiment="Default",
    user="",
    source="",
    started_at=NOW,
    finished_at=None,
    is_deleted=False,
)
RUN_PAGES: dict[str, RunPage] = {
    "overview": page("overview", OVERVIEW),
    "overview-new": page("overview", PLAIN, against="", head=NEW, error="ValueError: <b>"),
    "curves": page("curves", CURVES),
    "curves-full": page("curves", FULL),
    "curves-one": page("curves", ONE),
    "system": page("system", SYSTEM),
    "artifacts": page("artifacts", RunFiles(files=TREE, more=3, find="data", shown=PREVIEWS["artifacts-image"])),
    **{name: page("artifacts", RunFiles(files=TREE, more=0, find="", shown=shown)) for name, shown in PREVIEWS.items()},
    "artifacts-empty": page("artifacts", RunFiles(files=(), more=0, find="", shown=None)),
    "code": page("code", CODE),
    "environment": page("environment", ENVIRONMENT),
    "data": page("data", DATA),
    "lineage": page("lineage", LINEAGE),
    "log": page("log", LOG),
}
