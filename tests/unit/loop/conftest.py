"""Databases and worlds that were made once and are copied for each test."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from homeostat.store.db import Database
from homeostat.store.db.schema import metadata
from loop_world import World, copied


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
def gated_world(tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """A world with gates of its own, written as in its module; nothing was looked at yet."""
    with ExitStack() as stack:

        def create(gates: str) -> World:
            world = World.create(tmp_path / "project", gates)
            stack.callback(world.close)
            return world

        yield create
