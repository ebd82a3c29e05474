"""Registered models: names with versions, their descriptions, tags, stages and aliases.

What decides about production, gates and approvals, is `service.py`; here is what people write on the cards. Each verb takes
part in the caller's transaction.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, case, delete, func, insert, select, update

from homeostat.codec.model_folders import write_folder
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest, canonical_json
from homeostat.core.errors import AlreadyExists, NotAllowed, NotFound
from homeostat.registry.facts import ModelRegistered
from homeostat.registry.records import ModelVersion
from homeostat.store import ledger, lineage
from homeostat.store.db.schema.registry import (
    alias_moves,
    approvals,
    gate_reports,
    model_version_tags,
    model_versions,
    registered_model_tags,
    registered_models,
    waivers,
)
from homeostat.store.lineage import Edge, node
from homeostat.store.objects import ObjectStore

_BY_SYSTEM = (model_versions, alias_moves, gate_reports, approvals, waivers)


class RegisteredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A name with versions."""

    name: str
    description: str
    created_at: Micros
    updated_at: Micros
    tags: dict[str, str] = {}


def create(
    connection: Connection, name: str, at: Micros, *, description: str = "", tags: Mapping[str, str] | None = None
) -> None:
    """Raises: AlreadyExists if there is one of this name."""
    if exists(connection, name):
        raise AlreadyExists(f"Registered model {name!r} is there already. Add a version to it, or choose another name.")
    connection.execute(
        insert(registered_models).values(
            name=name, description=description, created_at=at, updated_at=at, last_number=0
        )
    )
    for key, value in (tags or {}).items():
        put_tag(connection, name, key, value)


def put(connection: Connection, model: RegisteredModel, last_number: int) -> None:
    """Have a registered model as it is elsewhere: it is added, or takes the new state. Tags that it has besides stay.

    Args: last_number: given to a version there, so that none is given twice.
    """
    if not exists(connection, model.name):
        create(connection, model.name, model.created_at)
    given = case((registered_models.c.last_number < last_number, last_number), else_=registered_models.c.last_number)
    connection.execute(
        update(registered_models)
        .where(registered_models.c.name == model.name)
        .values(description=model.description, updated_at=model.updated_at, last_number=given)
    )
    for key, value in model.tags.items():
        put_tag(connection, model.name, key, value)


def content(objects: ObjectStore, files: Mapping[str, Digest]) -> Digest:
    """What a version made of files is, as one digest: that of the list of the files with theirs. Empty if there are none.

    Args: files: digests by path below the folder of the model.
    """
    return objects.put(write_folder(files)) if files else Digest("")


def exists(connection: Connection, name: str) -> bool:
    query = select(registered_models.c.name).where(registered_models.c.name == name)
    return connection.execute(query).first() is not None


def next_number(connection: Connection, name: str, at: Micros) -> int:
    """The number of a new version; makes the registered model if there is none. No number is given twice."""
    if not exists(connection, name):
        create(connection, name, at)
    changed = {"last_number": registered_models.c.last_number + 1, "updated_at": at}
    connection.execute(update(registered_models).where(registered_models.c.name == name).values(**changed))
    query = select(registered_models.c.last_number).where(registered_models.c.name == name)
    return int(connection.execute(query).scalar_one())


def read(connection: Connection, names: Sequence[str]) -> list[RegisteredModel]:
    """Registered models by name, in that order; those that are not there are left out."""
    tags: dict[str, dict[str, str]] = {}
    for name, key, value in connection.execute(
        select(registered_model_tags).where(registered_model_tags.c.name.in_(list(names)))
    ):
        tags.setdefault(name, {})[key] = value
    rows = connection.execute(select(registered_models).where(registered_models.c.name.in_(list(names)))).mappings()
    fields = ("name", "description", "created_at", "updated_at")
    found = {
        row["name"]: RegisteredModel(**{field: row[field] for field in fields}, tags=tags.get(row["name"], {}))
        for row in rows
    }
    return [found[name] for name in names if name in found]


def describe(connection: Connection, name: str, at: Micros, description: str | None = None) -> None:
    """Change the description, or only note that something changed."""
    values: dict[str, Any] = {"updated_at": at} | ({} if description is None else {"description": description})
    connection.execute(update(registered_models).where(registered_models.c.name == name).values(**values))


def rename(connection: Connection, name: str, new_name: str, at: Micros) -> None:
    """Give a registered model another name, everywhere but in the past: ledger and lineage keep the old one.

    Raises: AlreadyExists.
    """
    if exists(connection, new_name):
        raise AlreadyExists(f"Registered model {new_name!r} is there already. Choose another name.")
    connection.execute(
        update(registered_models).where(registered_models.c.name == name).values(name=new_name, updated_at=at)
    )
    for table in (registered_model_tags, model_version_tags):
        connection.execute(update(table).where(table.c.name == name).values(name=new_name))
    for table in _BY_SYSTEM:
        connection.execute(update(table).where(table.c.system == name).values(system=new_name))


def remove(connection: Connection, name: str) -> None:
    """Delete a registered model with its versions and what gates and people said of them; the ledger keeps all that.

    A model registered later under this name begins with number 1 again, and nothing that was said of an older one is
    said of it.

    Raises: NotAllowed if one of them is a champion that passed gates.
    """
    of_name = model_versions.c.system == name
    champion = connection.execute(
        select(model_versions.c.number).where(of_name, model_versions.c.status == "champion")
    ).scalar()
    if champion is not None:
        raise _in_production(name, champion)
    for table in (registered_models, registered_model_tags, model_version_tags):
        connection.execute(delete(table).where(table.c.name == name))
    for table in _BY_SYSTEM:
        connection.execute(delete(table).where(table.c.system == name))


def put_tag(connection: Connection, name: str, key: str, value: str) -> None:
    """Set a tag; a later value replaces it."""
    _put(connection, registered_model_tags, {"name": name, "key": key}, value)


def remove_tag(connection: Connection, name: str, key: str) -> None:
    """A tag that is not there may be removed."""
    these = (registered_model_tags.c.name == name) & (registered_model_tags.c.key == key)
    connection.execute(delete(registered_model_tags).where(these))


def add_version(connection: Connection, version: ModelVersion, tags: Mapping[str, str]) -> None:
    """A version that a client registered. `version.number` is of `next_number`."""
    connection.execute(insert(model_versions).values(row(version)))
    edges = [Edge(version.node, node("run", version.run_id), "run")] if version.run_id else []
    if version.model:
        edges.append(Edge(version.node, node("model", version.model), "model"))
    lineage.record(connection, version.created_at, edges)
    for key, value in tags.items():
        put_version_tag(connection, version.system, version.number, key, value)
    fact = ModelRegistered(
        system=version.system,
        actor=version.created_by,
        number=version.number,
        model=version.model,
        run_id=version.run_id,
    )
    ledger.append(connection, version.created_at, fact)


def change_version(connection: Connection, name: str, number: int, at: Micros, **values: str) -> None:
    """Change `description` or `stage`."""
    where = (model_versions.c.system == name) & (model_versions.c.number == number)
    connection.execute(update(model_versions).where(where).values(updated_at=at, **values))


def archive_others(connection: Connection, name: str, number: int, stage: str, at: Micros) -> None:
    """Archive every other version of a stage."""
    where = (model_versions.c.system == name) & (model_versions.c.number != number) & (model_versions.c.stage == stage)
    connection.execute(update(model_versions).where(where).values(updated_at=at, stage="Archived"))


def remove_version(connection: Connection, name: str, number: int, at: Micros, *, by: str) -> None:
    """Delete a version; aliases that point at it point nowhere then.

    Raises: NotAllowed if it is a champion that passed gates.
    """
    _check_idle(connection, name, number)
    for alias, points_at in aliases(connection, [name]).get(name, {}).items():
        if points_at == number:
            move_alias(connection, name, alias, 0, at, by=by)
    where = (model_versions.c.system == name) & (model_versions.c.number == number)
    connection.execute(delete(model_versions).where(where))
    tags = (model_version_tags.c.name == name) & (model_version_tags.c.number == number)
    connection.execute(delete(model_version_tags).where(tags))
    describe(connection, name, at)


def put_version_tag(connection: Connection, name: str, number: int, key: str, value: str) -> None:
    _put(connection, model_version_tags, {"name": name, "number": number, "key": key}, value)


def remove_version_tag(connection: Connection, name: str, number: int, key: str) -> None:
    """A tag that is not there may be removed."""
    table = model_version_tags
    these = (table.c.name == name) & (table.c.number == number) & (table.c.key == key)
    connection.execute(delete(table).where(these))


def version_tags(connection: Connection, names: Sequence[str]) -> dict[tuple[str, int], dict[str, str]]:
    """Tags of every version of some registered models, by name and number."""
    found: dict[tuple[str, int], dict[str, str]] = {}
    query = select(model_version_tags).where(model_version_tags.c.name.in_(list(names)))
    for name, number, key, value in connection.execute(query):
        found.setdefault((name, number), {})[key] = value
    return found


def move_alias(connection: Connection, name: str, alias: str, number: int, at: Micros, *, by: str) -> None:
    """Point an alias at a version, or nowhere (0). Nothing is asked of gates: that is for `Registry.promote`."""
    connection.execute(insert(alias_moves).values(system=name, alias=alias, number=number, moved_at=at, actor=by))
    describe(connection, name, at)


def aliases(connection: Connection, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Where the aliases of some registered models point, by name."""
    latest = (
        select(func.max(alias_moves.c.id))
        .where(alias_moves.c.system.in_(list(names)))
        .group_by(alias_moves.c.system, alias_moves.c.alias)
    )
    query = select(alias_moves.c.system, alias_moves.c.alias, alias_moves.c.number).where(
        alias_moves.c.id.in_(latest), alias_moves.c.number > 0
    )
    found: dict[str, dict[str, int]] = {}
    for name, alias, number in connection.execute(query.order_by(alias_moves.c.alias)):
        found.setdefault(name, {})[alias] = number
    return found


def row(version: ModelVersion) -> dict[str, Any]:
    """The columns of a version; what is structured is held as canonical JSON."""
    structured = {name: canonical_json(getattr(version, name)).decode() for name in ("data", "metrics")}
    return {name: getattr(version, name) for name in version.__struct_fields__} | structured


def _check_idle(connection: Connection, name: str, number: int) -> None:
    """A champion that was judged by gates answers in production: it is replaced first."""
    where = (model_versions.c.system == name) & (model_versions.c.number == number)
    status = connection.execute(select(model_versions.c.status).where(where)).scalar()
    if status is None:
        raise NotFound(f"There is no model version {name}@{number}.")
    if status == "champion":
        raise _in_production(name, number)


def _in_production(name: str, number: int) -> NotAllowed:
    return NotAllowed(
        f"{name}@{number} is the champion and answers in production. Promote another version before deleting it."
    )


def _put(connection: Connection, table: Table, key: Mapping[str, Any], value: str) -> None:
    where = [table.c[name] == wanted for name, wanted in key.items()]
    if not connection.execute(update(table).where(*where).values(value=value)).rowcount:
        connection.execute(insert(table).values(**key, value=value))


def newest_number(connection: Connection, name: str) -> int | None:
    """The greatest number of a version that is there."""
    return connection.execute(select(func.max(model_versions.c.number)).where(model_versions.c.system == name)).scalar()


def newest_by_stage(connection: Connection, name: str) -> dict[str, int]:
    """The newest version of each stage that has one."""
    query = (
        select(model_versions.c.stage, func.max(model_versions.c.number).label("newest"))
        .where(model_versions.c.system == name)
        .group_by(model_versions.c.stage)
    )
    return {row.stage: row.newest for row in connection.execute(query)}
