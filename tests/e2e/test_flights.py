"""The flights system, end to end: real data, real processes, real HTTP."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from homeostat.core.clock import DAY, Micros
from homeostat.loop import queries
from homeostat.loop.records import RetrainCommand
from homeostat.supervisor import Supervisor
from homeostat.workspace import Workspace

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
sys.path.insert(0, str(EXAMPLE))

from late_flights.demo import CONFIG, processes  # noqa: E402  # the example is no installed package
from late_flights.feed import HISTORY_WEEKS, Feed, day_start  # noqa: E402
from late_flights.replay import SYSTEM, Replay, loop_row  # noqa: E402
from late_flights.summary import Summary, summarise  # noqa: E402

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

BEGIN = day_start(7 * HISTORY_WEEKS)
FIELDS = {
    "weeks",
    "requests",
    "predictions",
    "failed_requests",
    "dropped",
    "predictions_logged",
    "labels_joined",
    "retrains",
    "promotions",
    "rollbacks",
    "auc_mean",
    "auc_mean_static",
    "brier_mean",
    "brier_mean_static",
    "setpoint_breaches",
    "breach_to_champion_event_time_h",
    "wall_s",
    "training_s",
    "loop_overhead_s",
    "p50_ms",
    "p99_ms",
}


@pytest.fixture(scope="module")
def feed() -> Feed:
    return Feed()


@pytest.fixture(scope="module")
def sabotaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Two weeks with a broken feed and a bad model, run as a stranger would."""
    root = tmp_path_factory.mktemp("sabotaged") / "demo"
    done = homeostat("demo", "--weeks", "2", "--sabotage", "--into", str(root))
    assert 0 == done.returncode, done.stderr
    return root, done.stdout


def homeostat(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "homeostat", *arguments], capture_output=True, text=True, timeout=500, check=False
    )


def summary_of(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "summary.json").read_text())
    return found


def test_summary_holds_every_field_and_nothing_was_lost(sabotaged: tuple[Path, str]) -> None:
    """Every request was answered, every prediction logged, every label joined once, sabotage or not."""
    root, printed = sabotaged
    summary = summary_of(root)
    assert set() == FIELDS - summary.keys()
    assert (0, 0) == (summary["failed_requests"], summary["dropped"])
    assert summary["predictions"] == summary["predictions_logged"] > 12_000
    assert summary["labels_sent"] == summary["labels_joined"] > 12_000
    assert "Week by week" in printed


def test_broken_feed_is_blocked_and_repaired(sabotaged: tuple[Path, str]) -> None:
    """Kilometres and missing weather are refused before they can train anything; the repaired feed settles both."""
    root, _ = sabotaged
    assert 2 == summary_of(root)["blocked_appends"]
    with Workspace.open(root) as workspace:
        blocks = [
            block for name in ("flights", "weather") for block in workspace.datasets.quarantined(name) if block.is_block
        ]
        assert 2 == len(blocks)
        assert all(block.resolved_at is not None for block in blocks)
        assert [] == workspace.datasets.blocks(("flights", "weather"))


def test_first_champion_is_made_again_byte_for_byte(sabotaged: tuple[Path, str]) -> None:
    """From the record of its training alone, by one command, whatever was done to the feed since."""
    root, _ = sabotaged

    done = homeostat("reproduce", "late-flights@1", "--project", str(root), "--json")

    assert ("A", []) == (json.loads(done.stdout)["grade"], json.loads(done.stdout)["differences"]), done.stdout


def test_forced_bad_model_is_rolled_back_by_the_canary(sabotaged: tuple[Path, str]) -> None:
    """A model of shuffled features that people forced past its gates leaves the canary on evidence; the champion stays."""
    root, _ = sabotaged
    summary = summary_of(root)
    assert (1, 1) == (summary["rollbacks"], summary["rejected"])
    with Workspace.open(root) as workspace, workspace.database.read() as connection:
        decision = queries.read_decisions(connection, system=SYSTEM, verdicts=("rollback",))[0]
        assert "canary" == decision.phase
        assert 0 < decision.evidence["paired"]["low"]
        row = queries.row(connection, SYSTEM)
        assert row is not None
        assert 1 == row.progress.champion


def test_report_is_one_file_that_asks_for_nothing(sabotaged: tuple[Path, str]) -> None:
    """The report opens without a network: no script, no link, no image from elsewhere."""
    root, _ = sabotaged
    html = (root / "report.html").read_text()
    assert [] == re.findall(r"""<script|(?:src|href)\s*=\s*["'](?!\#|data:)""", html)
    assert "<svg" in html


def test_trace_names_every_link(sabotaged: tuple[Path, str]) -> None:
    """From one prediction to its sources, in one command."""
    root, _ = sabotaged
    with Workspace.open(root) as workspace:
        prediction = workspace.log.predictions(SYSTEM, "")[0]["id"][100].as_py()
    done = homeostat("trace", "--project", str(root), "--json", prediction)
    assert 0 == done.returncode, done.stderr
    whats = [link["what"] for link in json.loads(done.stdout)["links"]]
    expected = ["arm and generation", "model version", "gates", "model", "training action", "code", "environment"]
    assert expected == [what for what in whats if what in expected]
    assert {"table version", "source"} <= set(whats)


def test_impact_finds_models_and_predictions(sabotaged: tuple[Path, str]) -> None:
    """From a dataset version to the predictions it touched."""
    root, _ = sabotaged
    done = homeostat("impact", "--project", str(root), "--json", "flights@41")
    assert 0 == done.returncode, done.stderr
    found = json.loads(done.stdout)
    assert ["late-flights@1", "late-flights@2"] == found["models"]
    assert summary_of(root)["predictions"] == sum(found["predictions"].values())


class Trial:
    """One week in which people ask for a training on the second day and approve it, so that a canary comes and ends."""

    def __init__(self, root: Path, feed: Feed) -> None:
        shutil.copytree(EXAMPLE, root)
        self.workspace = Workspace.create(root, CONFIG)
        self.supervisor = Supervisor(processes(root), self.workspace.run_folder)
        self.phases: set[str] = set()
        self.approved = False
        self.replay = Replay(
            self.workspace,
            feed,
            contracts=root / "contracts",
            on_hour=self.on_hour,
            check=self.supervisor.check,
        )
        self.harm: Callable[[Trial, Micros], None] = lambda _trial, _at: None

    def on_hour(self, at: Micros) -> None:
        if at == BEGIN + DAY:
            with self.workspace.database.write() as connection:
                queries.ask(connection, SYSTEM, RetrainCommand(why="a test"), at=at, by="tester")
        row = loop_row(self.workspace)
        assert row is not None
        self.phases.add(row.phase)
        if row.phase == "approval" and not self.approved:
            self.workspace.registry.approve(SYSTEM, 2, by="reviewer", why="a test")
            self.approved = True
        self.harm(self, at)

    def run(self) -> Summary:
        with self.workspace:
            self.replay.load_history()
            with self.supervisor:
                self.replay.run(1)
            return summarise(self.workspace, self.replay.counts, weeks=1, wall_s=0.0)


def test_killed_controller_and_workers_change_nothing(tmp_path: Path, feed: Feed) -> None:
    """kill -9 of the controller in the middle of a canary and of workers under load: the same outcome, no failed request."""
    calm = Trial(tmp_path / "calm", feed)
    expected = calm.run()
    harmed = Trial(tmp_path / "harmed", feed)
    killed: list[str] = []

    def harm(trial: Trial, at: Micros) -> None:
        row = loop_row(trial.workspace)
        if "controller" not in killed and row is not None and row.phase == "canary":
            killed.append("controller")
            trial.supervisor.children["controller"].process.kill()
        if at in {BEGIN + 10 * DAY // 24, BEGIN + 3 * DAY, BEGIN + 5 * DAY}:
            # A moment later, while the next hour's requests are under way.
            threading.Timer(0.004, lambda: killed.append(_kill_a_worker(trial.workspace))).start()

    harmed.harm = harm
    found = harmed.run()
    assert {"controller", "worker"} == set(killed)
    assert {"shadow", "canary"} <= calm.phases
    assert (2, 0, 0) == (found.promotions, found.failed_requests, found.dropped)
    assert expected.outcome == found.outcome


def _kill_a_worker(workspace: Workspace) -> str:
    gateway = workspace.deployments.serving("")[0]
    lanes = httpx.get(f"http://{gateway.host}:{gateway.port}/health").json()["lanes"]
    os.kill(lanes[0]["pid"], signal.SIGKILL)
    return "worker"
