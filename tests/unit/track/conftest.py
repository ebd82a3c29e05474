"""A place to track runs: a fresh database, objects and spool folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeostat.codec.models import encode_any
from homeostat.core.clock import FixedClock, Micros
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata
from homeostat.store.objects import FileObjects
from homeostat.track.service import Runs

NOON = Micros(1_366_027_200_000_000)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'track.db'}")
    metadata.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "objects")


@pytest.fixture
def runs(tmp_path: Path, database: Database, objects: FileObjects, clock: FixedClock) -> Runs:
    return Runs(database, objects, clock, tmp_path / "spool", encode_model=encode_any)
