"""What an answer is made from, and where things lie in this protocol."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from homeostat.core.clock import Clock, Micros
from homeostat.mlflow.wire import Asked
from homeostat.registry.service import Registry
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects
from homeostat.workspace import Workspace

SCHEME = "mlflow-artifacts:/"


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """What the door needs of a workspace."""

    database: Database
    objects: FileObjects
    clock: Clock
    registry: Registry


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, in a transaction of its own.

    Attributes:
        connection: of a read, or of a write that commits when the answer is made.
        size_bytes: of the body.
    """

    connection: Connection
    now: Micros
    rooms: Rooms
    size_bytes: int = 0


Handler = Callable[[Call, Any], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One address: how it is asked, and who answers.

    Attributes:
        path: behind the prefix, such as `runs/create`.
        writes: whether it needs a transaction that can write.
    """

    methods: Collection[str]
    path: str
    asked: type[Asked]
    handler: Handler
    writes: bool = True


def rooms_of(workspace: Workspace) -> Rooms:
    return Rooms(
        database=workspace.database,
        objects=workspace.objects,
        clock=workspace.clock,
        registry=workspace.registry,
    )


def location_of(experiment_id: int, chosen: str) -> str:
    """Where the artifacts of an experiment are, as clients are told."""
    return chosen or f"{SCHEME}{experiment_id}"


def run_root(location: str, run_id: str) -> str:
    return _below(location, run_id)


def model_root(location: str, model_id: str) -> str:
    return _below(location, f"models/{model_id}")


def _below(location: str, name: str) -> str:
    return f"{location.rstrip('/')}/{name}/artifacts"


def listing(files: Sequence[tuple[str, int]], folder: str, *, below: str = "") -> list[dict[str, Any]]:
    """What lies directly in a folder.

    Args:
        files: path and size of every file, in any order.
        folder: a settled path; empty is the root.
        below: what stands before each path in the answer.
    """
    inside = f"{folder}/" if folder else ""
    found: dict[str, dict[str, Any]] = {}
    for path, size_bytes in files:
        if not path.startswith(inside):
            continue
        name, slash, _ = path[len(inside) :].partition("/")
        shown = f"{below}{name}"
        found[name] = (
            {"path": shown, "is_dir": True}
            if slash
            else {
                "path": shown,
                "is_dir": False,
                "file_size": size_bytes,
            }
        )
    return [found[name] for name in sorted(found)]
