from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from homeostat.importing.database import DatabaseStore
from homeostat.importing.files import FileStore
from homeostat.importing.ports import Source
from homeostat.importing.server import Server
from homeostat.workspace import Workspace
from unit.importing import stores


def _database(folder: Path) -> Source:
    """Artifacts lie where the server's proxy keeps them, beside the database."""
    stores.write_artifacts(folder / "mlartifacts")
    return DatabaseStore(stores.database(folder / "mlflow.db", "mlflow-artifacts:"))


SOURCES: dict[str, Callable[[Path], Source]] = {
    "files": lambda folder: FileStore(stores.file_store(folder / "mlruns")),
    "database": _database,
    "server": lambda folder: Server("http://there:5000", transport=httpx.MockTransport(stores.server(folder / "kept"))),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    root = tmp_path / "kept here"
    root.mkdir()
    with Workspace.undeclared(root) as opened:
        yield opened


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    opened = SOURCES[request.param](tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A store of files."""
    return stores.file_store(tmp_path / "mlruns")
