"""Where runs of a script go: to the project around it, to a server, or to a folder that is brought home later.

The workspace is opened, and imported, by whoever needs it first: as a rule the thread that ships.
"""

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from homeostat.configuration import CONFIG_FILE, HOME, read_config, root_of
from homeostat.core.digests import Digest
from homeostat.core.ids import RunId
from homeostat.store.objects import FileObjects, ObjectStore
from homeostat.track.ports import Destination
from homeostat.track.run import Beginning, Run
from homeostat.track.spool import Spool

_opening = threading.RLock()
_told: set[Path] = set()


class OpenedRuns(Protocol):
    """`track.service.Runs`, as a script needs it."""

    def ship(self, spool: Spool) -> bool: ...

    def resume(self, run_id: str) -> Run: ...

    def recover(self) -> list[RunId]: ...


class Opened(Protocol):
    """A workspace, by what a script needs of it: its type would import the database."""

    @property
    def objects(self) -> ObjectStore: ...

    @property
    def database(self) -> Any: ...

    @property
    def runs(self) -> OpenedRuns: ...

    def close(self) -> None: ...


_opened: dict[tuple[Path, int], Opened] = {}


class InProject:
    """The workspace of a project. A `track.ports.Destination`."""

    def __init__(self, root: Path, *, is_declared: bool) -> None:
        """Args:
        is_declared: there is a homeostat.toml; else the project is made of its `.homeostat/` alone.
        """
        self.root = root
        self.home = root / HOME
        self.is_declared = is_declared
        if not is_declared and root not in _told:
            _told.add(root)
            sys.stderr.write(
                f"Runs are kept in {self.home}, for there is no {CONFIG_FILE} in {root} or above it. "
                f"Look at them there: homeostat runs list\n"
            )

    @property
    def is_replay(self) -> bool:
        return self.is_declared and read_config(self.root / CONFIG_FILE).store.clock == "watermark"

    @property
    def objects(self) -> ObjectStore:
        return opened_project(self).objects

    def ship(self, spool: Spool) -> bool:
        return opened_project(self).runs.ship(spool)

    def capture(self) -> Mapping[str, Any]:
        return capture(self.root, self.objects, with_code=self.is_declared)

    def encode_model(self, model: Any, example: Any, code: Digest) -> bytes:
        return encode_model(model, example, code)


class Offline:
    """A folder of spools and objects. A `track.ports.Destination` that ships nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = folder / "spool"
        self.objects = FileObjects(folder / "objects")

    def ship(self, spool: Spool) -> bool:
        del spool
        return False

    def capture(self) -> Mapping[str, Any]:
        root, is_declared = project_or_folder(Path.cwd())
        return capture(root, self.objects, with_code=is_declared)

    def encode_model(self, model: Any, example: Any, code: Digest) -> bytes:
        return encode_model(model, example, code)


class Away(Destination, Protocol):
    """`current.server.OnServer`: its type would import what it takes to speak HTTP."""

    @property
    def spool(self) -> Path: ...

    def beginning(self, run_id: str) -> Beginning: ...


def on_server(address: str, home: Path) -> Away:
    """A server as a destination; nothing is asked of it yet. Raises: UserError if the address is none."""
    there: Away = importlib.import_module("homeostat.current.server").OnServer(address, home=home)
    return there


def project_or_folder(start: Path) -> tuple[Path, bool]:
    """The project that holds `start`, and True; or `start` and False if none does."""
    root = root_of(start)
    return (start.resolve(), False) if root is None else (root, True)


def opened_project(project: InProject) -> Opened:
    """Its workspace, opened once per process; dead processes' runs are brought home then."""
    here = (project.root, os.getpid())  # a forked process must not share its parent's connections
    with _opening:
        if here not in _opened:
            module = importlib.import_module("homeostat.workspace")
            opened: Opened = (
                module.Workspace.open(project.root)
                if project.is_declared
                else module.Workspace.undeclared(project.root)
            )
            opened.runs.recover()
            _opened[here] = opened
        return _opened[here]


def capture(root: Path, objects: ObjectStore, *, with_code: bool) -> dict[str, Any]:
    """What surrounds this process.

    Args:
        with_code: keep the code below `root`. Without a declared project nobody knows how much that is, so there a
            Git repository is needed for it.
    """
    git = _git(root)
    surroundings = importlib.import_module("homeostat.capture.surroundings")
    if with_code or git:
        found: dict[str, Any] = surroundings.as_json(surroundings.capture(root, objects))
    else:
        environment = importlib.import_module("homeostat.capture.environment").environment(objects)
        found = {"environment": environment, "argv": sys.argv, "settings": surroundings.settings()}
    return {**found, "git": git} if git else found


def encode_model(model: Any, example: Any, code: Digest) -> bytes:
    encoded: bytes = importlib.import_module("homeostat.codec.models").encode_any(model, example, code)
    return encoded


def _git(root: Path) -> dict[str, str]:
    """Commit and branch, and whether the working directory is `dirty`; empty if `root` is in no repository."""
    try:
        commit, branch = _asked(root, "rev-parse", "HEAD", "--abbrev-ref", "HEAD").split()
        # What a run writes itself is no change, and the index of somebody at work is left alone.
        changes = _asked(
            root, "--no-optional-locks", "status", "--porcelain", "--", ".", f":(exclude,glob)**/{HOME}/**"
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}
    return {"commit": commit, "branch": branch, "dirty": "true" if changes.strip() else "false"}


def _asked(root: Path, *words: str) -> str:
    asked = subprocess.run(("git", *words), cwd=root, capture_output=True, text=True, check=True, timeout=10)
    return asked.stdout
