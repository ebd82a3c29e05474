"""A run to speak to, and what it has been told."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from homeostat.codec.models import encode_any
from homeostat.core.clock import WallClock
from homeostat.current.runs import active
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata
from homeostat.store.objects import FileObjects
from homeostat.track import queries
from homeostat.track.records import RunDetail
from homeostat.track.run import Run
from homeostat.track.search.pages import find_runs
from homeostat.track.service import Runs

RNG = np.random.default_rng(3)
X = RNG.normal(size=(300, 4))
Y = (X[:, 0] + RNG.normal(size=300) > 0).astype(int)


class Told:
    """A run that is active, and what it has been told when it is over."""

    def __init__(self, run: Run, database: Database, objects: FileObjects) -> None:
        self.run = run
        self._database = database
        self._objects = objects

    @property
    def detail(self) -> RunDetail:
        return self.of(self.run.id)

    def of(self, run_id: str) -> RunDetail:
        self.run.finish()
        with self._database.read() as connection:
            return queries.get(connection, run_id)

    def curve(self, key: str, run_id: str = "") -> tuple[list[int], list[float]]:
        self.run.finish()
        with self._database.read() as connection:
            found = queries.series(connection, run_id or self.run.id, key)
        return found.steps, found.values

    def latest(self) -> dict[str, float]:
        return {metric.key: metric.value for metric in self.detail.metrics}

    def content(self, name: str) -> bytes:
        (digest,) = [one.digest for one in self.detail.artifacts if one.name == name]
        return self._objects.read(digest)

    def table(self, name: str) -> dict[str, list[Any]]:
        found = msgspec.json.decode(self.content(name))
        return dict(zip(found["columns"], map(list, zip(*found["data"], strict=True)), strict=True))

    def parts(self) -> list[RunDetail]:
        self.run.finish()
        with self._database.read() as connection:
            page = find_runs(connection, f"parent = '{self.run.id}'", order_by=["start_time ASC"])
        return [self.of(one.run.id) for one in page.runs]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    database = Database(f"sqlite:///{tmp_path / 'track.db'}")
    metadata.create_all(database.engine)
    objects = FileObjects(tmp_path / "objects")
    runs = Runs(database, objects, WallClock(), tmp_path / "spool", encode_model=encode_any)
    with active(runs.start("training")) as run:
        yield Told(run, database, objects)
        run.finish()
    database.close()


@pytest.fixture
def broken(told: Told, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes everything that is said to the run fail."""

    def breaks() -> None:
        def fails(*_: Any, **__: Any) -> None:
            raise OSError("the disk is gone")

        for verb in ("metrics", "params", "tag", "table", "artifact", "model", "part"):
            monkeypatch.setattr(told.run, verb, fails)

    return breaks
