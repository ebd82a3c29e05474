"""A controller that dies at any statement: whoever goes on ends where it would have ended.

A fresh process forks once for each place to die, so that death is real: no handler, no rollback, no goodbye.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import homeostat
from homeostat.core.clock import DAY, HOUR
from loop_world import copied

pytestmark = pytest.mark.e2e
TESTS = Path(__file__).parents[2]
SOURCES = Path(homeostat.__file__).parents[1]

PROGRAM = """
import json, os, shutil, sys
from pathlib import Path
from sqlalchemy import event
from loop_world import CONFIG, World
from homeostat.workspace import Workspace
import pyarrow.parquet, sklearn.linear_model  # what a look imports is imported once, here

template, room, looks = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
every, first = int(sys.argv[4]), int(sys.argv[5])
DIED = 9


def forked(work):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = work() or 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def look(world):
    world.workspace.watermark.advance(max(world.wake(), world.now))
    assert world.controller.look()


def die_at(root, place):
    world = World(Workspace(root, CONFIG))
    executed = 0

    def count(*_):
        nonlocal executed
        executed += 1
        if executed == place:
            os._exit(DIED)

    world.workspace.watermark.advance(max(world.wake(), world.now))
    event.listen(world.workspace.database.engine, "before_cursor_execute", count)
    event.listen(world.workspace.database.engine, "commit", count)
    assert world.controller.look()


def go_on(root):
    world = World(Workspace(root, CONFIG))
    world.controller = world.another_controller()
    while len(world.decisions) < looks:
        look(world)
    (root / "outcome.json").write_text(json.dumps(world.outcome()))


def outcome(root):
    assert 0 == forked(lambda: go_on(root))
    return json.loads((root / "outcome.json").read_text())


def copy(name):
    return Path(shutil.copytree(template, room / name))


found = {0: outcome(copy("whole"))}
place = first
while True:
    root = copy(f"dies-{place}")
    code = forked(lambda: die_at(root, place))
    assert code in (0, DIED), code
    if code == 0:
        break
    found[place] = outcome(root)
    shutil.rmtree(root)
    place += every
print(json.dumps(found))
"""


def outcomes(template: Path, room: Path, *, looks: int, every: int = 1, first: int = 1) -> dict[int, Any]:
    """What a workspace has come to after `looks` decisions in all, when the first look that follows died at a place.

    Returns: place -> outcome; 0 is the one that did not die. Places are statements and commits, counted from 1.
    """
    arguments = [sys.executable, "-c", PROGRAM, str(template), str(room), str(looks), str(every), str(first)]
    done = subprocess.run(
        arguments,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (SOURCES, TESTS))), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return {int(place): outcome for place, outcome in json.loads(done.stdout.splitlines()[-1]).items()}


def test_decision_to_train(settled: Path, tmp_path: Path) -> None:
    """Killed at any second statement of the look that decides a training, the loop decides it once."""
    with copied(settled, tmp_path / "due") as world:
        world.advance(2 * DAY)
        world.answer(300)
        looks = len(world.decisions) + 1

    found = outcomes(tmp_path / "due", tmp_path, looks=looks, every=2)

    assert_same(found, at_least=10)
    assert "retrain" == found[0]["decisions"][-1][1]


def test_training_and_first_promotion(declared: Path, tmp_path: Path) -> None:
    """Killed anywhere in training, registration, promotion (every eighth place): one version, one champion."""
    with copied(declared, tmp_path / "decided") as world:
        world.look()

    found = outcomes(tmp_path / "decided", tmp_path, looks=2, every=8)

    assert_same(found, at_least=15)
    assert ([{1: 1.0}], [[1, "champion"]]) == (shares(found[0]), found[0]["versions"])


def test_next_share(on_trial: Path, tmp_path: Path) -> None:
    """Killed at any second statement of the look that gives a challenger its first share, it gets it once."""
    with copied(on_trial, tmp_path / "proven") as world:
        world.answer(300)
        world.until(lambda world: world.wake() - world.row.progress.stage_at >= 4 * HOUR)
        looks = len(world.decisions) + 1

    found = outcomes(tmp_path / "proven", tmp_path, looks=looks, every=2)

    assert_same(found, at_least=15)
    assert {1: 0.9, 2: 0.1} == shares(found[0])[-1]


def test_promotion(on_trial: Path, tmp_path: Path) -> None:
    """Killed at any second statement of the look that makes a challenger champion, it becomes champion once."""
    with copied(on_trial, tmp_path / "won") as world:
        world.answer(300)
        world.until(lambda world: world.row.progress.stage == 1)
        looks = len(world.decisions) + 1

    found = outcomes(tmp_path / "won", tmp_path, looks=looks, every=2, first=2)

    assert_same(found, at_least=20)
    assert ({2: 1.0}, [[1, "retired"], [2, "champion"]]) == (shares(found[0])[-1], found[0]["versions"])


def shares(outcome: dict[str, Any]) -> list[dict[int, float]]:
    return [dict(arms) for arms in outcome["shares"]]


def assert_same(found: dict[int, Any], *, at_least: int) -> None:
    """Every place of death came to what no death came to; and there were so many places."""
    whole = found[0]
    different = {place: outcome for place, outcome in found.items() if outcome != whole}
    assert {} == different
    assert len(found) > at_least
