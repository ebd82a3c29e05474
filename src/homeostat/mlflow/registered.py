"""Registered models: names with versions. A system of ours is one."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sqlalchemy import select

from homeostat.core.errors import AlreadyExists
from homeostat.loop.queries import declarations
from homeostat.mlflow import rules, versions
from homeostat.mlflow.call import Call, Endpoint
from homeostat.mlflow.searching import Field, Keyed, conditions, page, terms
from homeostat.mlflow.wire import ABSENT, CONFLICT, Asked, Fault, Pair, millis, pairs, present
from homeostat.registry import catalog, outbox, queries
from homeostat.registry.service import CHAMPION
from homeostat.store.db.schema.registry import registered_model_tags, registered_models
from homeostat.track.search.grammar import Vocabulary
from homeostat.track.search.orders import Term

_MOST_PAGE = 1000
_FIELD = Field(
    vocabulary=Vocabulary(
        attributes={"name": "text", "last_updated_timestamp": "time", "creation_timestamp": "time"},
        names={"timestamp": "last_updated_timestamp"},
        kinds=("tag",),
        numeric_params=False,
    ),
    columns={
        "name": registered_models.c.name,
        "last_updated_timestamp": registered_models.c.updated_at,
        "creation_timestamp": registered_models.c.created_at,
    },
    keyed={
        "tag": Keyed(
            registered_model_tags.c.key,
            registered_model_tags.c.value,
            registered_model_tags.c.name == registered_models.c.name,
        )
    },
    orders=(Term(registered_models.c.name, False),),
)


class Create(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str = ""
    tags: tuple[Pair, ...] = ()
    description: str = ""


class Named(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str = ""


class Update(Named, frozen=True, kw_only=True):
    description: str | None = None


class Rename(Named, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name", "new_name")
    new_name: str = ""


class Search(Asked, frozen=True, kw_only=True):
    filter: str = ""
    max_results: int = 100
    order_by: tuple[str, ...] = ()
    page_token: str = ""


class Tag(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name", "key")
    name: str = ""
    key: str = ""
    value: str = ""


class Latest(Named, frozen=True, kw_only=True):
    stages: tuple[str, ...] = ()


class Alias(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name", "alias")
    name: str = ""
    alias: str = ""


class SetAlias(Alias, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name", "alias", "version")
    version: str = ""


def create(call: Call, asked: Create) -> dict[str, Any]:
    rules.check_model_name(asked.name)
    tags = dict(map(rules.registry_tag, asked.tags))
    try:
        catalog.create(call.connection, asked.name, call.now, description=asked.description, tags=tags)
    except AlreadyExists:
        raise Fault(f"Registered Model (name={asked.name}) already exists.", CONFLICT) from None
    data = {"name": asked.name, "tags": tags, "description": asked.description or None}
    outbox.announce(call.connection, "registered_model.created", data, call.now)
    return {"registered_model": _one(call, asked.name)}


def get(call: Call, asked: Named) -> dict[str, Any]:
    check_known(call, asked.name)
    return {"registered_model": _one(call, asked.name)}


def update(call: Call, asked: Update) -> dict[str, Any]:
    check_known(call, asked.name)
    catalog.describe(call.connection, asked.name, call.now, asked.description or "")
    return {"registered_model": _one(call, asked.name)}


def rename(call: Call, asked: Rename) -> dict[str, Any]:
    rules.check_model_name(asked.new_name, "new_name")
    check_known(call, asked.name)
    _check_no_system(call, asked.name, "renamed")
    if asked.new_name != asked.name:
        try:
            catalog.rename(call.connection, asked.name, asked.new_name, call.now)
        except AlreadyExists as error:
            raise Fault(f"Registered Model (name={asked.new_name}) already exists. {error.message}", CONFLICT) from None
    return {"registered_model": _one(call, asked.new_name)}


def delete(call: Call, asked: Named) -> dict[str, Any]:
    check_known(call, asked.name)
    _check_no_system(call, asked.name, "deleted")
    catalog.remove(call.connection, asked.name)
    return {}


def search(call: Call, asked: Search) -> dict[str, Any]:
    rules.check_results(asked.max_results, _MOST_PAGE)
    where = conditions(call.connection, _FIELD, asked.filter)
    rows, token = page(
        call.connection,
        select(registered_models.c.name).where(*where),
        terms(_FIELD, asked.order_by),
        asked.max_results,
        asked.page_token,
        ("registered", asked.filter, list(asked.order_by)),
    )
    return present(registered_models=shown(call, [row.name for row in rows]), next_page_token=token or None)


def set_tag(call: Call, asked: Tag) -> dict[str, Any]:
    key, value = rules.registry_tag(Pair(key=asked.key, value=asked.value))
    check_known(call, asked.name)
    catalog.put_tag(call.connection, asked.name, key, value)
    return {}


def delete_tag(call: Call, asked: Tag) -> dict[str, Any]:
    rules.check_key(asked.key, "key")
    check_known(call, asked.name)
    catalog.remove_tag(call.connection, asked.name, asked.key)
    return {}


def latest_versions(call: Call, asked: Latest) -> dict[str, Any]:
    check_known(call, asked.name)
    stages = [rules.stage(text) for text in asked.stages] or list(rules.STAGES)
    return present(model_versions=_latest(call, asked.name, stages))


def set_alias(call: Call, asked: SetAlias) -> dict[str, Any]:
    alias = rules.check_alias(asked.alias, is_new=True)
    rules.check_model_name(asked.name)
    version = versions.found(call, asked.name, asked.version)
    if alias == CHAMPION and asked.name in _systems(call):
        # Production of a system is decided by its gates, whoever asks.
        call.rooms.registry.promote(call.connection, version.system, version.number, by="mlflow")
    else:
        catalog.move_alias(call.connection, version.system, alias, version.number, call.now, by="mlflow")
    data = {"name": asked.name, "alias": alias, "version": str(version.number)}
    outbox.announce(call.connection, "model_version_alias.created", data, call.now)
    return {}


def delete_alias(call: Call, asked: Alias) -> dict[str, Any]:
    alias = rules.check_alias(asked.alias, is_new=False)
    check_known(call, asked.name)
    if alias == CHAMPION:
        _check_no_system(call, asked.name, "left without a champion")
    if queries.alias(call.connection, asked.name, alias) is not None:
        catalog.move_alias(call.connection, asked.name, alias, 0, call.now, by="mlflow")
    data = {"name": asked.name, "alias": alias}
    outbox.announce(call.connection, "model_version_alias.deleted", data, call.now)
    return {}


def get_alias(call: Call, asked: Alias) -> dict[str, Any]:
    alias = rules.check_alias(asked.alias, is_new=False)
    check_known(call, asked.name)
    if alias.lower() == "latest":
        number = catalog.newest_number(call.connection, asked.name)
        if number is None:
            raise Fault(f"Latest version not found for model {asked.name}.", ABSENT)
    else:
        number = queries.alias(call.connection, asked.name, alias)
        if number is None:
            raise Fault(f"Registered model alias {alias} not found.")
    return {"model_version": versions.shown(call, [queries.version(call.connection, asked.name, number)])[0]}


def check_known(call: Call, name: str) -> None:
    """Raises: Fault if there is no registered model of this name, or it cannot be one."""
    rules.check_model_name(name)
    if not catalog.exists(call.connection, name):
        raise Fault(f"Registered Model with name={name} not found", ABSENT)


def shown(call: Call, names: Sequence[str]) -> list[dict[str, Any]]:
    """Registered models as clients read them."""
    aliases = catalog.aliases(call.connection, names)
    return [
        present(
            name=one.name,
            creation_timestamp=millis(one.created_at),
            last_updated_timestamp=millis(one.updated_at),
            description=one.description or None,
            latest_versions=_latest(call, one.name, rules.STAGES),
            tags=pairs(one.tags),
            aliases=[{"alias": alias, "version": str(number)} for alias, number in aliases.get(one.name, {}).items()],
        )
        for one in catalog.read(call.connection, names)
    ]


def _one(call: Call, name: str) -> dict[str, Any]:
    return shown(call, [name])[0]


def _latest(call: Call, name: str, stages: Sequence[str]) -> list[dict[str, Any]]:
    """The newest version of each stage."""
    newest = catalog.newest_by_stage(call.connection, name)
    numbers = sorted(number for stage, number in newest.items() if stage in stages)
    return versions.shown(call, [queries.version(call.connection, name, number) for number in numbers])


def _systems(call: Call) -> set[str]:
    return {declared.name for declared in declarations(call.connection)}


def _check_no_system(call: Call, name: str, what: str) -> None:
    if name in _systems(call):
        raise Fault(
            f"{name} is a system that this workspace keeps at its setpoints, and cannot be {what} by a client. "
            "Change its declaration in homeostat.toml.",
            "PERMISSION_DENIED",
        )


_POST = (
    ("create", Create, create),
    ("rename", Rename, rename),
    ("set-tag", Tag, set_tag),
)
ENDPOINTS = (
    *(
        Endpoint(methods=("POST",), path=f"registered-models/{name}", asked=asked, handler=handler)
        for name, asked, handler in _POST
    ),
    Endpoint(methods=("PATCH",), path="registered-models/update", asked=Update, handler=update),
    Endpoint(methods=("DELETE",), path="registered-models/delete", asked=Named, handler=delete),
    Endpoint(methods=("GET",), path="registered-models/get", asked=Named, handler=get, writes=False),
    Endpoint(methods=("GET",), path="registered-models/search", asked=Search, handler=search, writes=False),
    Endpoint(methods=("DELETE",), path="registered-models/delete-tag", asked=Tag, handler=delete_tag),
    Endpoint(
        methods=("GET", "POST"),
        path="registered-models/get-latest-versions",
        asked=Latest,
        handler=latest_versions,
        writes=False,
    ),
    Endpoint(methods=("POST",), path="registered-models/alias", asked=SetAlias, handler=set_alias),
    Endpoint(methods=("DELETE",), path="registered-models/alias", asked=Alias, handler=delete_alias),
    Endpoint(methods=("GET",), path="registered-models/alias", asked=Alias, handler=get_alias, writes=False),
)
