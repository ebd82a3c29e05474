"""Which projects keep their objects in a store: each writes a file there when it opens, for the garbage collector.

The file names the project's directory, where its configuration says how its database is reached. The database's address is in it
for people only, without its password.
"""

from pathlib import Path

import msgspec
from sqlalchemy import make_url

from homeostat.core.digests import canonical_json, digest_bytes
from homeostat.core.errors import CorruptObject
from homeostat.store.objects.files import write_durably

_FOLDER = "projects"


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A project that uses a store.

    Attributes:
        root: its directory; relative to the store's if the store lies in it, so that both can be moved together.
    """

    name: str
    root: str
    database: str


def register(store: Path, name: str, root: Path, database: str) -> None:
    """Let the store in the directory `store` know a project; does nothing if it does. Cost: reads one small file."""
    is_inside = store.is_relative_to(root)
    at = "/".join([".."] * len(store.relative_to(root).parts)) if is_inside else str(root)
    said = Registration(
        name=name, root=at, database=make_url(database).render_as_string(hide_password=True) if not is_inside else ""
    )
    path = store / _FOLDER / f"{'own' if is_inside else digest_bytes(str(root).encode())[:16]}.json"
    content = canonical_json(said)
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, content)


def registered(store: Path) -> list[tuple[Path, Registration]]:
    """Every project that uses a store, with the file that says so; `root` is absolute.

    Raises: CorruptObject if such a file cannot be read.
    """
    found = []
    for path in sorted((store / _FOLDER).glob("*.json")):
        try:
            one = msgspec.json.decode(path.read_bytes(), type=Registration)
        except msgspec.DecodeError as error:
            raise CorruptObject(
                f"{path}, which names a project that uses this store, cannot be read: {error}. Nothing was deleted. Open "
                f"that project once more (homeostat data log), which writes it anew."
            ) from error
        found.append((path, msgspec.structs.replace(one, root=str((store / one.root).resolve()))))
    return found
