"""Files of runs and logged models: into the object store, then by name and digest into the rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from homeostat.core.digests import Digest
from homeostat.core.errors import BadData, CorruptObject, NotFound
from homeostat.core.ids import RunId
from homeostat.importing.ports import Source
from homeostat.importing.records import File, Owner, Unreadable
from homeostat.importing.tally import Tally
from homeostat.registry import logged
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects
from homeostat.track import queries, recording
from homeostat.track.records import ArtifactKept

_AT_ONCE = 100  # files whose rows are written in one transaction


class Kept(NamedTuple):
    name: str
    digest: Digest
    size_bytes: int


class Contents:
    """Brings files over and compares them."""

    def __init__(self, database: Database, objects: FileObjects, source: Source, tally: Tally) -> None:
        self._database = database
        self._objects = objects
        self._source = source
        self._tally = tally

    def bring(self, owner: Owner, here: Mapping[str, Kept], *, again: bool) -> None:
        """Fetch what is not here.

        Args:
            here: files that are here, by name.
            again: fetch also files that are here with the size they have there.
        """
        brought: list[Kept] = []
        written = 0
        for file in self._listed(owner):
            if isinstance(file, Unreadable):
                self._lost(owner, file.id, file.why)
                continue
            kept = here.get(file.name)
            if kept is None or again or kept.size_bytes != file.size_bytes or not self._objects.has(kept.digest):
                kept = self._fetched(owner, file)
            if kept is not None:
                brought.append(kept)
            if len(brought) - written == _AT_ONCE:
                self._write(owner, brought[written:])
                written = len(brought)
        self._write(owner, brought[written:])
        self._compare(owner, brought)

    def _listed(self, owner: Owner) -> Iterator[File | Unreadable]:
        try:
            yield from self._source.files(owner)
        except (BadData, NotFound) as error:
            self._tally.differ(owner.kind, owner.id, error.message)

    def _fetched(self, owner: Owner, file: File) -> Kept | None:
        counted = _Counted(self._source.content(owner, file.name), self._tally.say)
        try:
            digest = self._objects.put(counted)
            self._objects.check(digest)
        except (BadData, NotFound, CorruptObject) as error:
            self._lost(owner, file.name, error.message)
            return None
        self._tally.bytes += counted.size_bytes
        if file.size_bytes not in (None, counted.size_bytes):
            self._lost(
                owner, file.name, f"it was listed with {file.size_bytes:,} bytes, and came with {counted.size_bytes:,}"
            )
            return None
        return Kept(file.name, digest, counted.size_bytes)

    def _lost(self, owner: Owner, name: str, why: str) -> None:
        self._tally.count("files", 1, 0)
        self._tally.differ(owner.kind, owner.id, f"file {name!r}: {why}")

    def _write(self, owner: Owner, part: list[Kept]) -> None:
        if part:
            with self._database.write() as connection:
                for file in part:
                    keep(connection, owner, file)
        self._tally.say()

    def _compare(self, owner: Owner, brought: list[Kept]) -> None:
        with self._database.read() as connection:
            here = files_of(connection, owner)
        for file in brought:
            is_here = here.get(file.name) == file
            self._tally.count("files", 1, int(is_here))
            if not is_here:
                self._tally.differ(owner.kind, owner.id, f"file {file.name!r} has another content here")


def keep(connection: Connection, owner: Owner, file: Kept) -> None:
    """Write down that a run or model has a file."""
    if owner.kind == "model":
        logged.keep_file(
            connection, owner.id, logged.File(name=file.name, digest=file.digest, size_bytes=file.size_bytes)
        )
    else:
        kept = ArtifactKept(name=file.name, digest=file.digest, size_bytes=file.size_bytes)
        recording.keep_artifact(connection, RunId(owner.id), kept)


def files_of(connection: Connection, owner: Owner) -> dict[str, Kept]:
    """Files of a run or model that are here, by name."""
    found: Iterable[Kept]
    if owner.kind == "model":
        found = (Kept(file.name, file.digest, file.size_bytes) for file in logged.files(connection, owner.id))
    else:
        found = (Kept(one.name, one.digest, one.size_bytes) for one in queries.artifacts(connection, owner.id))
    return {file.name: file for file in found}


class _Counted:
    """Chunks, and how many bytes they had."""

    def __init__(self, chunks: Iterable[bytes], say: Callable[[], None]) -> None:
        self._chunks = chunks
        self._say = say
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size_bytes += len(chunk)
            self._say()
            yield chunk
