"""What a model depends on, named: each sabotage by real processes, and models of runs that no loop asked for."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from homeostat.capture.environment import read_environment
from homeostat.core.digests import Digest, canonical_json
from homeostat.pipelines import queries as pipeline_queries
from homeostat.store.db.schema.pipelines import pipeline_runs
from homeostat.workspace import Config, Project, Workspace
from loop_world import SYSTEM, World, visits

pytestmark = pytest.mark.e2e

MODULE = """
import os
import numpy as np
import polars as pl
import threadpoolctl
from sklearn.linear_model import LogisticRegression

import homeostat as hs


def features(rows: pl.DataFrame):
    return rows.select("x").to_numpy()


@hs.step
def train(rows: hs.Table) -> hs.Model:
    past = rows.polars()
    fitted = LogisticRegression(C=1.0).fit(features(past), past["clicked"].to_numpy())
    fitted.intercept_ = fitted.intercept_ + EXTRA
    return hs.Model(fitted, transform=features, example=past.head(10))


@hs.pipeline
def clicks(visits: hs.Dataset) -> hs.Candidate:
    past, newest = hs.split_by_time(visits, on="at", last="2d")
    return hs.Candidate(model=train(past), holdout=newest, label="clicked")


@hs.pipeline
def only_model(visits: hs.Dataset) -> hs.Model:
    return train(visits)
"""
THREADS = "max(pool['num_threads'] for pool in threadpoolctl.threadpool_info() if pool['user_api'] == 'blas')"


class Hand:
    """A project in which somebody runs pipelines by hand."""

    def __init__(self, root: Path, extra: str) -> None:
        self.root = root
        with Workspace.create(root, Config(project=Project(name="hand"))) as workspace:
            workspace.datasets.append("visits", visits(), source="feed/0")
        (root / "project.py").write_text(MODULE.replace("EXTRA", extra))

    def say(self, *words: str, before: Sequence[str] = (), **variables: str) -> dict[str, Any]:
        """The answer of a command."""
        inherited = {name: value for name, value in os.environ.items() if not name.endswith(("_THREADS", "HASHSEED"))}
        done = subprocess.run(
            [*before, sys.executable, "-m", "homeostat", *words, "--json"],
            cwd=self.root,
            env={**inherited, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def run(self, pipeline: str = "clicks", **variables: str) -> str:
        """The id of a run of a pipeline."""
        return str(self.say("run", f"project:{pipeline}", **variables)["run"])


def nodes(made: dict[str, Any]) -> list[tuple[str, str]]:
    return [(difference["kind"], difference["node"]) for difference in made["differences"]]


def test_model_of_a_run_by_hand_comes_out_byte_for_byte(tmp_path: Path) -> None:
    """No loop and no holdout are needed: the run says what function ran on which rows."""
    hand = Hand(tmp_path / "project", "0")

    made = hand.say("reproduce", hand.run("only_model"))

    assert ("A", None, []) == (made["grade"], made["probe"], made["differences"]), made["sentence"]


def test_global_generator_draws_the_same_numbers_again(tmp_path: Path) -> None:
    """A training that forgot its seed, but uses a global generator, finds it in the state it had."""
    hand = Hand(tmp_path / "project", "np.random.normal()")

    made = hand.say("reproduce", hand.run())

    assert ("A", []) == (made["grade"], made["differences"]), made["sentence"]


def test_hash_seed_is_named_as_the_cause(tmp_path: Path) -> None:
    """What was trained under a recorded hash seed comes out the same under it, and not under another."""
    hand = Hand(tmp_path / "project", "hash('salt') % 1000 / 1000")

    made = hand.say("reproduce", hand.run(PYTHONHASHSEED="7"), "--flip", "hash-seed")

    assert "A" == made["grade"], made["sentence"]
    assert "It depends on hash-seed (grade F, from the output of train on)." == made["cause"]


def test_thread_count_is_named_as_the_cause(tmp_path: Path) -> None:
    """The number of threads of BLAS, changed alone, makes the step that depends on it diverge first."""
    hand = Hand(tmp_path / "project", THREADS)

    made = hand.say("reproduce", hand.run(OPENBLAS_NUM_THREADS="1"), "--flip", "threads")

    assert "A" == made["grade"], made["sentence"]
    assert ("F", "output", "train") == (
        made["flips"][0]["grade"],
        made["flips"][0]["first"]["kind"],
        made["flips"][0]["first"]["node"],
    )
    assert "It depends on threads (grade F, from the output of train on)." == made["cause"]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores to take one away")
def test_fewer_threads_on_a_smaller_machine_are_the_first_difference(tmp_path: Path) -> None:
    """A machine with one core cannot run the two threads of the recorded one, and that is named before the step."""
    hand = Hand(tmp_path / "project", THREADS)
    run = hand.run()
    one = str(min(os.sched_getaffinity(0)))

    made = hand.say("reproduce", run, before=("taskset", "-c", one))

    found = nodes(made)
    assert "F" == made["grade"]
    assert ("hardware", "threads of openblas") in found
    assert found.index(("hardware", "threads of openblas")) < found.index(("output", "train"))
    assert {"environment", "hardware", "output"} == {kind for kind, _ in found}


def test_generator_without_a_seed_is_named_as_the_cause(tmp_path: Path) -> None:
    """No factor explains a model that comes out otherwise each time with nothing changed."""
    hand = Hand(tmp_path / "project", "np.random.default_rng().normal()")

    made = hand.say("reproduce", hand.run(), "--flip", "threads")

    assert ("F", ("output", "train")) == (made["grade"], nodes(made)[0])
    assert made["cause"].startswith("With nothing changed it comes out otherwise each time: a generator without a seed")


def test_file_a_step_read_is_named(tmp_path: Path) -> None:
    """A file that is no part of the captured code is gone when the model is made again: it is named before the step."""
    hand = Hand(tmp_path / "project", "float(open('.shift').read())")
    (hand.root / ".shift").write_text("0.5")

    made = hand.say("reproduce", hand.run())

    assert [("input", ".shift, a file read by train"), ("output", "train")] == nodes(made)
    assert "absent" == made["differences"][0]["found"]
    assert "FileNotFoundError" in made["differences"][1]["detail"]


def test_package_with_other_files_is_named(tmp_path: Path) -> None:
    """A package of the recorded version whose files are not the recorded ones is the first difference."""
    hand = Hand(tmp_path / "project", "0")
    run = hand.run()
    with Workspace.open(hand.root) as workspace:
        with workspace.database.read() as connection:
            recorded = read_environment(pipeline_queries.get(connection, run).environment, workspace.objects)
        packages = tuple(
            msgspec.structs.replace(package, digest=Digest("0" * 64)) if package.name == "threadpoolctl" else package
            for package in recorded.packages
        )
        other = workspace.objects.put(canonical_json(msgspec.structs.replace(recorded, packages=packages)))
        with workspace.database.write() as connection:
            connection.execute(update(pipeline_runs).where(pipeline_runs.c.id == run).values(environment=other))

    made = hand.say("reproduce", run, "--same-environment")

    assert ("A", "other", ("environment", "threadpoolctl")) == (made["grade"], made["environment"], nodes(made)[0])
    assert "(00000000)" in made["differences"][0]["recorded"]


def test_gate_lets_only_a_model_through_that_can_be_made_again(tmp_path: Path) -> None:
    """The loop makes its challenger again before it judges it; the grade is on the version from its first day."""
    world = World.create(tmp_path / "project", gates='hs.gate.reproducible("A")')
    world.first_champion()
    root = world.workspace.root
    world.close()

    done = subprocess.run(
        [sys.executable, "-m", "homeostat", "models", "show", f"{SYSTEM}@1", "--project", str(root), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )

    shown = json.loads(done.stdout)
    assert [("reproducible", "passed")] == [
        (gate["gate"], gate["status"]) for gate in shown["card"]["standing"]["results"]
    ]
    assert ("A", shown["card"]["version"]["model"]) == (shown["reproduction"]["grade"], shown["reproduction"]["model"])
