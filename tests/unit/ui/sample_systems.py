"""One realistic context for each page: a flight-delay system at the end of October 2013."""

import math
import random

from homeostat.core.clock import DAY, HOUR, Micros, parse_iso
from homeostat.ui.charts.records import Event
from homeostat.ui.contexts import (
    Arm,
    DecisionRow,
    DecisionsPage,
    Evidence,
    OverviewPage,
    Pair,
    SetpointReading,
    SystemCard,
    SystemPage,
    Week,
)

PROJECT = "flights"
START = parse_iso("2013-02-12")
NOW = parse_iso("2013-10-29T06:00:00Z")
END = parse_iso("2014-01-01")
SYSTEM = "late-flights"


def on(text: str) -> Micros:
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
        at = on(text)
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
        Event(at=on("02-14"), kind="deploy", label="v1 is champion", href=f"/models/{SYSTEM}/1"),
        Event(at=on("02-13"), kind="approval", label="v1 approved by local"),
        Event(at=on("08-20"), kind="approval", label="v11 approved by local"),
        Event(at=on("05-15"), kind="blocked", label="Append blocked: distances in kilometres", href="/data/flights"),
        Event(at=on("09-02"), kind="blocked", label="Append blocked: 31 % of dep_time missing", href="/data/flights"),
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
        since=on("10-26"),
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
        since=on("03-01"),
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
