"""A project on disk that tests edit and import again, and a workspace to run its pipelines in."""

import importlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from homeostat.core.clock import FixedClock, Micros
from homeostat.pipelines.service import Pipelines
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata
from homeostat.store.objects import FileObjects


class Project:
    """Python files under `root`, importable afresh after each edit."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, files: Mapping[str, str]) -> None:
        """Write modules: path without suffix -> source."""
        for name, source in files.items():
            path = self.root / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)

    def load(self, name: str = "main") -> ModuleType:
        """Import `name` and everything it needs as the files are now."""
        self.forget()
        return importlib.import_module(name)

    def forget(self) -> None:
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(self.root)):
                del sys.modules[name]
        # Edits within a second leave size and time as they were, which a cached .pyc could not tell apart.
        for cache in self.root.rglob("__pycache__"):
            shutil.rmtree(cache)
        importlib.invalidate_caches()


class FakeRun:
    def __init__(self, run_id: str) -> None:
        self.id = run_id
        self.metrics: list[tuple[int | None, dict[str, float]]] = []
        self.ended: tuple[str, str | None] | None = None
        self.artifacts: dict[str, bytes] = {}
        self.surroundings: dict[str, Any] = {}

    def log(self, step: int | None = None, **metrics: float) -> None:
        self.metrics.append((step, metrics))

    def artifact(self, name: str, source: bytes) -> None:
        self.artifacts[name] = source

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        self.ended = (status, error)


class FakeRuns:
    """A run log in memory."""

    def __init__(self) -> None:
        self.runs: list[FakeRun] = []

    def start(
        self,
        name: str,
        *,
        kind: str = "run",
        system: str = "",
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        surroundings: Mapping[str, Any] | None = None,
    ) -> FakeRun:
        self.runs.append(FakeRun(f"run-{len(self.runs)}"))
        self.runs[-1].surroundings = dict(surroundings or {})
        return self.runs[-1]


class Workspace:
    """Pipelines over a database and objects of their own."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'test.db'}")
        metadata.create_all(self.database.engine)
        self.objects = FileObjects(folder / "objects")
        self.runs = FakeRuns()
        self.root = root
        self.clock = FixedClock(Micros(1_000_000))
        self.pipelines = self.over(self.objects)

    def over(self, objects: FileObjects) -> Pipelines:
        return Pipelines(self.database, objects, self.clock, self.root, self.runs)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))
    made = Project(root)
    yield made
    made.forget()


@pytest.fixture
def workspace(tmp_path: Path, project: Project) -> Iterator[Workspace]:
    folder = tmp_path / "workspace"
    folder.mkdir()
    made = Workspace(folder, project.root)
    yield made
    made.database.close()
