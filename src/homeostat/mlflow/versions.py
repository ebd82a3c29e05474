"""Versions of registered models, on the rows of our registry."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from sqlalchemy import Connection, select

from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound
from homeostat.loop.queries import wake
from homeostat.mlflow import artifacts, rules
from homeostat.mlflow.artifacts import Owner
from homeostat.mlflow.call import SCHEME, Call, Endpoint, model_root
from homeostat.mlflow.runs import location
from homeostat.mlflow.searching import Field, Keyed, conditions, page, terms
from homeostat.mlflow.wire import ABSENT, Asked, Fault, Pair, address, entries, millis, pairs, present
from homeostat.registry import catalog, logged, outbox, queries
from homeostat.registry.logged import LoggedModel
from homeostat.registry.records import ModelVersion
from homeostat.store.db.schema.registry import model_version_tags, model_versions
from homeostat.store.db.schema.track import run_artifacts, runs
from homeostat.track.search.grammar import Vocabulary
from homeostat.track.search.orders import Term

_MOST_PAGE = 200_000
_VERSIONS_TAG = "mlflow.modelVersions"
# Schemes that only a client's own machine or another network could follow: a server must not be made to.
_FORBIDDEN = ("file", "http", "https", "ftp", "ftps", "sftp", "")
_NESTED = re.compile(r"[a-z][a-z0-9+.-]*:[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
_FIELD = Field(
    vocabulary=Vocabulary(
        attributes={
            "name": "text",
            "version_number": "number",
            "run_id": "text",
            "source_path": "text",
            "creation_timestamp": "time",
            "last_updated_timestamp": "time",
        },
        names={"version": "version_number"},
        kinds=("tag",),
        numeric_params=False,
    ),
    columns={
        "name": model_versions.c.system,
        "version_number": model_versions.c.number,
        "run_id": model_versions.c.run_id,
        "source_path": model_versions.c.source,
        "creation_timestamp": model_versions.c.created_at,
        "last_updated_timestamp": model_versions.c.updated_at,
    },
    keyed={
        "tag": Keyed(
            model_version_tags.c.key,
            model_version_tags.c.value,
            (model_version_tags.c.name == model_versions.c.system)
            & (model_version_tags.c.number == model_versions.c.number),
        )
    },
    orders=(
        Term(model_versions.c.updated_at, True),
        Term(model_versions.c.system, False),
        Term(model_versions.c.number, True),
    ),
)


class Create(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name", "source")
    name: str = ""
    source: str = ""
    run_id: str = ""
    run_link: str = ""
    description: str = ""
    model_id: str = ""
    tags: tuple[Pair, ...] = ()


class One(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name", "version")
    name: str = ""
    version: str = ""


class Update(One, frozen=True, kw_only=True):
    description: str | None = None


class Transition(One, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name", "version", "stage")
    stage: str = ""
    archive_existing_versions: bool = False


class Search(Asked, frozen=True, kw_only=True):
    filter: str = ""
    max_results: int = 10_000
    order_by: tuple[str, ...] = ()
    page_token: str = ""


class Tag(One, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name", "version", "key")
    key: str = ""
    value: str = ""


def create(call: Call, asked: Create) -> dict[str, Any]:
    rules.check_model_name(asked.name)
    if not catalog.exists(call.connection, asked.name):
        raise Fault(f"Registered Model with name={asked.name} not found", ABSENT)
    tags = dict(map(rules.registry_tag, asked.tags))
    source, run_id, model_id = _resolved(call.connection, asked)
    _check_source(call.connection, source, run_id, model_id)
    if model_id:
        run_id = run_id or _model(call.connection, model_id).source_run_id
    version = ModelVersion(
        system=asked.name,
        number=catalog.next_number(call.connection, asked.name, call.now),
        model=_content(call, source),
        run_id=run_id,
        data=(),
        code="",
        environment="",
        metrics={},
        status="candidate",
        created_at=call.now,
        created_by=_user(call.connection, run_id),
        updated_at=call.now,
        description=asked.description,
        source=source,
        run_link=asked.run_link,
        logged_model=model_id,
    )
    catalog.add_version(call.connection, version, tags)
    wake(call.connection, version.system, call.now)  # a system of this name looks at it at once
    if model_id:
        _tell_model(call, model_id, version)
    data = {
        "name": version.system,
        "version": str(version.number),
        "source": source,
        "run_id": run_id or None,
        "tags": tags,
        "description": asked.description or None,
    }
    outbox.announce(call.connection, "model_version.created", data, call.now)
    return {"model_version": shown(call, [version])[0]}


def get(call: Call, asked: One) -> dict[str, Any]:
    return {"model_version": shown(call, [found(call, asked.name, asked.version)])[0]}


def update(call: Call, asked: Update) -> dict[str, Any]:
    version = found(call, asked.name, asked.version)
    catalog.change_version(
        call.connection, version.system, version.number, call.now, description=asked.description or ""
    )
    return get(call, asked)


def delete(call: Call, asked: One) -> dict[str, Any]:
    version = found(call, asked.name, asked.version)
    catalog.remove_version(call.connection, version.system, version.number, call.now, by="mlflow")
    return {}


def search(call: Call, asked: Search) -> dict[str, Any]:
    if asked.max_results < 1:
        raise Fault(f"Invalid value for max_results. It must be a positive integer, but got {asked.max_results}")
    rules.check_results(asked.max_results, _MOST_PAGE)
    where = conditions(call.connection, _FIELD, asked.filter)
    rows, token = page(
        call.connection,
        select(model_versions).where(*where),
        terms(_FIELD, asked.order_by),
        asked.max_results,
        asked.page_token,
        ("versions", asked.filter, list(asked.order_by)),
    )
    found_versions = [queries.version_of(row._mapping) for row in rows]  # noqa: SLF001  the public face of a row's columns
    return present(model_versions=shown(call, found_versions), next_page_token=token or None)


def download_uri(call: Call, asked: One) -> dict[str, Any]:
    version = found(call, asked.name, asked.version)
    owner, _ = _folder(call.connection, version.source) or (None, "")
    if owner is None or owner.kind != "model":
        return {"artifact_uri": _source(version)}
    model = _model(call.connection, owner.id)
    return {"artifact_uri": model_root(location(call, model.experiment_id), model.id)}


def transition(call: Call, asked: Transition) -> dict[str, Any]:
    stage = rules.stage(asked.stage)
    if asked.archive_existing_versions and stage not in rules.ACTIVE_STAGES:
        raise Fault(
            f"Model version transition cannot archive existing model versions because '{asked.stage}' is not an Active stage. "
            f"Valid stages are {list(rules.ACTIVE_STAGES)}"
        )
    version = found(call, asked.name, asked.version)
    if asked.archive_existing_versions:
        catalog.archive_others(call.connection, version.system, version.number, stage, call.now)
    catalog.change_version(call.connection, version.system, version.number, call.now, stage=stage)
    catalog.describe(call.connection, version.system, call.now)
    return get(call, One(name=asked.name, version=asked.version))


def set_tag(call: Call, asked: Tag) -> dict[str, Any]:
    key, value = rules.registry_tag(Pair(key=asked.key, value=asked.value))
    version = found(call, asked.name, asked.version)
    catalog.put_version_tag(call.connection, version.system, version.number, key, value)
    data = {"name": version.system, "version": str(version.number), "key": key, "value": value}
    outbox.announce(call.connection, "model_version_tag.set", data, call.now)
    return {}


def delete_tag(call: Call, asked: Tag) -> dict[str, Any]:
    rules.check_key(asked.key, "key")
    version = found(call, asked.name, asked.version)
    catalog.remove_version_tag(call.connection, version.system, version.number, asked.key)
    data = {"name": version.system, "version": str(version.number), "key": asked.key}
    outbox.announce(call.connection, "model_version_tag.deleted", data, call.now)
    return {}


def found(call: Call, name: str, version: str) -> ModelVersion:
    """A version by its name and its number as text."""
    rules.check_model_name(name)
    number = rules.version_number(version)
    return _version(call.connection, name, number)


def shown(call: Call, versions: Sequence[ModelVersion]) -> list[dict[str, Any]]:
    """Versions as clients read them. Cost: two queries for any number of them."""
    names = sorted({one.system for one in versions})
    tags, aliases = catalog.version_tags(call.connection, names), catalog.aliases(call.connection, names)
    return [
        present(
            name=one.system,
            version=str(one.number),
            creation_timestamp=millis(one.created_at),
            last_updated_timestamp=millis(one.updated_at or one.created_at),
            user_id=one.created_by or None,
            current_stage=one.stage,
            description=one.description or None,
            source=_source(one),
            run_id=one.run_id,
            status="READY",
            tags=pairs(tags.get((one.system, one.number), {})),
            run_link=one.run_link,
            aliases=[alias for alias, number in aliases.get(one.system, {}).items() if number == one.number],
            model_id=one.logged_model or None,
        )
        for one in versions
    ]


def folder_of(connection: Connection, name: str, number: int) -> tuple[Owner, str]:
    """Whose files a version is made of, and the folder they are in.

    Raises: Fault if there is no such version, or its files are not kept here.
    """
    version = _version(connection, name, number)
    where = _folder(connection, version.source)
    if where is None:
        raise Fault(f"The files of {version.name} are not kept here: {_source(version)}", ABSENT)
    return where


def _resolved(connection: Connection, asked: Create) -> tuple[str, str, str]:
    """Source, run and logged model of a new version; a source that is another version passes on its own."""
    parts = address(asked.source)
    name, _, chosen = parts.path.strip("/").rpartition("/")
    if parts.scheme != "models" or not name:
        return asked.source, asked.run_id, asked.model_id
    if not chosen.isdecimal():
        raise Fault(f"Invalid model version source: '{asked.source}'. Name another version as models:/name/number.")
    other = _version(connection, name, rules.version_number(chosen))
    return other.source, other.run_id, other.logged_model


def _check_source(connection: Connection, source: str, run_id: str, model_id: str) -> None:
    """That a source lies inside the run or model it is said to come from, and leads nowhere on a server.

    Raises: Fault.
    """
    plain = rules.fully_unquoted(source)
    parts = address(plain)
    is_hidden = any(ord(sign) < 32 or sign in "#?\\" for sign in plain) or ".." in plain.split("/")
    if is_hidden or "/./" in plain:
        raise Fault(
            f"Invalid model version source: '{source}'. If supplying a source as an http, https, local file path, ftp, "
            "objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references "
            "present. Please provide an absolute path."
        )
    scheme = parts.scheme.lower()
    # A single letter is a drive, and a scheme in a scheme (`jar:file:`) leads on.
    if scheme in _FORBIDDEN or len(scheme) == 1 or _NESTED.match(plain):
        raise Fault(
            f"Invalid model version source: '{source}'. To use a local path as a model version source, the run_id request "
            "parameter has to be specified and the local path has to be contained within the artifact directory of the run "
            "specified by the run_id."
        )
    if scheme not in {"runs", "models", "mlflow-artifacts"}:
        return  # an object store that clients reach by themselves
    owner = _folder(connection, plain)
    named = "model_id" if model_id or scheme == "models" else "run_id"
    allowed = [Owner("run", run_id)] if run_id else []
    allowed += [Owner("model", model_id)] if model_id else []
    if owner is None or parts.netloc or owner[0] not in allowed:
        raise Fault(
            f"Invalid model version source: '{source}'. The {named} request parameter must identify the resource that "
            "contains the source."
        )


def _folder(connection: Connection, source: str) -> tuple[Owner, str] | None:
    """What a source of ours means: the run or model, and the folder below its root."""
    parts = address(source)
    head, _, rest = parts.path.strip("/").partition("/")
    match parts.scheme:
        case "runs":
            return (Owner("run", head), rest) if _is_run(connection, head) else None
        case "models" if _MODEL_ID.fullmatch(head):
            return (Owner("model", head), rest)
        case "mlflow-artifacts":
            try:
                where = artifacts.place(connection, source.removeprefix(SCHEME))
            except Fault:
                return None
            return where.owner, where.name
    return None


def _content(call: Call, source: str) -> Digest:
    """What a version is made of, as one digest. Empty if its files are not here."""
    where = _folder(call.connection, source)
    if where is None:
        return Digest("")
    owner, folder = where
    inside = f"{folder}/" if folder else ""
    if owner.kind == "model":
        kept = [(file.name, file.digest) for file in logged.files(call.connection, owner.id)]
    else:
        query = select(run_artifacts.c.name, run_artifacts.c.digest).where(run_artifacts.c.run_id == owner.id)
        kept = [(name, digest) for name, digest in call.connection.execute(query)]
    files = {name.removeprefix(inside): digest for name, digest in kept if name.startswith(inside)}
    return catalog.content(call.rooms.objects, files)


def _tell_model(call: Call, model_id: str, version: ModelVersion) -> None:
    """A logged model names the versions made of it, in one tag, as a JSON list."""
    model = _model(call.connection, model_id)
    known = entries(model.tags.get(_VERSIONS_TAG, "[]"))
    entry = {"name": version.system, "version": version.number}
    known += [] if entry in known else [entry]
    logged.put_tags(call.connection, model_id, {_VERSIONS_TAG: msgspec.json.encode(known).decode()})


def _version(connection: Connection, name: str, number: int) -> ModelVersion:
    try:
        return queries.version(connection, name, number)
    except NotFound:
        raise Fault(f"Model Version (name={name}, version={number}) not found", ABSENT) from None


def _model(connection: Connection, model_id: str) -> LoggedModel:
    try:
        return logged.get(connection, model_id)
    except NotFound as error:
        raise Fault(error.message, ABSENT) from None


def _source(version: ModelVersion) -> str:
    """The address clients are told; a model of a pipeline of ours is named by its digest."""
    return version.source or f"homeostat:/{version.model}"


def _is_run(connection: Connection, run_id: str) -> bool:
    return connection.execute(select(runs.c.id).where(runs.c.id == run_id)).first() is not None


def _user(connection: Connection, run_id: str) -> str:
    return str(connection.execute(select(runs.c.user).where(runs.c.id == run_id)).scalar() or "")


ENDPOINTS = (
    Endpoint(methods=("POST",), path="model-versions/create", asked=Create, handler=create),
    Endpoint(methods=("PATCH",), path="model-versions/update", asked=Update, handler=update),
    Endpoint(methods=("DELETE",), path="model-versions/delete", asked=One, handler=delete),
    Endpoint(methods=("GET",), path="model-versions/get", asked=One, handler=get, writes=False),
    Endpoint(methods=("GET",), path="model-versions/search", asked=Search, handler=search, writes=False),
    Endpoint(methods=("GET",), path="model-versions/get-download-uri", asked=One, handler=download_uri, writes=False),
    Endpoint(methods=("POST",), path="model-versions/transition-stage", asked=Transition, handler=transition),
    Endpoint(methods=("POST",), path="model-versions/set-tag", asked=Tag, handler=set_tag),
    Endpoint(methods=("DELETE",), path="model-versions/delete-tag", asked=Tag, handler=delete_tag),
)
