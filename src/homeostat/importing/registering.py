"""Registered models of a source and their versions, under their names and numbers."""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound
from homeostat.importing import comparison
from homeostat.importing.contents import files_of
from homeostat.importing.ports import Source
from homeostat.importing.records import Owner, Registered, Unreadable, Version
from homeostat.importing.tally import Tally
from homeostat.loop import queries as loop_queries
from homeostat.registry import catalog, logged, queries
from homeostat.registry.catalog import RegisteredModel
from homeostat.registry.records import ModelVersion
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects
from homeostat.track import queries as track_queries

_ACTOR = "import"


class Origin(NamedTuple):
    """What a version is made from here: `source` names it, `files` are below its folder."""

    source: str
    files: Mapping[str, Digest]


class Registry:
    """Brings over registered models. A source names no gates, so its versions are candidates here."""

    def __init__(self, database: Database, objects: FileObjects, source: Source, tally: Tally) -> None:
        self._database = database
        self._objects = objects
        self._source = source
        self._tally = tally

    def bring_all(self) -> None:
        with self._database.read() as connection:
            systems = {declared.name for declared in loop_queries.declarations(connection)}
        for model in self._source.registered():
            if isinstance(model, Unreadable):
                self._tally.unreadable(model)
            elif model.name in systems:
                why = "A system of this project has this name: its versions pass gates. Rename it there, and import again."
                self._tally.unreadable(Unreadable("registered model", model.name, why))
            else:
                self._bring(model)
                self._tally.say()

    def _bring(self, model: Registered) -> None:
        origins: dict[int, Origin] = {}
        contents: dict[int, Digest] = {}
        with self._database.read() as connection:
            for version in model.versions:
                origins[version.number] = origin_of(connection, version)
        for number, origin in origins.items():
            contents[number] = catalog.content(self._objects, origin.files)
        with self._database.write() as connection:
            catalog.put(connection, _card(model), model.last_number)
            for version in model.versions:
                origin, content = origins[version.number], contents[version.number]
                why = write_version(connection, model.name, version, origin.source, content)
                if not why and not origin.files:
                    why = f"its files, at {version.source}, belong to no run and no logged model that is here"
                if why:
                    self._tally.differ("version", f"{model.name}@{version.number}", why)
            _point_aliases(connection, model)
            catalog.put(connection, _card(model), model.last_number)
        self._compare(model)

    def _compare(self, model: Registered) -> None:
        with self._database.read() as connection:
            (card,) = catalog.read(connection, [model.name])
            aliases = catalog.aliases(connection, [model.name]).get(model.name, {})
            tags = catalog.version_tags(connection, [model.name])
            here = {one.number: one for one in queries.versions(connection, model.name, limit=1_000_000)}
        self._tally.count("registered models", 1, 1)
        if card.description != model.description or not model.tags.items() <= card.tags.items():
            self._tally.differ("registered model", model.name, "its description or tags are otherwise here")
        held = sum(aliases.get(alias) == number for alias, number in model.aliases.items())
        self._tally.count("aliases", len(model.aliases), held)
        if held < len(model.aliases):
            self._tally.differ("registered model", model.name, f"its aliases are {model.aliases} there, {aliases} here")
        for version in model.versions:
            ours = here.get(version.number)
            is_here = ours is not None and ours.created_at == version.created_at
            self._tally.count("versions", 1, int(is_here))
            if ours is None or not is_here:
                continue
            same = (ours.description, ours.stage) == (version.description, version.stage)
            if not same or comparison.same(version.tags, tags.get((model.name, version.number), {})) < len(
                version.tags
            ):
                what = "its description, stage or tags are otherwise here"
                self._tally.differ("version", f"{model.name}@{version.number}", what)


def origin_of(connection: Connection, version: Version) -> Origin:
    """What a version is made from, as addresses here name it: a logged model, or a folder of a run.

    What is neither keeps its address, and has no files here.
    """
    for owner, folder in _candidates(version.source):
        inside = f"{folder}/" if folder else ""
        files = {
            name.removeprefix(inside): file.digest
            for name, file in files_of(connection, owner).items()
            if name.startswith(inside)
        }
        if files:
            address = f"{'models' if owner.kind == 'model' else 'runs'}:/{owner.id}"
            return Origin(address + (f"/{folder}" if folder else ""), files)
    return Origin(version.source, {})


def _candidates(source: str) -> Iterator[tuple[Owner, str]]:
    """Whose folder an address may name, in the schemes of MLflow or as a path to artifacts."""
    parts = source.split("/")
    if ".." in parts:
        return
    if parts[0] in {"models:", "runs:"} and len(parts) > 1:
        yield Owner("model" if parts[0] == "models:" else "run", parts[1], ""), "/".join(parts[2:])
        return
    for index in range(len(parts) - 1, 1, -1):
        if parts[index] == "artifacts":
            kind: Literal["run", "model"] = "model" if parts[index - 2] == "models" else "run"
            yield Owner(kind, parts[index - 1], ""), "/".join(parts[index + 1 :])


def write_version(connection: Connection, name: str, version: Version, source: str, content: Digest) -> str:
    """Have a version here.

    Returns: why that cannot be; empty if it is here.
    """
    try:
        here = queries.version(connection, name, version.number)
    except NotFound:
        made = ModelVersion(
            system=name,
            number=version.number,
            model=content,
            run_id=version.run_id,
            data=(),
            code="",
            environment="",
            metrics={},
            status="candidate",
            status_why=version.status,
            created_at=version.created_at,
            created_by=version.user or _user(connection, version.run_id),
            updated_at=version.updated_at,
            description=version.description,
            source=source,
            run_link=version.run_link,
            logged_model=_logged(connection, version, source),
            stage=version.stage,
        )
        catalog.add_version(connection, made, version.tags)
        return ""
    if here.created_at != version.created_at or here.run_id != version.run_id:
        return f"Another version has number {version.number} here. It was not touched: rename {name} there, and import again"
    if (here.description, here.stage) != (version.description, version.stage):
        changed = {"description": version.description, "stage": version.stage}
        catalog.change_version(connection, name, version.number, version.updated_at, **changed)
    for key, value in version.tags.items():
        catalog.put_version_tag(connection, name, version.number, key, value)
    return ""


def _point_aliases(connection: Connection, model: Registered) -> None:
    """Aliases follow those there; one that an import set goes when it is gone there."""
    here = catalog.aliases(connection, [model.name]).get(model.name, {})
    numbers = {version.number for version in model.versions}
    for alias, number in model.aliases.items():
        if here.get(alias) != number and number in numbers:
            catalog.move_alias(connection, model.name, alias, number, model.updated_at, by=_ACTOR)
    for alias in here.keys() - model.aliases.keys():
        (last,) = queries.alias_history(connection, model.name, alias, limit=1)
        if last.actor == _ACTOR:
            catalog.move_alias(connection, model.name, alias, 0, model.updated_at, by=_ACTOR)


def _card(model: Registered) -> RegisteredModel:
    return RegisteredModel(
        name=model.name,
        description=model.description,
        created_at=model.created_at,
        updated_at=Micros(model.updated_at),
        tags=model.tags,
    )


def _logged(connection: Connection, version: Version, source: str) -> str:
    """The logged model a version was made from: as it says, or as its address does."""
    named = source.removeprefix("models:/").partition("/")[0] if source.startswith("models:/") else ""
    model_id = version.model_id or named
    return model_id if model_id and logged.read(connection, [model_id]) else ""


def _user(connection: Connection, run_id: str) -> str:
    found = track_queries.records(connection, [run_id]) if run_id else []
    return found[0].user if found else ""
