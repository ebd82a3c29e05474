"""What the replay came to: figures counted from the log, the ledger and the monitor, never from the driver's hopes."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from homeostat.core.clock import Micros
from homeostat.loop import queries
from homeostat.loop.records import DecisionRow
from homeostat.monitor import queries as monitor_queries
from homeostat.monitor.facts import SetpointBreached
from homeostat.monitor.records import Figures
from homeostat.pipelines import queries as pipeline_queries
from homeostat.pipelines.records import Stored
from homeostat.registry import queries as registry_queries
from homeostat.stats.auc import auc
from homeostat.store import ledger
from homeostat.store.lineage import node
from homeostat.workspace import Workspace
from late_flights.feed import WEEK
from late_flights.pipeline import score_unchanged
from late_flights.replay import SYSTEM, Counts


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """One week: as answered, and as the first model would have answered had it never been replaced."""

    week: int
    figures: Figures
    auc_static: float
    brier_static: float


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The demo's result, as `summary.json` holds it.

    Attributes:
        requests, failed_requests, retried_requests: sent by the driver.
        dropped: predictions that were asked for and are not in the log.
        quarantined_rows: rows that the contracts kept out of appends they accepted otherwise.
        auc_mean, brier_mean: means over the weeks, each flight scored by the arm that answered it.
        auc_mean_static, brier_mean_static: the same for the first model, never retrained.
        setpoint_breaches: times a setpoint went from met or unknown to breach; of those that the data decide.
        latency_breaches: the same for the latency, which the machine decides.
        breach_to_champion_event_time_h: hours of event time from the onset of a breach to the champion that answers it.
        training_s: wall time of pipeline runs of the loop.
        loop_overhead_s: wall time in which the replay waited for the loop beyond trainings.
        p50_ms, p99_ms: of requests, at the driver.
    """

    weeks: int
    requests: int
    predictions: int
    failed_requests: int
    retried_requests: int
    dropped: int
    predictions_logged: int
    labels_sent: int
    labels_joined: int
    retrains: int
    promotions: int
    rejected: int
    rollbacks: int
    blocked_appends: int
    quarantined_rows: int
    auc_mean: float
    auc_mean_static: float
    brier_mean: float
    brier_mean_static: float
    setpoint_breaches: int
    latency_breaches: int
    breach_to_champion_event_time_h: list[float]
    weekly: list[Week]
    wall_s: float
    training_s: float
    loop_overhead_s: float
    p50_ms: float
    p99_ms: float

    @property
    def outcome(self) -> dict[str, Any]:
        """All that data and seed decide: the same in every run, whatever the machine does."""
        of_the_machine = {
            "wall_s",
            "training_s",
            "loop_overhead_s",
            "p50_ms",
            "p99_ms",
            "retried_requests",
            "latency_breaches",
        }
        return {name: value for name, value in msgspec.to_builtins(self).items() if name not in of_the_machine}


def summarise(workspace: Workspace, counts: Counts, *, weeks: int, wall_s: float) -> Summary:
    """Read what the workspace holds after the replay.

    Args:
        counts: of the driver.
        weeks: how many were replayed.
        wall_s: wall time of the replay.
    """
    with workspace.database.read() as connection:
        decisions = queries.read_decisions(connection, system=SYSTEM, without=("none", "watch", "hold"), limit=100_000)
        ingested = monitor_queries.ingested(connection, SYSTEM)
        breaches = ledger.entries(connection, system=SYSTEM, kinds=(SetpointBreached.kind,), limit=100_000)
        runs = pipeline_queries.recent(connection, system=SYSTEM, limit=100_000)
    breached = [msgspec.json.decode(entry.body, type=SetpointBreached).setpoint for entry in breaches]
    logged = len(workspace.log.predictions(SYSTEM, "")[0])
    weekly = compare_with_static(workspace, weeks)
    training_s = sum(run.finished_wall - run.started_wall for run in runs if run.finished_wall is not None)
    return Summary(
        weeks=weeks,
        requests=counts.requests,
        predictions=counts.predictions,
        failed_requests=counts.failed_requests,
        retried_requests=counts.retried_requests,
        dropped=counts.predictions - logged,
        predictions_logged=logged,
        labels_sent=counts.labels,
        labels_joined=ingested.labels,
        retrains=_count(decisions, "retrain"),
        promotions=_count(decisions, "promote"),
        rejected=_count(decisions, "blocked"),
        rollbacks=_count(decisions, "rollback"),
        blocked_appends=len(counts.blocked),
        quarantined_rows=sum(
            kept_out.rows
            for name in ("flights", "weather")
            for kept_out in workspace.datasets.quarantined(name)
            if not kept_out.is_block
        ),
        auc_mean=_mean([week.figures.auc for week in weekly]),
        auc_mean_static=_mean([week.auc_static for week in weekly]),
        brier_mean=_mean([week.figures.brier for week in weekly]),
        brier_mean_static=_mean([week.brier_static for week in weekly]),
        setpoint_breaches=len(breached) - breached.count("latency"),
        latency_breaches=breached.count("latency"),
        breach_to_champion_event_time_h=[
            decision.evidence["breach_to_champion_h"]
            for decision in reversed(decisions)
            if "breach_to_champion_h" in decision.evidence
        ],
        weekly=weekly,
        wall_s=round(wall_s, 2),
        training_s=round(training_s, 2),
        loop_overhead_s=round(counts.settling_s - training_s, 2),
        p50_ms=round(float(np.percentile(counts.latencies_ms, 50)), 2),
        p99_ms=round(float(np.percentile(counts.latencies_ms, 99)), 2),
    )


def compare_with_static(workspace: Workspace, weeks: int) -> list[Week]:
    """Every full week as it was answered, beside the first champion scored on the same labelled flights."""
    figures = workspace.monitor.weekly(SYSTEM)[:weeks]
    static = _static_scores(workspace, figures)
    compared = []
    for figure in figures:
        rows = static.filter(pl.col("at").is_between(figure.start_at, figure.start_at + WEEK, closed="left"))
        label, score = rows["late"].cast(pl.Float64).to_numpy(), rows["score"].to_numpy()
        compared.append(
            Week(
                week=(figure.start_at - workspace.weeks_from) // WEEK,
                figures=figure,
                auc_static=auc(score, label == 1.0).value,
                brier_static=float(np.mean((score - label) ** 2)),
            )
        )
    return compared


def _static_scores(workspace: Workspace, figures: Sequence[Figures]) -> pl.DataFrame:
    """Scores of the first champion for every labelled flight of the replayed weeks: at (µs), late, score."""
    with workspace.database.read() as connection:
        first = registry_queries.version(connection, SYSTEM, 1)
    until = Micros(figures[-1].start_at + WEEK)
    span = until - figures[0].start_at
    run = workspace.pipelines.run(
        score_unchanged,
        {
            "model": Stored(codec="model", digest=first.model, blob=first.model, node=node("model", first.model)),
            "flights": workspace.datasets.window("flights", last_us=span, on="scheduled", until=until),
            "weather": workspace.datasets.window("weather", last_us=span + WEEK, on="time", until=until),
        },
    )
    scores: pl.DataFrame = workspace.pipelines.value(run.result).polars()
    return scores.with_columns(pl.col("scheduled").dt.epoch("us").alias("at"))


def _count(decisions: Sequence[DecisionRow], verdict: str) -> int:
    return sum(decision.verdict == verdict for decision in decisions)


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4)
