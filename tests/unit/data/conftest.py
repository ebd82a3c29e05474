"""Datasets in a fresh workspace, with a clock that stands still, and days of a small feed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from homeostat.codec.tables import Table
from homeostat.core.clock import DAY, FixedClock, Micros
from homeostat.data.service import Datasets
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata
from homeostat.store.objects import FileObjects

FIRST_DAY = Micros(1_356_998_400_000_000)  # 2013-01-01T00:00:00Z


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(FIRST_DAY)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'data.db'}")
    metadata.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "objects")


@pytest.fixture
def datasets(database: Database, objects: FileObjects, clock: FixedClock, tmp_path: Path) -> Datasets:
    return Datasets(database, objects, clock, tmp_path / "stat")


@pytest.fixture
def feed() -> Callable[[int], Table]:
    return day_of_feed


def day_of_feed(day: int, rows: int = 24) -> Table:
    """One day of flights, evenly spread over it; every day alike but for its number."""
    step = DAY // rows
    frame = pl.DataFrame({"row": range(rows)}).select(
        scheduled=(FIRST_DAY + day * DAY + pl.col("row") * step).cast(pl.Datetime("us", "UTC")),
        carrier=pl.Series([("AA", "B6", "UA")[row % 3] for row in range(rows)]),
        distance=200.0 + 100.0 * (pl.col("row") % 12) + day % 5,
        delay=pl.when(pl.col("row") % 8 == 7).then(None).otherwise(pl.col("row") % 5 - 2),
    )
    return Table.of(frame)
