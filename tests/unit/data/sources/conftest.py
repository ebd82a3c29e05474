"""A web server of a directory, and sources beside the datasets of a fresh workspace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from file_server import Web, serving
from homeostat.core.clock import FixedClock
from homeostat.data.service import Datasets
from homeostat.data.sources.service import Sources
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with serving(tmp_path_factory.mktemp("served")) as web:
        yield web


@pytest.fixture
def web(server: Web) -> Web:
    """The server, its directory empty."""
    for left in server.folder.iterdir():
        left.unlink()
    return server


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Of the project."""
    return tmp_path


@pytest.fixture
def sources(
    database: Database, objects: FileObjects, clock: FixedClock, datasets: Datasets, root: Path, tmp_path: Path
) -> Sources:
    return Sources(database, objects, clock, datasets, root, tmp_path / "incoming")
