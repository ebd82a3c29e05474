"""The composition root: finds the project, opens its stores, builds the rooms and hands each its ports.

A project is a directory with a `homeostat.toml`; what Homeostat keeps lies in `.homeostat/` beside it. Rooms are built
when first asked for, so that a process pays only for those it uses.
"""

import importlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from homeostat.configuration import (
    CONFIG_FILE,
    HOME,
    Config,
    Project,
    Store,
    key,
    read_config,
    remote_toml,
    root_of,
    to_toml,
)
from homeostat.core.clock import Clock, Micros, WallClock, Watermark, parse_iso
from homeostat.core.digests import Digest
from homeostat.core.errors import (
    AlreadyExists,
    HomeostatError,
    InvalidDeclaration,
    NotFound,
    NoWorkspace,
    Unavailable,
)
from homeostat.core.ids import check_name
from homeostat.store.db import Database
from homeostat.store.db.migrate import migrate
from homeostat.store.objects import FileObjects
from homeostat.store.objects.files import write_durably
from homeostat.store.objects.healing import HealingObjects
from homeostat.store.objects.remote import Location, Remote
from homeostat.store.retention.mentions import roots
from homeostat.store.retention.projects import register, registered

if TYPE_CHECKING:  # a process imports only the rooms it uses: see `_load`
    import pyarrow as pa

    from homeostat.data.branches import Branches
    from homeostat.data.catalog.service import Catalog
    from homeostat.data.contracts.profile import Profile
    from homeostat.data.exchange.service import Exchange
    from homeostat.data.filesets import FileSets
    from homeostat.data.packs import KeepPieces
    from homeostat.data.retention.forgetting import Forgetting
    from homeostat.data.retention.integrity import Integrity
    from homeostat.data.service import Datasets
    from homeostat.data.sources.service import Sources
    from homeostat.data.tree import Range
    from homeostat.loop.controller import Controller
    from homeostat.loop.system import System
    from homeostat.monitor.ports import Requests
    from homeostat.monitor.service import Monitor
    from homeostat.pipelines.service import Pipelines
    from homeostat.registry.records import Reproduced
    from homeostat.registry.service import Registry
    from homeostat.serve.log import ObservationLog
    from homeostat.serve.service import Deployments
    from homeostat.track.service import Runs

__all__ = ["CONFIG_FILE", "HOME", "Config", "Project", "Store", "Workspace"]


class Workspace:
    """One project, opened. Safe for threads; close it, or use it as a context manager."""

    def __init__(self, root: Path, config: Config) -> None:
        self.root = root
        self.config = config
        self.home = root / HOME

    @classmethod
    def find(cls, start: Path | None = None) -> Self:
        """Open the project that holds `start` (default: the current directory).

        Raises: NoWorkspace if neither it nor a parent has a homeostat.toml. InvalidDeclaration if that file is wrong.
        """
        return cls.open(cls.root_of(start or Path.cwd()))

    @staticmethod
    def root_of(start: Path) -> Path:
        """The directory of the project that holds `start`. Raises: NoWorkspace as `find`."""
        root = root_of(start)
        if root is None:
            raise NoWorkspace(
                f"There is no {CONFIG_FILE} in {start.resolve()} or above it. Make a project with `homeostat init my-project`, "
                f"or change to one."
            )
        return root

    @classmethod
    def open(cls, root: Path) -> Self:
        """Open the project in `root`; creates or upgrades its database.

        Raises: NoWorkspace, InvalidDeclaration, NewerWorkspace.
        """
        path = root / CONFIG_FILE
        if not path.is_file():
            raise NoWorkspace(
                f"{root} is no project: it has no {CONFIG_FILE}. Make one with `homeostat init my-project`."
            )
        workspace = cls(root, read_config(path))
        workspace.home.mkdir(exist_ok=True)
        migrate(workspace.database)
        return workspace

    @classmethod
    def undeclared(cls, root: Path) -> Self:
        """A directory without a homeostat.toml as a project: what scripts tracked there lies in its `.homeostat/`.

        Raises: NewerWorkspace.
        """
        workspace = cls(root, Config(project=Project(name="undeclared")))
        workspace.home.mkdir(exist_ok=True)
        migrate(workspace.database)
        return workspace

    @classmethod
    def create(cls, root: Path, config: Config) -> Self:
        """Write a homeostat.toml and open the new project.

        Raises: AlreadyExists if there is one. InvalidName if the project's name cannot be one.
        """
        check_name("project", config.project.name)
        path = root / CONFIG_FILE
        if path.exists():
            raise AlreadyExists(f"{path} is there already. Choose another directory, or work in that project.")
        root.mkdir(parents=True, exist_ok=True)
        path.write_bytes(to_toml(config))
        return cls.open(root)

    @cached_property
    def database(self) -> Database:
        return Database(self.config.store.database or f"sqlite:///{self.home / 'homeostat.db'}")

    @property
    def store_folder(self) -> Path:
        """Where the objects are."""
        chosen = self.config.store.objects
        return (self.root / Path(chosen).expanduser()).resolve() if chosen else self.home / "objects"

    @cached_property
    def objects(self) -> FileObjects:
        """The object store; with remotes, what it lost comes back from them when it is read."""
        register(self.store_folder, self.config.project.name, self.root, self.database.url)
        if self.config.remotes:
            return HealingObjects(self.store_folder, self.reachable_remotes)
        return FileObjects(self.store_folder)

    @cached_property
    def exchange(self) -> "Exchange":
        room: type[Exchange] = _load("data.exchange.service", "Exchange")
        return room(self.database, self.objects, self.clock, self.config.project.name)

    @cached_property
    def forgetting(self) -> "Forgetting":
        room: type[Forgetting] = _load("data.retention.forgetting", "Forgetting")
        return room(self.database, self.objects, self.clock)

    @cached_property
    def integrity(self) -> "Integrity":
        room: type[Integrity] = _load("data.retention.integrity", "Integrity")
        return room(self.database, FileObjects(self.store_folder))

    def remote(self, name: str = "") -> Remote:
        """A remote by its name; without one, the only one there is.

        Raises: NotFound saying which there are. Unavailable if its directory is not there.
        """
        known = self.config.remotes
        chosen = name or (next(iter(known)) if len(known) == 1 else "")
        if chosen not in known:
            there = f"There are: {', '.join(known)}. Say which: --remote NAME" if known else "There is none."
            raise NotFound(
                f"{f'No remote is named {name!r}' if name else 'No remote was named'}. {there} "
                "Add one: homeostat data remote add NAME file:///path or s3://bucket/prefix"
            )
        opened: Remote = _load("store.objects.opening", "open_remote")(known[chosen])
        return opened

    def reachable_remotes(self) -> list[Remote]:
        """Every remote that is there."""
        found = []
        for name in self.config.remotes:
            with suppress(Unavailable):
                found.append(self.remote(name))
        return found

    def add_remote(self, name: str, location: Location) -> None:
        """Write a remote down in homeostat.toml, so that every copy of the project knows it.

        Raises: InvalidName, AlreadyExists, InvalidDeclaration if the address is none. Unavailable if its directory cannot be.
        """
        check_name("remote", name)
        if name in self.config.remotes:
            raise AlreadyExists(
                f"Remote {name!r} is {self.config.remotes[name].url} already. Remove it first: homeostat data remote remove {name}"
            )
        _load("store.objects.opening", "open_remote")(location, create=True)
        self._edit(lambda text: text.rstrip("\n") + "\n\n" + remote_toml(name, location))

    def remove_remote(self, name: str) -> None:
        """Take a remote out of homeostat.toml; what is on it stays.

        Raises: NotFound. InvalidDeclaration if somebody wrote it there in another form than ours.
        """
        if name not in self.config.remotes:
            raise NotFound(f"No remote is named {name!r}. There are: {', '.join(self.config.remotes) or 'none'}.")
        ours = re.compile(rf"\n*^\[remotes\.{re.escape(key(name))}\]\n(?:[^\[\n].*\n?|\n)*", re.MULTILINE)
        self._edit(lambda text: ours.sub("\n", text, count=1))
        if name in self.config.remotes:
            raise InvalidDeclaration(
                f"Remote {name!r} stands in {self.root / CONFIG_FILE} in a form of its own. Remove it there by hand."
            )

    def _edit(self, change: Callable[[str], str]) -> None:
        path = self.root / CONFIG_FILE
        write_durably(path, change(path.read_text()).encode())
        self.config = read_config(path)

    def needed_objects(self) -> set[Digest]:
        """What every project that keeps its objects in this project's store speaks of.

        Raises: Unavailable naming a project that cannot be read, for it may need any object.
        """
        register(self.store_folder, self.config.project.name, self.root, self.database.url)
        found: set[Digest] = set()
        for path, one in registered(self.store_folder):
            try:
                with Workspace(Path(one.root), read_config(Path(one.root) / CONFIG_FILE)) as other:
                    file = make_url(other.database.url).database if other.database.url.startswith("sqlite") else None
                    if file is not None and not Path(file).is_file():
                        raise FileNotFoundError(file)  # opening it would make an empty one
                    found |= roots(other.database, other.home / "spool")
            except (OSError, SQLAlchemyError, HomeostatError) as error:
                raise Unavailable(
                    f"Project {one.name!r} in {one.root} keeps its objects in {self.store_folder} and cannot be read: "
                    f"{str(error).splitlines()[0]}. Nothing was deleted, for it may need any of them. Make it readable; or, if it is "
                    f"gone for good, delete {path}."
                ) from error
        return found

    @cached_property
    def clock(self) -> Clock:
        return self.watermark if self.config.store.clock == "watermark" else WallClock()

    @cached_property
    def watermark(self) -> Watermark:
        """The replay's clock, to be advanced by its one driver."""
        return Watermark(self.home / "watermark")

    @property
    def weeks_from(self) -> Micros:
        return parse_iso(self.config.project.weeks_from)

    @property
    def run_folder(self) -> Path:
        """Sockets, logs of processes, materialised code."""
        folder = self.home / "run"
        folder.mkdir(exist_ok=True)
        return folder

    @cached_property
    def log(self) -> "ObservationLog":
        """Predictions and labels as the gateways wrote them."""
        room: type[ObservationLog] = _load("serve.log", "ObservationLog")
        return room(self.home / "log")

    @cached_property
    def catalog(self) -> "Catalog":
        """Versions of datasets, for who reads no rows."""
        room: type[Catalog] = _load("data.catalog.service", "Catalog")
        return room(self.database, self.objects, self.clock)

    @cached_property
    def filesets(self) -> "FileSets":
        """Datasets of files, for who has nothing to do with tables."""
        room: type[FileSets] = _load("data.filesets", "FileSets")
        return room(self.database, self.objects, self.clock, self.home / "stat", _keep_pieces)

    @cached_property
    def datasets(self) -> "Datasets":
        room: type[Datasets] = _load("data.service", "Datasets")
        return room(self.database, self.objects, self.clock, self.home / "stat", Asked(self))

    @cached_property
    def branches(self) -> "Branches":
        room: type[Branches] = _load("data.branches", "Branches")
        return room(self.database, self.objects, self.clock, self.datasets, self.home / "conflicts")

    @cached_property
    def sources(self) -> "Sources":
        room: type[Sources] = _load("data.sources.service", "Sources")
        return room(self.database, self.objects, self.clock, self.datasets, self.root, self.home / "incoming")

    @cached_property
    def runs(self) -> "Runs":
        room: type[Runs] = _load("track.service", "Runs")
        return room(
            self.database,
            self.objects,
            self.clock,
            self.home / "spool",
            encode_model=_encode_model,
        )

    @cached_property
    def pipelines(self) -> "Pipelines":
        room: type[Pipelines] = _load("pipelines.service", "Pipelines")
        return room(self.database, self.objects, self.clock, self.root, self.runs)

    @cached_property
    def registry(self) -> "Registry":
        room: type[Registry] = _load("registry.service", "Registry")
        return room(self.database, self.clock)

    @cached_property
    def deployments(self) -> "Deployments":
        room: type[Deployments] = _load("serve.service", "Deployments")
        return room(self.database, self.clock)

    @cached_property
    def monitor(self) -> "Monitor":
        room: type[Monitor] = _load("monitor.service", "Monitor")
        return room(self.database, self.clock, Observations(self.log, self.deployments), origin=self.weeks_from)

    @cached_property
    def systems(self) -> "dict[str, System]":
        """The systems that homeostat.toml names, by their names. Imports the project's code.

        Raises: NotFound naming the module or attribute that is not there. InvalidDeclaration if it is no System, or two
            have one name.
        """
        if str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))
        found: dict[str, System] = {}
        for path in self.config.project.systems:
            system = _load_system(path)
            if system.name in found:
                raise InvalidDeclaration(
                    f"{CONFIG_FILE} names two systems called {system.name!r}; the second is {path}. Give it another name."
                )
            found[system.name] = system
        return found

    def controller(self) -> "Controller":
        """A controller for this process."""
        controller: type[Controller] = _load("loop.controller", "Controller")
        rooms = _load("loop.steps", "Rooms")(
            database=self.database,
            objects=self.objects,
            datasets=self.datasets,
            pipelines=self.pipelines,
            registry=self.registry,
            deployments=self.deployments,
            monitor=self.monitor,
            reproductions=Reproductions(self.root),
            folder=self.run_folder,
        )
        owner = f"{socket.gethostname()}:{os.getpid()}"
        return controller(self.database, self.clock, rooms, self.systems, owner)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Observations:
    """The monitor's `ObservationLog`: predictions and labels from the gateway's log, failures as gateways count them."""

    def __init__(self, log: "ObservationLog", deployments: "Deployments") -> None:
        self._log = log
        self._deployments = deployments

    def predictions(self, system: str, cursor: str) -> "tuple[pa.Table, str]":
        return self._log.predictions(system, cursor)

    def labels(self, system: str, cursor: str) -> "tuple[pa.Table, str]":
        return self._log.labels(system, cursor)

    def errors(self, system: str, since: Micros) -> "Requests":
        traffic = self._deployments.traffic(system, since)
        requests: type[Requests] = _load("monitor.ports", "Requests")
        return requests(failed=traffic.failures, total=traffic.requests)


class Asked:
    """The contracts' `Serving`: the raw inputs in the gateways' log, by event time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def profile(self, system: str, columns: Sequence[str], last_us: int) -> "Profile":
        since = Micros(self._workspace.clock.now() - last_us)
        found: Profile = _load("data.contracts.asked", "asked")(
            partial(self._workspace.log.predictions, system), columns, since
        )
        return found


class Reproductions:
    """The loop's `Reproductions`: the command `homeostat reproduce`, in a process of its own.

    So a reproduction that dies takes no controller with it, and what it keeps is there when the command ends.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def reproduce(self, run_id: str) -> "Reproduced":
        reproduced: type[Reproduced] = _load("registry.records", "Reproduced")
        command = [sys.executable, "-m", "homeostat", "reproduce", run_id, "--project", str(self._root), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode == 0:
            return msgspec.json.decode(done.stdout, type=reproduced)
        try:
            said = msgspec.json.decode(done.stdout)["error"]["message"]
        except (msgspec.DecodeError, KeyError, TypeError):  # not an error of ours
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return reproduced(grade="F", sentence=f"It could not be made again (exit code {done.returncode}): {said}")


def _encode_model(model: Any, example: Any, code: Digest) -> bytes:
    """Of a run. Models need polars and scikit-learn, which are loaded when a run keeps one."""
    encode: Callable[[Any, Any, Digest], bytes] = _load("codec.models", "encode_any")
    return encode(model, example, code)


def _keep_pieces(*asked: Any) -> "tuple[tuple[Range, ...], int] | None":
    """Of a large file that replaces another. It takes numpy, which is loaded when there is such a file."""
    keep: KeepPieces = _load("data.pieces", "keep_pieces")
    return keep(*asked)


def _load(module: str, name: str) -> Any:
    """A part of the house, imported now. With all rooms a process starts in a second, with those it uses in a third (ADR 0010)."""
    return getattr(importlib.import_module(f"homeostat.{module}"), name)


def _load_system(path: str) -> "System":
    module_name, _, attribute = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise NotFound(
            f"{CONFIG_FILE} names the system {path!r}, but {error}. Check the name; modules are looked for beside {CONFIG_FILE}."
        ) from error
    system = getattr(module, attribute, None)
    if system is None:
        raise NotFound(f"{CONFIG_FILE} names the system {path!r}, but module {module_name} has no {attribute!r}.")
    kind: type[System] = _load("loop.system", "System")
    if not isinstance(system, kind):
        raise InvalidDeclaration(f"{path} is a {type(system).__name__}, not a System. Make it with hs.System(...).")
    return system
