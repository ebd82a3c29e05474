"""The demo: a workspace, its processes, the year, and what it came to."""

import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from homeostat.core.clock import Micros, moment
from homeostat.supervisor import Supervisor
from homeostat.workspace import Config, Project, Store, Workspace
from late_flights.feed import Feed
from late_flights.replay import LABELS_EVERY, Replay, loop_row
from late_flights.report import write_report
from late_flights.sabotage import Sabotage
from late_flights.source import YEAR_BEGINS
from late_flights.summary import Summary, summarise

CONFIG = Config(
    project=Project(name="flights", systems=("late_flights.system:system",), weeks_from=YEAR_BEGINS),
    store=Store(clock="watermark"),
)


def processes(root: Path) -> dict[str, list[str]]:
    """What has to run beside the driver."""
    return {
        "gateway": ["gateway", "--project", str(root), "--port", "0"],
        "controller": ["controller", "--project", str(root)],
    }


def run(root: Path, *, weeks: int, sabotage: bool, console: Console) -> Summary:
    """Replay `weeks` weeks in the empty project directory `root`; leave summary.json and report.html there."""
    begun = time.monotonic()
    broken = Sabotage() if sabotage else None
    with Workspace.create(root, CONFIG) as workspace, _progress(console) as progress:
        history = progress.add_task("Six weeks of history", total=1)
        feed = Feed()
        supervisor = Supervisor(processes(root), workspace.run_folder)
        year = progress.add_task("Waiting for the first model", total=weeks, visible=False)

        def on_hour(at: Micros) -> None:
            row = loop_row(workspace) if at % LABELS_EVERY == 0 else None
            if row is not None:
                doing = f"[dim]{moment(at):%d %b}[/]  champion v{row.progress.champion}  {row.phase}"
                progress.update(year, description=doing)

        def on_week(week: int) -> None:
            progress.advance(year)
            if not console.is_terminal:  # a log shows no bar
                console.print(f"week {week} is over, {time.monotonic() - begun:.0f} s")

        replay = Replay(
            workspace,
            feed,
            contracts=root / "contracts",
            sabotage=broken,
            on_week=on_week,
            on_hour=on_hour,
            check=supervisor.check,
        )
        replay.load_history()
        progress.update(history, completed=1)
        progress.update(year, visible=True)
        with supervisor:
            replay.run(weeks)
        progress.update(year, description="Counting")
        summary = summarise(workspace, replay.counts, weeks=weeks, wall_s=time.monotonic() - begun)
        (root / "report.html").write_text(write_report(workspace, summary, broken), encoding="utf-8")
    (root / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2))
    return summary


def show(summary: Summary, console: Console) -> None:
    """The weekly table and what it comes to."""
    table = Table(title="Week by week: as answered, and had the first model never been replaced", title_justify="left")
    for column in ("week of", "flights", "labels", "AUC", "unchanged", "Brier", "unchanged", "versions"):
        table.add_column(column, justify="left" if column == "week of" else "right")
    for week in summary.weekly:
        of = week.figures
        table.add_row(
            f"{moment(of.start_at):%d %b}",
            f"{of.predictions:,}",
            f"{of.coverage:.1%}",
            _better(of.auc, week.auc_static, higher=True),
            f"{week.auc_static:.3f}",
            _better(of.brier, week.brier_static, higher=False),
            f"{week.brier_static:.3f}",
            ", ".join(f"v{version}" for version in of.versions),
        )
    console.print(table)
    console.print(
        f"[bold]{summary.predictions:,}[/] predictions in {summary.requests:,} requests, "
        f"{summary.failed_requests} failed, {summary.dropped} dropped; {summary.labels_joined:,} labels joined."
    )
    console.print(
        f"Mean weekly AUC [bold]{summary.auc_mean:.3f}[/] (unchanged {summary.auc_mean_static:.3f}), "
        f"Brier [bold]{summary.brier_mean:.3f}[/] (unchanged {summary.brier_mean_static:.3f})."
    )
    console.print(
        f"{summary.retrains} trainings, {summary.promotions} promotions, {summary.rejected} stopped by gates, "
        f"{summary.rollbacks} rolled back; {summary.blocked_appends} appends blocked and {summary.quarantined_rows} rows "
        f"quarantined by contract."
    )
    console.print(f"p50 {summary.p50_ms} ms, p99 {summary.p99_ms} ms; {summary.wall_s:.0f} s in all.")


def _better(value: float | None, other: float, *, higher: bool) -> str:
    if value is None:
        return "-"
    is_better = value > other if higher else value < other
    return f"[green]{value:.3f}[/]" if is_better else f"{value:.3f}"


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", table_column=None),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
