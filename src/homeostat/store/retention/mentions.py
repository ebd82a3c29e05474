"""Where objects are spoken of: in rows of a database, in files beside it, and in other objects.

A mention is a whole digest in any text, whoever wrote it and whatever it meant: a garbage collector must not know better than
the rooms what they keep.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3
from sqlalchemy import Connection, String, column, inspect, select, table

from homeostat.core.digests import DIGEST_LENGTH, Digest, short
from homeostat.core.errors import CorruptObject, NotFound
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects

_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_PART_BYTES = 8 * 1024 * 1024
_HEAD_BYTES = 64 * 1024
_JSON_BEGINS = (b"{", b"[")
_ROWS_AT_ONCE = 1000


class Row(NamedTuple):
    """The text columns of a row, and its primary key."""

    table: str
    key: tuple[object, ...]
    values: dict[str, str]

    @property
    def text(self) -> str:
        return "\n".join(self.values.values())


def rows(connection: Connection) -> Iterator[Row]:
    """Every row of every table that has text, in whatever schema the database is.

    Cost: reads all text of the database once; metric points, which have none, are not read.
    """
    found = inspect(connection)
    for name in found.get_table_names():
        texts = [each["name"] for each in found.get_columns(name) if isinstance(each["type"], String)]
        keys = found.get_pk_constraint(name)["constrained_columns"]
        if texts:
            query = table(name, *map(column, dict.fromkeys([*keys, *texts]))).select()
            for row in connection.execute(query).yield_per(_ROWS_AT_ONCE).mappings():
                yield Row(name, tuple(row[key] for key in keys), {text: row[text] for text in texts if row[text]})


def digests_in(text: str | bytes) -> set[Digest]:
    raw = text.encode() if isinstance(text, str) else text
    return {Digest(found.decode()) for found in _DIGEST.findall(raw)}


def roots(database: Database, folder: Path) -> set[Digest]:
    """What a project speaks of, in its database and in the files under `folder`, which wait to be brought there.

    The manifests of versions whose contents it has forgotten are not among it.
    """
    found: set[Digest] = set()
    kept: set[Digest] = set()
    forgotten: set[Digest] = set()
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # it was brought there meanwhile: its rows are read below
            if path.is_file():
                found |= digests_in(path.read_bytes())
    with database.read() as connection:
        for row in rows(connection):
            found |= digests_in(row.text)
        columns = {each["name"] for each in inspect(connection).get_columns("dataset_versions")}
        if "forgotten_at" in columns:
            versions = table("dataset_versions", column("manifest"), column("forgotten_at"))
            for manifest, at in connection.execute(select(versions.c.manifest, versions.c.forgotten_at)):
                (kept if at is None else forgotten).add(Digest(manifest))
    return found - (forgotten - kept)


class Mentions:
    """Which objects of a store are spoken of in which others. Remembers what it has read."""

    def __init__(self, objects: FileObjects) -> None:
        self._objects = objects
        self._known: dict[Digest, frozenset[Digest]] = {}
        self._damaged: set[Digest] = set()

    def within(self, digest: Digest) -> frozenset[Digest]:
        """Digests inside an object: anywhere in JSON, in the first 64 KiB of anything else. Of one that is not here, or cannot be
        read: none.
        """
        if digest not in self._known:
            inside, is_sound = set[Digest](), True
            try:
                # Not `path` of the object: what is lost must not be fetched for being looked at.
                with FileObjects.path(self._objects, digest).open("rb") as file:
                    inside, own = _in_file(file.read)
                    is_sound = own in (None, digest)
            except (NotFound, FileNotFoundError):
                pass  # a digest need not be that of an object
            except OSError:
                is_sound = False
            if not is_sound:
                self._damaged.add(digest)
            self._known[digest] = frozenset(inside)
        return self._known[digest]

    def leading_to(self, wanted: Iterable[Digest]) -> dict[Digest, set[Digest]]:
        """For each object here or wanted: which of `wanted` it is, or leads to. Those that lead to none are left out.

        Cost: reads every object of JSON in the store, and the head of each other.
        """
        speaking: dict[Digest, list[Digest]] = {}
        for digest in self._objects.digests():
            for inside in self.within(digest):
                speaking.setdefault(inside, []).append(digest)
        found: dict[Digest, set[Digest]] = {}
        for start in wanted:
            seen, frontier = {start}, [start]
            while frontier:
                fresh = [digest for digest in speaking.get(frontier.pop(), ()) if digest not in seen]
                seen.update(fresh)
                frontier.extend(fresh)
            for digest in seen:
                found.setdefault(digest, set()).add(start)
        return found

    def reached(self, start: Iterable[Digest]) -> set[Digest]:
        """`start`, and all that is spoken of inside it, inside that, and so on; objects or not.

        Raises: CorruptObject if JSON on the way is damaged, or an object cannot be read: nobody knows what it led to.
        Cost: reads each object of JSON that is reached once.
        """
        found = set(start)
        frontier = list(found)
        while frontier:
            fresh = self._surely_within(frontier.pop()) - found
            found |= fresh
            frontier.extend(fresh)
        return found

    def _surely_within(self, digest: Digest) -> frozenset[Digest]:
        inside = self.within(digest)
        if digest not in self._damaged:
            return inside
        try:
            self._objects.check(digest)  # names the damage, or mends it
        except OSError as error:
            raise CorruptObject(
                f"Object {short(digest)} cannot be read, so what it leads to is unknown: {error}. Restore it from a copy."
            ) from error
        self._damaged.remove(digest)
        del self._known[digest]
        return self.within(digest)


def _in_file(read: Callable[[int], Any]) -> tuple[set[Digest], Digest | None]:
    """Digests in a file; and of JSON, which is read whole, its own."""
    part: bytes = read(_HEAD_BYTES)
    found = digests_in(part)
    if part.lstrip()[:1] not in _JSON_BEGINS:
        return found, None
    hasher = blake3(part)
    while more := read(_PART_BYTES):
        hasher.update(more)
        # A digest may lie across the cut; so may one that is longer than a digest, and is none.
        part = part[-2 * DIGEST_LENGTH :] + more
        found |= digests_in(part)
    return found, Digest(hasher.hexdigest())
