"""A registry on a fresh database, with a clock that stands still."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeostat.core.clock import FixedClock, Micros
from homeostat.registry.service import Registry
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata

NOON = Micros(1_366_027_200_000_000)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'registry.db'}")
    metadata.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def registry(database: Database, clock: FixedClock) -> Registry:
    return Registry(database, clock)
