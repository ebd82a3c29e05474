"""Contexts of models, data and runs."""

from homeostat.core.clock import DAY, HOUR, MINUTE, Micros
from homeostat.ui.charts.records import Event
from homeostat.ui.contexts import (
    Block,
    Curve,
    DataPage,
    DatasetPage,
    DatasetRow,
    ErrorPage,
    Finding,
    Gate,
    ModelPage,
    ModelRow,
    ModelsPage,
    Pair,
    Reproduced,
    RunPage,
    RunRow,
    RunsPage,
    VersionRow,
)
from unit.ui.sample_systems import NOW, PROJECT, SYSTEM, on

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
MODEL = ModelRow(
    system=SYSTEM,
    number=14,
    digest=DIGEST,
    aliases=("challenger",),
    status="candidate",
    created_at=Micros(NOW - 2 * DAY),
    metrics=(Pair(name="auc", value="0.718"), Pair(name="brier", value="0.171")),
    gates_passed=4,
    gates_total=5,
    approval="requested",
    trigger="brier was in breach",
)
CHAMPION = ModelRow(
    system=SYSTEM,
    number=13,
    digest=DIGEST[::-1],
    aliases=("champion",),
    status="champion",
    created_at=Micros(NOW - 15 * DAY),
    metrics=(Pair(name="auc", value="0.709"), Pair(name="brier", value="0.173")),
    gates_passed=5,
    gates_total=5,
    approval="granted",
    trigger="20,000 new labels",
)
REJECTED = ModelRow(
    system=SYSTEM, number=9, digest=DIGEST, aliases=(), status="rejected", created_at=on("07-10"), trigger="age"
)
MODELS_PAGE = ModelsPage(
    project=PROJECT,
    now=NOW,
    sentence="late-flights v13 is champion; v14 waits for approval.",
    models=(MODEL, CHAMPION, REJECTED),
    systems=(SYSTEM, "fuel-burn"),
    older=9,
)
MODELS_EMPTY = ModelsPage(project=PROJECT, now=NOW, sentence="No model was trained yet.", models=(), systems=())
MODEL_PAGE = ModelPage(
    project=PROJECT,
    now=NOW,
    sentence="late-flights v14 passed 4 of 5 gates and waits for an approval.",
    model=MODEL,
    gates=(
        Gate(
            name="auc",
            status="passed",
            needed="at least 0.60",
            sentence="AUC is at least 0.706 with 95 % confidence.",
            value=0.718,
            low=0.706,
            high=0.730,
            rows=6120,
        ),
        Gate(
            name="not worse than champion",
            status="passed",
            needed="difference above −0.005",
            sentence="On the same rows its AUC is higher by 0.009; at worst lower by 0.001.",
            value=0.009,
            low=-0.001,
            high=0.019,
            rows=6120,
        ),
        Gate(
            name="slices by origin",
            status="failed",
            needed="at least 0.55 in each",
            sentence="LGA has 0.541 on 812 rows.",
            value=0.541,
            rows=812,
        ),
        Gate(name="latency", status="waived", needed="p99 at most 50 ms", sentence="Waived by local: warm-up."),
        Gate(name="approval", status="pending", needed="by reviewer", sentence="Outside the envelope: AUC +0.009."),
        Gate(name="beats baseline", status="not_applicable", needed="above 0.5", sentence="No baseline was given."),
    ),
    approval_sentence="Asked 2 days ago: the gate on approval needs a reviewer.",
    provenance=(
        Pair(name="run", value="run-0d6vz81k5q7r9x2m4n8p", href="/runs/run-0d6vz81k5q7r9x2m4n8p"),
        Pair(name="data", value="flights@214, weather@214", href="/data/flights"),
        Pair(name="code", value=DIGEST, is_digest=True),
    ),
    history=(
        Event(at=Micros(NOW - 2 * DAY), until=Micros(NOW - DAY), kind="shadow", label="generation 40"),
        Event(at=Micros(NOW - DAY), kind="canary", label="generation 41, 5 %"),
    ),
    reproduced=Reproduced(
        grade="B",
        sentence="late-flights@14 was made again, grade B: the same model by its canonical hash.",
        at=Micros(NOW - DAY),
        packages="Packages were installed from the lock.",
        differences=("hardware cpu: Xeon → EPYC",),
        cause="It does not depend on threads.",
    ),
)
MODEL_PAGE_NEW = ModelPage(
    project=PROJECT,
    now=NOW,
    sentence="late-flights v9 was rejected.",
    model=REJECTED,
    gates=(),
    approval_sentence="",
    provenance=(),
    history=(),
)
BLOCK = Block(
    id="block-7",
    dataset="flights",
    at=Micros(NOW - DAY),
    source="feed/2013-10-28",
    rows=913,
    is_whole=True,
    resolved="",
    sentence="The median of distance is 1,609, 1.61 times the reference; at most 1.5 times is expected.",
    findings=(
        Finding(
            expectation="scale like the reference",
            column="distance",
            observed="1.61 ×",
            expected="0.67 to 1.5 ×",
            severity="block",
        ),
        Finding(
            expectation="known values", column="carrier", observed="ZZ", expected="one of 16", severity="warn", rows=3
        ),
    ),
)
RESOLVED = Block(
    id="block-3",
    dataset="flights",
    at=on("05-15"),
    source="feed/2013-05-14",
    rows=1,
    is_whole=False,
    resolved="The feed was sent again and accepted as version 93.",
    sentence="1 row has no origin.",
)
DATASETS = (
    DatasetRow(
        name="flights",
        version=300,
        id=DIGEST,
        rows=271_044,
        columns=18,
        changed_at=Micros(NOW - DAY),
        has_contract=True,
        open_blocks=1,
    ),
    DatasetRow(
        name="weather",
        version=301,
        id=DIGEST[::-1],
        rows=21_600,
        columns=15,
        changed_at=Micros(NOW - HOUR),
        has_contract=False,
        open_blocks=0,
    ),
)
DATA_PAGE = DataPage(
    project=PROJECT,
    now=NOW,
    sentence="1 append to flights is blocked since yesterday; retraining of late-flights waits for it.",
    state="breach",
    datasets=DATASETS,
    blocks=(BLOCK, RESOLVED),
)
DATA_EMPTY = DataPage(
    project=PROJECT, now=NOW, sentence="No data was added yet.", state="unknown", datasets=(), blocks=()
)
SCHEMA = (Pair(name="scheduled", value="timestamp[us, UTC]"), Pair(name="distance", value="int64"))
DATASET_PAGE = DatasetPage(
    project=PROJECT,
    now=NOW,
    sentence="flights grew by 913 rows a day; its latest append is blocked.",
    dataset=DATASETS[0],
    schema=SCHEMA,
    versions=tuple(
        VersionRow(
            number=300 - index,
            id=DIGEST,
            rows=271_044 - 900 * index,
            rows_added=900,
            created_at=Micros(NOW - (index + 1) * DAY),
            source=f"feed/{index}",
        )
        for index in range(4)
    ),
    blocks=(BLOCK,),
    older=297,
)
DATASET_PLAIN = DatasetPage(
    project=PROJECT,
    now=NOW,
    sentence="weather is as it was added.",
    dataset=DATASETS[1],
    schema=SCHEMA,
    versions=(),
    blocks=(),
)
RUN = RunRow(
    id="run-0d6vz81k5q7r9x2m4n8p",
    name="late-flights retraining",
    kind="pipeline",
    status="finished",
    system=SYSTEM,
    started_at=Micros(NOW - 2 * DAY),
    finished_at=Micros(NOW - 2 * DAY + 14 * MINUTE),
    metrics=(Pair(name="auc", value="0.718"),),
)
FAILED = RunRow(
    id="run-0d6vz81k5q7r9x2m4n8q",
    name="baseline",
    kind="run",
    status="failed",
    system="",
    started_at=Micros(NOW - HOUR),
    finished_at=None,
)
RUNS_PAGE = RunsPage(
    project=PROJECT,
    now=NOW,
    sentence="The latest run failed an hour ago; 41 of 42 finished.",
    runs=(FAILED, RUN),
    systems=(SYSTEM,),
    older="run-0d6vz81k5q7r9x2m4n8p",
)
RUNS_EMPTY = RunsPage(project=PROJECT, now=NOW, sentence="Nothing ran yet.", runs=(), systems=())
RUN_PAGE = RunPage(
    project=PROJECT,
    now=NOW,
    sentence="Made late-flights v14, better than the champion by 0.009 AUC.",
    run=RUN,
    params=(Pair(name="max_iter", value="60"), Pair(name="seed", value="1")),
    curves=(Curve(name="loss", last=0.4123, values=tuple(1 / (index + 1) for index in range(40)), points=600),),
    artifacts=(Pair(name="importance.json", value="2.1 kB"),),
    provenance=(Pair(name="code", value=DIGEST, is_digest=True),),
)
RUN_FAILED = RunPage(
    project=PROJECT,
    now=NOW,
    sentence="Failed in step train.",
    run=FAILED,
    params=(),
    curves=(),
    artifacts=(),
    provenance=(),
    error="Traceback (most recent call last):\n  ValueError: <b>no rows</b>",
)
ERROR_PAGE = ErrorPage(
    project=PROJECT,
    now=NOW,
    status=404,
    code="not-found",
    message="There is no system 'late-flight'. There are: fuel-burn, late-flights.",
)
