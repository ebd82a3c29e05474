"""`homeostat.toml`: what a project says of itself, read and written."""

import json
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from homeostat.core.errors import InvalidDeclaration
from homeostat.store.objects.remote import Location

CONFIG_FILE = "homeostat.toml"
HOME = ".homeostat"


class Project(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[project]`.

    Attributes:
        systems: where they are, as `module:name`.
        weeks_from: ISO instant from which weeks are counted in tables and charts.
    """

    name: str
    systems: tuple[str, ...] = ()
    weeks_from: str = "1970-01-05"  # a Monday


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[store]`.

    Attributes:
        database: SQLAlchemy URL; empty is SQLite in `.homeostat/`.
        clock: `wall`, or `watermark` in a replay.
        objects: directory of the objects, which several projects may share, seen from the project's; empty is
            `.homeostat/objects`.
    """

    database: str = ""
    objects: str = ""
    clock: Literal["wall", "watermark"] = "wall"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`homeostat.toml`."""

    project: Project
    store: Store = Store()
    remotes: dict[str, Location] = {}


def root_of(start: Path) -> Path | None:
    """The project that holds `start`: the nearest directory with a homeostat.toml, or None."""
    folder = start.resolve()
    return next((one for one in (folder, *folder.parents) if (one / CONFIG_FILE).is_file()), None)


def read_config(path: Path) -> Config:
    """Raises: InvalidDeclaration if the file says what it cannot."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), Config)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidDeclaration(
            f"{path} cannot be read: {error}. It needs [project] with a name and systems = ['module:name'], and may have "
            f"[store] with database, clock and objects, and [remotes.NAME] with url, endpoint and region."
        ) from error


def to_toml(config: Config) -> bytes:
    """The file that reads as `config`."""
    systems = ", ".join(f'"{path}"' for path in config.project.systems)
    text = f'[project]\nname = "{config.project.name}"\nsystems = [{systems}]\nweeks_from = "{config.project.weeks_from}"\n'
    if config.store != Store():
        text += f'\n[store]\nclock = "{config.store.clock}"\n'
        if config.store.database:
            text += f"database = {_quoted(config.store.database)}\n"
        if config.store.objects:
            text += f"objects = {_quoted(config.store.objects)}\n"
    for name, location in config.remotes.items():
        text += "\n" + remote_toml(name, location)
    return text.encode()


def remote_toml(name: str, location: Location) -> str:
    """The table of a remote."""
    values = {field: value for field, value in msgspec.structs.asdict(location).items() if value}
    lines = [f"{field} = {_quoted(value)}" for field, value in values.items()]
    return "\n".join([f"[remotes.{key(name)}]", *lines, ""])


def key(name: str) -> str:
    """A name as TOML writes it where it is a key."""
    return f'"{name}"' if "." in name else name


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML string too, but for escaped surrogates
