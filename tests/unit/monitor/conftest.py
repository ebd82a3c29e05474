"""A monitor on an empty database and an empty log, at the beginning of 2013."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeostat.core.clock import FixedClock, Micros, parse_iso
from homeostat.monitor.service import Monitor
from homeostat.store.db import Database
from homeostat.store.db.schema import metadata
from monitor_log import MemoryLog

START = parse_iso("2013-01-07")  # a Monday


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'homeostat.db'}")
    metadata.create_all(database.engine)
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
