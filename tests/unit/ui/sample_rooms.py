"""Contexts of models, data and runs."""

import msgspec

from homeostat.core.clock import DAY, HOUR, Micros
from homeostat.ui.charts.records import Event
from homeostat.ui.contexts import (
    Block,
    Cell,
    Change,
    ColumnRow,
    DataPage,
    DatasetPage,
    DatasetRow,
    DifferencePage,
    ErrorPage,
    FileRow,
    Finding,
    Gate,
    Judgement,
    ModelPage,
    ModelRow,
    ModelsPage,
    Pair,
    RemoteRow,
    Reproduced,
    SampleRow,
    Use,
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
VERSIONS = tuple(
    VersionRow(
        number=300 - index,
        id=DIGEST,
        rows=271_044 - 900 * index,
        rows_added=900,
        created_at=Micros(NOW - (index + 1) * DAY),
        created_by="feed",
        source=f"feed/{index}",
        labels=("branch mend", "2013-q4") if index == 1 else (),
        is_forgotten=index == 3,
        uses=index,
    )
    for index in range(4)
)
COLUMNS = (
    ColumnRow(
        name="distance",
        type="int64",
        change="values differ",
        is_profiled=True,
        nulls=0.012,
        distinct=1_609,
        range="80 to 4983",
        live=tuple(float(index % 7) for index in range(40)),
        reference=tuple(float(index % 5) for index in range(40)),
        drift=0.031,
    ),
    ColumnRow(name="carrier", type="large_string", is_profiled=True, distinct=16, range="2 to 2 characters"),
    ColumnRow(name="tailnum", type="large_string", change="gone"),
)
FILES = (
    FileRow(sign="+", path="a/new <file>.png", size=2_048, was=None),
    FileRow(sign="-", path="a/old.png", size=None, was=2_050),
    FileRow(sign="~", path="readme.md", size=120, was=90),
)
JUDGEMENT = Judgement(
    contract="flights",
    state="breach",
    sentence="3 of 903 rows went to quarantine; 17 of 18 expectations were met.",
    notable=(
        Finding(
            expectation="not null", column="origin", observed="3 nulls", expected="none", severity="quarantine", rows=3
        ),
    ),
    met=(Finding(expectation="known values", column="carrier", observed="16", expected="one of 16", severity="met"),),
)
DATASET_PAGE = DatasetPage(
    project=PROJECT,
    now=NOW,
    sentence="flights 300: 900 rows were added at the end; none before changed.",
    dataset=DATASETS[0],
    version=VERSIONS[0],
    change=Change(
        against=299,
        sentence="Values of distance differ among 900 rows.",
        touched=(Pair(name="distance", value="among 900 rows"),),
    ),
    judgement=JUDGEMENT,
    columns=COLUMNS,
    profiled_as="Bars: the rows that are new in this version. Outline: the version before.",
    systems=(SYSTEM, "fuel-burn"),
    uses=(
        Use(what="model", name="late-flights v14", href="/models/late-flights/14", version=300, note="champion"),
        Use(what="pipeline", name="train_late_flights", href="/pipelines/train_late_flights?run=run-1", version=214),
    ),
    remotes=(
        RemoteRow(name="backup", url="file:///backup", state="met", sentence="Has 300 versions."),
        RemoteRow(
            name="cloud",
            url="s3://bucket",
            state="unknown",
            sentence="This page asks no server.",
            command="homeostat data push flights@300 --remote cloud",
        ),
    ),
    versions=VERSIONS,
    blocks=(BLOCK,),
    older=297,
)
DATASET_PLAIN = DatasetPage(
    project=PROJECT,
    now=NOW,
    sentence="weather 301: It is the first version, with 21,600 rows.",
    dataset=DATASETS[1],
    version=VERSIONS[3],
    change=Change(against=0, sentence="It is the first version, with 21,600 rows."),
    judgement=None,
    columns=COLUMNS,
    systems=(),
    uses=(),
    remotes=(),
    versions=(),
    blocks=(),
    is_large=True,
)
DATASET_FILES = DatasetPage(
    project=PROJECT,
    now=NOW,
    sentence="photos 2: 1 file added, 1 removed, 1 changed. Nothing has used it yet.",
    dataset=msgspec.structs.replace(DATASETS[1], name="photos", is_files=True),
    version=VERSIONS[1],
    change=Change(against=1, sentence="1 file added, 1 removed, 1 changed.", files=FILES, more_files=12),
    judgement=None,
    columns=(),
    systems=(),
    uses=(),
    remotes=(),
    versions=VERSIONS,
    blocks=(),
    is_files=True,
    size=8_812_345,
)
DIFFERENCE_PAGE = DifferencePage(
    project=PROJECT,
    now=NOW,
    sentence="flights 299 to 300: 1 row added, 1 removed, 1 changed (by key).",
    dataset="flights",
    before=299,
    after=300,
    key="key",
    known=("key", "distance"),
    schema=(Pair(name="tailnum", value="large_string → absent"),),
    columns=("key", "distance"),
    more_columns=3,
    rows=(
        SampleRow(op="before", cells=(Cell(text="a1"), Cell(text="100", differs=True))),
        SampleRow(op="after", cells=(Cell(text="a1"), Cell(text="161", differs=True))),
        SampleRow(op="added", cells=(Cell(text="a2"), Cell(text="<b>7</b>"))),
        SampleRow(op="removed", cells=(Cell(text="a3"), Cell(text="–"))),
    ),
)
DIFFERENCE_FILES = DifferencePage(
    project=PROJECT,
    now=NOW,
    sentence="photos@1 to photos@2: 1 file added, 1 removed, 1 changed.",
    dataset="photos",
    before=1,
    after=2,
    key="",
    known=(),
    schema=(),
    files=FILES,
    more_files=4,
)
ERROR_PAGE = ErrorPage(
    project=PROJECT,
    now=NOW,
    status=404,
    code="not-found",
    message="There is no system 'late-flight'. There are: fuel-burn, late-flights.",
)
