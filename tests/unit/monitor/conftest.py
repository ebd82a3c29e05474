"""A monitor on an empty database and an empty log, at the beginning of 2013."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeostat.core.clock import FixedClock, Micros, parse_iso
from homeostat.monitor.service import Monitor
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata
from monitor_log import MemoryLog

START = parse_iso("2013-01-07")  # a Monday


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with tables and no rows: copying it is ten times as fast as making it."""
    path = tmp_path_factory.mktemp("monitor") / "empty.db"
    database = Database(f"sqlite:///{path}")
    metadata.create_all(database.engine)
    database.close()
    return path


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{shutil.copy(empty_database, tmp_path / 'homeostat.db')}")
    yield database
    database.close()


@pytest.fixture
def start() -> Micros:
    return START


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def monitor(database: Database, clock: FixedClock, log: MemoryLog) -> Monitor:
    return Monitor(database, clock, log)
