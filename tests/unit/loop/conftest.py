"""Databases and worlds that were made once and are copied for each test."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from homeostat.core.clock import DAY
from homeostat.loop.records import RetrainCommand
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata
from loop_world import World, copied, visits

APPROVAL = (
    'hs.gate.approval(by="reviewer", automatic=hs.gate.envelope(metric="auc", within=0, first=True), expires="12h")'
)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loop") / "empty.db"
    database = Database(f"sqlite:///{path}")
    metadata.create_all(database.engine)
    database.close()
    return path


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{shutil.copy(empty_database, tmp_path / 'homeostat.db')}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was declared and not looked at yet."""
    root = tmp_path_factory.mktemp("declared") / "project"
    World.create(root).close()
    return root


@pytest.fixture(scope="session")
def settled(declared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose first version is champion."""
    root = tmp_path_factory.mktemp("settled") / "project"
    with copied(declared, root) as world:
        world.first_champion()
    return root


@pytest.fixture(scope="session")
def on_trial(settled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose second version, trained for the labels of 300 answers, has just entered the shadow."""
    root = tmp_path_factory.mktemp("on-trial") / "project"
    with copied(settled, root) as world:
        world.advance(2 * DAY)
        world.answer(300)
        world.until(lambda world: world.row.phase == "shadow")
    return root


@pytest.fixture(scope="session")
def succeeded(on_trial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose second version has become champion."""
    root = tmp_path_factory.mktemp("succeeded") / "project"
    with copied(on_trial, root) as world:
        world.answer(300)
        world.until(lambda world: world.row.phase == "idle")
        assert 2 == world.row.progress.champion
    return root


@pytest.fixture(scope="session")
def unapproved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose first version is champion and whose second waits for its reviewer."""
    root = tmp_path_factory.mktemp("unapproved") / "project"
    world = World.create(root, APPROVAL)
    world.first_champion()
    world.workspace.datasets.append("visits", visits(rows=100, until=world.now, days=1, seed=3), source="feed/1")
    world.ask(RetrainCommand(why="an idea"))
    world.until(lambda world: world.row.phase == "approval")
    world.close()
    return root


@pytest.fixture
def new_world(declared: Path, tmp_path: Path) -> Iterator[World]:
    """Nothing was looked at yet."""
    with copied(declared, tmp_path / "project") as world:
        yield world


@pytest.fixture
def world(settled: Path, tmp_path: Path) -> Iterator[World]:
    """`clicks@1` is champion."""
    with copied(settled, tmp_path / "project") as world:
        yield world


@pytest.fixture
def trial(on_trial: Path, tmp_path: Path) -> Iterator[World]:
    """`clicks@2` is in the shadow of `clicks@1`."""
    with copied(on_trial, tmp_path / "project") as world:
        yield world


@pytest.fixture
def second(succeeded: Path, tmp_path: Path) -> Iterator[World]:
    """`clicks@2` is champion after `clicks@1`."""
    with copied(succeeded, tmp_path / "project") as world:
        yield world


@pytest.fixture
def waiting(unapproved: Path, tmp_path: Path) -> Iterator[World]:
    """`clicks@2` waits for its reviewer."""
    with copied(unapproved, tmp_path / "project") as world:
        yield world


@pytest.fixture
def gated_world(tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """A world with gates of its own, written as in its module; nothing was looked at yet."""
    with ExitStack() as stack:

        def create(gates: str) -> World:
            world = World.create(tmp_path / "project", gates)
            stack.callback(world.close)
            return world

        yield create
