"""A small project with real rooms, whose outside world a test makes up: rows to learn from, answers, labels, time.

The system learns from 400 rows in milliseconds. What gateways would have answered is written to the observation log as
they write it, so a test decides how good champion and challenger are.
"""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
from sqlalchemy import select, update

from homeostat.core.clock import DAY, HOUR, Micros, parse_iso
from homeostat.loop import queries
from homeostat.loop.controller import Controller
from homeostat.loop.lease import next_wake
from homeostat.loop.records import Command, DecisionRow, LoopRow
from homeostat.registry import queries as registry_queries
from homeostat.serve.log import LABELS, PredictionId, predictions_schema
from homeostat.serve.segments import SegmentWriter
from homeostat.store import ledger
from homeostat.store.db.schema.loop import loops
from homeostat.store.db.schema.registry import model_versions
from homeostat.workspace import Config, Project, Store, Workspace

SYSTEM = "clicks"
START = parse_iso("2013-01-07")  # a Monday
CONFIG = Config(project=Project(name="small", systems=("clicks_project:system",)), store=Store(clock="watermark"))
# Facts of runs and pipelines: a training that was cut off has one of each more.
_OF_RUNS = ("run-started", "run-finished", "pipeline-finished")

MODULE = """
import polars as pl
from sklearn.linear_model import LogisticRegression

import homeostat as hs


def features_of_a_click(rows: pl.DataFrame):
    return rows.select("x").to_numpy()


@hs.step(cpu=1)
def train(rows: hs.Table, fails: bool) -> hs.Model:
    if fails:
        raise RuntimeError("The rows are cursed.")
    past = rows.polars()
    estimator = LogisticRegression().fit(features_of_a_click(past), past["clicked"].to_numpy())
    return hs.Model(estimator, transform=features_of_a_click, example=past.head(10))


@hs.pipeline
def train_clicks(visits: hs.Dataset, fails: bool = False) -> hs.Candidate:
    past, newest = hs.split_by_time(visits, on="at", last="2d")
    return hs.Candidate(model=train(past, fails), holdout=newest, label="clicked")


system = hs.System(
    name="clicks",
    look_every="6h",
    pipeline=train_clicks,
    data={"visits": hs.window(last="10d", on="at")},
    gates=[GATES],
    rollout=hs.rollout(shadow="4h", canary=[0.1, 0.5], hold="2h", loss="brier", margin=0.1, timeout="1d"),
    setpoints=[hs.setpoint.performance("brier", at_most=0.25, label_delay="1h"), hs.setpoint.age(at_most="20d")],
    retrain=hs.retrain(on=["breach", "age", "labels>=300"], cooldown="2d", budget="3 per 30d"),
    entity="key",
)
"""


def visits(rows: int = 400, until: Micros = START, days: int = 10, seed: int = 0) -> pl.DataFrame:
    """Rows to learn from, evenly over `days` before `until`; `x` says much of `clicked`."""
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    at = np.linspace(until - days * DAY, until - 1, rows).astype(np.int64)
    return pl.DataFrame(
        {
            "key": [f"{seed}-{row}" for row in range(rows)],
            "at": pl.Series(at).cast(pl.Datetime("us", "UTC")),
            "x": x,
            "clicked": (x + random.normal(size=rows) > 0).astype(np.int64),
        }
    )


class World:
    """One workspace on a watermark that the test advances, and its controller."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.controller = workspace.controller()
        log = workspace.home / "log" / SYSTEM
        self._predictions = SegmentWriter(log / "predictions", "g1")
        self._labels = SegmentWriter(log / "labels", "g1")
        self._schema = predictions_schema([("key", "string"), ("x", "float")])

    @classmethod
    def create(cls, root: Path, gates: str = "", module: str = MODULE) -> "World":
        """A new project with its data, declared at `START` and not looked at yet."""
        root.mkdir()
        (root / "clicks_project.py").write_text(module.replace("[GATES]", f"[{gates}]"))
        workspace = Workspace.create(root, CONFIG)
        workspace.watermark.advance(START)
        workspace.datasets.append("visits", visits(), source="feed/0")
        world = cls(workspace)
        world.controller.declare()
        return world

    @property
    def now(self) -> Micros:
        return self.workspace.clock.now()

    @property
    def row(self) -> LoopRow:
        with self.workspace.database.read() as connection:
            found = queries.row(connection, SYSTEM)
        assert found is not None
        return found

    @property
    def decisions(self) -> list[DecisionRow]:
        """Oldest first."""
        with self.workspace.database.read() as connection:
            return queries.read_decisions(connection, system=SYSTEM, limit=10_000)[::-1]

    @property
    def verdicts(self) -> list[str]:
        return [decision.verdict for decision in self.decisions]

    @property
    def statuses(self) -> dict[int, str]:
        """Status of every model version."""
        with self.workspace.database.read() as connection:
            rows = connection.execute(select(model_versions.c.number, model_versions.c.status))
            return {row.number: row.status for row in rows}

    @property
    def shares(self) -> list[dict[int, float]]:
        """Version -> weight of every deployment, oldest first."""
        history = self.workspace.deployments.history(SYSTEM)[::-1]
        return [{arm.version: arm.weight for arm in deployment.arms} for deployment in history]

    def look(self) -> DecisionRow:
        """Let the controller look once, now; what it decided."""
        before = len(self.decisions)
        assert self.controller.look()
        assert before + 1 == len(self.decisions)
        return self.decisions[-1]

    def advance(self, by: int) -> None:
        """Move time on, letting the controller look whenever it wants to."""
        end = Micros(self.now + by)
        while self.wake() <= end:
            self.workspace.watermark.advance(max(self.wake(), self.now))
            self.look()
        self.workspace.watermark.advance(end)

    def wake(self) -> Micros:
        with self.workspace.database.read() as connection:
            found = next_wake(connection)
        assert found is not None
        return found

    def until(self, is_so: Callable[["World"], bool], within: int = 40 * DAY) -> None:
        """Move time on from look to look until something is so."""
        last = self.now + within
        while not is_so(self):
            self.workspace.watermark.advance(max(self.wake(), self.now))
            assert self.now <= last, f"still {self.row.phase}: {self.decisions[-1].sentence}"
            self.look()

    def first_champion(self) -> None:
        """Train the first version and make it champion."""
        self.look()
        self.look()
        assert "promote" == self.decisions[-1].verdict, self.decisions[-1].sentence

    def answer(self, rows: int, *, score: float = 0.9, other: float = 0.9, labelled: bool = True) -> list[str]:
        """Let an hour pass in which gateways answer in equal steps; all of it should have been scored high.

        Args:
            rows: how many; the deployment as it stands answers them, each of its arms in turn.
            score: by the champion; its squared error is (1 - score)².
            other: by the challenger, if there is one.
            labelled: whether the outcomes are known at once.

        Returns: their ids.
        """
        self.advance(HOUR)
        deployment = self.workspace.deployments.desired(SYSTEM)
        assert deployment is not None
        self._predictions.begin(self._schema)
        written = []
        for row in range(rows):
            champion, challenger = deployment.champion, deployment.challenger
            answers = challenger is not None and challenger.weight > 0 and row % 2 == 1
            arm = challenger if answers and challenger is not None else champion
            second = (champion if answers else challenger) if challenger is not None else None
            at = self.now - HOUR + row * HOUR // rows
            place = PredictionId(SYSTEM, "g1", self._predictions.number, self._predictions.rows + row)
            written.append(
                {
                    "id": str(place),
                    "request": f"r{place.row}",
                    "at": at,
                    "wall": 0.0,
                    "generation": deployment.generation,
                    "version": arm.version,
                    "role": arm.role,
                    "propensity": arm.weight,
                    "entity": f"k{row}",
                    "score": other if answers else score,
                    "other_score": None if second is None else (score if answers else other),
                    "other_version": None if second is None else second.version,
                    "latency_ms": 2.0,
                    "in_key": f"k{row}",
                    "in_x": 1.0,
                }
            )
        self._predictions.append(pa.RecordBatch.from_pylist(written, schema=self._schema))
        ids = [str(row["id"]) for row in written]
        if labelled:
            self.label(ids)
        return ids

    def label(self, ids: list[str], value: float = 1.0) -> None:
        self._labels.begin(LABELS)
        rows = [{"id": name, "value": value, "at": self.now, "wall": 0.0} for name in ids]
        self._labels.append(pa.RecordBatch.from_pylist(rows, schema=LABELS))

    def ask(self, command: Command, by: str = "ada") -> int:
        with self.workspace.database.write() as connection:
            return queries.ask(connection, SYSTEM, command, at=self.now, by=by)

    def another_controller(self) -> Controller:
        """As another process would make it, after the lease of whoever looked last ran out."""
        with self.workspace.database.write() as connection:
            connection.execute(update(loops).values(lease_until_wall=0.0))
        with_own_memory = Workspace(self.workspace.root, CONFIG)
        return with_own_memory.controller()

    def outcome(self) -> dict[str, Any]:
        """All that the looks so far came to, without what differs when one was begun twice: fences, run ids."""
        row = self.row
        with self.workspace.database.read() as connection:
            facts = ledger.entries(connection, limit=100_000)
            history = registry_queries.alias_history(connection, SYSTEM)
        return {
            "phase": row.phase,
            "progress": msgspec.to_builtins(row.progress),
            "wake_at": row.wake_at,
            "owner": row.owner,
            "decisions": [[one.at, one.verdict, one.phase, one.sentence] for one in self.decisions],
            "shares": [[[version, weight] for version, weight in shares.items()] for shares in self.shares],
            "versions": [[number, status] for number, status in self.statuses.items()],
            "champions": [[move.number, move.moved_at] for move in history],
            "facts": [[fact.at, fact.kind] for fact in facts if fact.kind not in _OF_RUNS],
        }

    def close(self) -> None:
        self._predictions.close()
        self._labels.close()
        self.workspace.close()
        forget(self.workspace.root)


def forget(root: Path) -> None:
    """Let the next project import its own module of the same name."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(root)):
            del sys.modules[name]
    sys.path[:] = [entry for entry in sys.path if entry != str(root)]
    importlib.invalidate_caches()


@contextmanager
def copied(template: Path, root: Path) -> Iterator[World]:
    """A world that goes on from where the one in `template`, which is closed, was left."""
    shutil.copytree(template, root)
    forget(template)
    world = World(Workspace(root, CONFIG))  # its database is up to date
    try:
        yield world
    finally:
        world.close()
