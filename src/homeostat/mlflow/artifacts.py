"""Artifacts through the server: clients give paths, contents lie in the object store under their digests.

A path names a file of a run (`<experiment>/<run>/artifacts/...`) or of a logged model (`<experiment>/models/<id>/artifacts/...`)
and nothing else. It is settled once, looked up in rows, and never touches the file system.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import Connection, delete, select

from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound
from homeostat.core.ids import RunId
from homeostat.mlflow import rules
from homeostat.mlflow.call import SCHEME, Call, Endpoint, Rooms, listing, location_of, model_root, run_root
from homeostat.mlflow.runs import location, record
from homeostat.mlflow.wire import ABSENT, Asked, Fault, present
from homeostat.registry import logged
from homeostat.store.db.schema.track import experiments, run_artifacts, runs
from homeostat.track import recording
from homeostat.track.records import ArtifactKept


class Owner(NamedTuple):
    """Whose file it is: `kind` is `run` or `model`."""

    kind: str
    id: str


class Place(NamedTuple):
    """A settled path; `name` is below the owner's root, and empty for the root itself."""

    owner: Owner
    name: str


class List(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_id",)
    run_id: str = ""
    path: str = ""


def list_of_run(call: Call, asked: List) -> dict[str, Any]:
    run = record(call, asked.run_id)
    folder = rules.artifact_path(asked.path)
    found = listing(files(call.connection, Owner("run", run.id)), folder, below=f"{folder}/" if folder else "")
    return present(root_uri=run_root(location(call, run.experiment_id), run.id), files=found)


def place(connection: Connection, path: str) -> Place:
    """What a path of the proxy means.

    Raises: Fault if it lies inside no run and no model.
    """
    parts = rules.artifact_path(path).split("/")
    for index in range(len(parts) - 1, 0, -1):
        if parts[index] != "artifacts":
            continue
        prefix, id_, name = "/".join(parts[: index - 1]), parts[index - 1], "/".join(parts[index + 1 :])
        owner = Owner("run", id_)
        if prefix.endswith("/models") or prefix == "models":
            owner = Owner("model", id_)
        root = _root(connection, owner)
        if root == SCHEME + "/".join(parts[: index + 1]):
            return Place(owner, rules.artifact_path(name))  # below the root it may be a drive: `.../artifacts/C:/x`
    raise Fault(f"Nothing can be at '{path}': it lies inside the artifacts of no run and no logged model.", ABSENT)


def files(connection: Connection, owner: Owner) -> list[tuple[str, int]]:
    """Path and size of every file of a run or model."""
    if owner.kind == "model":
        return [(file.name, file.size_bytes) for file in logged.files(connection, owner.id)]
    query = select(run_artifacts.c.name, run_artifacts.c.size_bytes).where(run_artifacts.c.run_id == owner.id)
    return [(name, size_bytes) for name, size_bytes in connection.execute(query)]


def digest(connection: Connection, owner: Owner, name: str) -> Digest:
    """The content of a file. Raises: Fault if there is none."""
    if owner.kind == "model":
        found = {file.name: file.digest for file in logged.files(connection, owner.id)}.get(name)
    else:
        found = connection.execute(
            select(run_artifacts.c.digest).where(run_artifacts.c.run_id == owner.id, run_artifacts.c.name == name)
        ).scalar()
    if found is None:
        raise Fault(f"No such artifact: '{name}'", ABSENT)
    return Digest(found)


def keep(rooms: Rooms, path: str, chunks: Iterable[bytes]) -> None:
    """Keep a file. It is there when this returns, or not at all.

    Raises: Fault as `place`. DiskFull.
    """
    with rooms.database.read() as connection:
        where = place(connection, path)
    if not where.name:
        raise Fault("Invalid path")
    counted = _Counted(chunks)
    content = rooms.objects.put(counted)
    with rooms.database.write() as connection:
        if where.owner.kind == "model":
            file = logged.File(name=where.name, digest=content, size_bytes=counted.size_bytes)
            logged.keep_file(connection, where.owner.id, file)
        else:
            kept = ArtifactKept(name=where.name, digest=content, size_bytes=counted.size_bytes)
            recording.keep_artifact(connection, RunId(where.owner.id), kept)


def remove(rooms: Rooms, path: str) -> None:
    """Take away a file, or a folder. What is not there may be removed."""
    with rooms.database.write() as connection:
        where = place(connection, path)
        if where.owner.kind == "model":
            logged.remove_files(connection, where.owner.id, where.name)
            return
        table = run_artifacts
        below = table.c.name.startswith(f"{where.name}/" if where.name else "", autoescape=True)
        these = (table.c.name == where.name) | below
        connection.execute(delete(table).where(table.c.run_id == where.owner.id, these))


def proxied(connection: Connection, path: str) -> list[dict[str, Any]]:
    """What lies in a folder of the proxy, by base names; nothing if there is no such folder."""
    try:
        where = place(connection, path)
    except Fault as fault:
        if fault.error_code != ABSENT:
            raise
        return []
    return listing(files(connection, where.owner), where.name)


class _Counted:
    """Chunks, and how many bytes they had."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.size_bytes = 0

    def __iter__(self) -> Any:
        for chunk in self._chunks:
            self.size_bytes += len(chunk)
            yield chunk


def _root(connection: Connection, owner: Owner) -> str:
    """Where the artifacts of a run or model are; empty if there is no such."""
    if owner.kind == "model":
        try:
            experiment = logged.get(connection, owner.id, allow_deleted=True).experiment_id
        except NotFound:
            return ""
    else:
        of_run = connection.execute(select(runs.c.experiment_id).where(runs.c.id == owner.id)).scalar()
        if of_run is None:
            return ""
        experiment = of_run
    chosen = connection.execute(select(experiments.c.artifact_location).where(experiments.c.id == experiment)).scalar()
    root = location_of(experiment, chosen or "")
    return run_root(root, owner.id) if owner.kind == "run" else model_root(root, owner.id)


ENDPOINTS = (Endpoint(methods=("GET",), path="artifacts/list", asked=List, handler=list_of_run, writes=False),)
