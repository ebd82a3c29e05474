"""Where the files of a version lie in the store, and what is lost when an object is damaged."""

import mmap
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
from blake3 import blake3

from homeostat.core.digests import Digest, short
from homeostat.core.errors import CorruptObject, HomeostatError
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Version
from homeostat.data.packs import PACKED_BELOW_BYTES, places
from homeostat.data.ranges import read_ranges
from homeostat.data.retention.kept import check_kept
from homeostat.data.tree import FileEntry, FilesManifest, Range, read_recipe, read_shard
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects
from homeostat.store.retention.mentions import Mentions


class Content(NamedTuple):
    """One content, the files that have it, and where its bytes lie."""

    files: list[FileEntry]
    ranges: tuple[Range, ...]


class Holdings:
    """Reads the objects of versions of files, and names what is lost with all versions that it touches."""

    def __init__(self, database: Database, objects: FileObjects) -> None:
        self._database = database
        self._objects = objects

    def manifest(self, version: Version) -> FilesManifest:
        """Raises: CorruptObject if the store lost it. NotFound if the version was forgotten."""
        check_kept(version)
        try:
            return msgspec.json.decode(self._objects.read(version.manifest), type=FilesManifest)
        except HomeostatError as error:
            raise self.lost(version, "its manifest", version.manifest, error.message) from error

    def entries(self, version: Version, manifest: FilesManifest) -> Iterator[FileEntry]:
        """The files of a version, in the order of their paths.

        Raises: CorruptObject if the store lost part of the tree, or if a path leads out of a directory.
        """
        last = ""
        for shard in manifest.tree:
            try:
                entries = read_shard(self._objects.read(shard.object))
            except HomeostatError as error:
                where = f"its tree ({shard.files:,} files{f' after {last!r}' if last else ' from the first on'})"
                raise self.lost(version, where, shard.object, error.message) from error
            for entry in entries:
                last = entry.path
                if not {"", ".", ".."}.isdisjoint(last.split("/")):
                    why = "Such a path leads out of a directory: another program made it."
                    raise self.lost(version, repr(last), shard.object, why)
                yield entry

    def contents(self, version: Version, manifest: FilesManifest, entries: Iterable[FileEntry]) -> Iterator[Content]:
        """Each content once, in the order in which it lies in packs; then the large ones.

        Raises: CorruptObject naming a file if it is not known where its bytes lie.
        """
        wanted: dict[Digest, list[FileEntry]] = {}
        for entry in entries:
            wanted.setdefault(entry.digest, []).append(entry)
        unread: list[tuple[Digest, HomeostatError]] = []
        for pack in manifest.packs:
            try:
                held = places(self._objects, pack)
            except HomeostatError as error:
                unread.append((pack.index, error))  # whose files these are is known when all others are
                continue
            for place in held:
                files = wanted.get(place.digest)
                if files is not None and files[0].size < PACKED_BELOW_BYTES:
                    yield Content(wanted.pop(place.digest), (Range(pack.content, place.offset, place.size),))
        recipes = {pieced.content: pieced.recipe for pieced in manifest.pieced}
        for digest, files in wanted.items():
            if files[0].size < PACKED_BELOW_BYTES:
                lost, why = unread[0] if unread else (version.manifest, "No pack holds it.")
                raise self.lost(version, self._named(files), lost, str(why))
            if digest not in recipes:
                yield Content(files, (Range(digest, 0, files[0].size),))
                continue
            try:
                yield Content(files, read_recipe(self._objects.read(recipes[digest])))
            except HomeostatError as error:
                raise self.lost(version, self._named(files), recipes[digest], error.message) from error

    def check(self, version: Version, content: Content) -> None:
        """Read a content that did not have its digest again. A store that mends itself does so now.

        Raises: CorruptObject naming its files, and every version that the damaged object touches.
        """
        named = self._named(content.files)
        for digest in dict.fromkeys(one.object for one in content.ranges):
            try:
                self._objects.check(digest)
            except HomeostatError as error:
                raise self.lost(version, named, digest, error.message) from error
        if digest_of_ranges(self._objects, content.ranges) != content.files[0].digest:
            why = "The objects that it lies in are intact: another program wrote where it lies."
            raise self.lost(version, named, version.manifest, why)

    def lost(self, version: Version, what: str, damaged: Digest, why: str) -> CorruptObject:
        """That part of a version is damaged, with the object and what else it touches. Cost: reads the heads of all objects."""
        leading = Mentions(self._objects).leading_to([damaged])
        with self._database.read() as connection:
            every = queries.every(connection)
        others = sorted((one.dataset, one.number) for one in every if one != version and one.manifest in leading)
        touched = ", ".join(f"{dataset}@{number}" for dataset, number in others)
        return CorruptObject(
            f"{version.node} cannot be read: {what} is damaged, in object {short(damaged)}. {why} "
            f"{f'The object is part of {touched} too. ' if touched else ''}Add the data again from its source."
        )

    def _named(self, files: list[FileEntry]) -> str:
        return f"{files[0].path}{f' (and {len(files) - 1} files equal to it)' if len(files) > 1 else ''}"


class Openings:
    """Objects opened to read from, each once, until the end of a `with`."""

    def __init__(self, objects: FileObjects) -> None:
        self._objects = objects
        self._open: dict[Digest, int] = {}
        self._mapped: dict[Digest, memoryview] = {}
        self._stack = ExitStack()

    def descriptor(self, digest: Digest) -> int:
        """Raises: NotFound."""
        found = self._open.get(digest)
        if found is None:
            found = os.open(self._objects.path(digest), os.O_RDONLY | os.O_CLOEXEC)
            self._stack.callback(os.close, found)
            self._open[digest] = found
        return found

    def view(self, ranges: tuple[Range, ...]) -> memoryview:
        """The bytes of a small content, which lies in one pack, without copying them. Raises: NotFound."""
        (place,) = ranges
        content = self._mapped.get(place.object)
        if content is None:
            descriptor = self.descriptor(place.object)
            size = os.fstat(descriptor).st_size
            # What is mapped is unmapped when nobody holds a view of it any more.
            content = memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) if size else b"")
            self._mapped[place.object] = content
        return content[place.offset : place.offset + place.size]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def digest_of_ranges(objects: FileObjects, ranges: tuple[Range, ...]) -> Digest:
    """BLAKE3 of bytes as they lie in the store. Raises: NotFound."""
    hasher = blake3(max_threads=blake3.AUTO)
    if len(ranges) == 1 and ranges[0].offset == 0 and _size(objects, ranges[0]) == ranges[0].size:
        hasher.update_mmap(objects.path(ranges[0].object))
    else:
        for part in read_ranges(objects, ranges):
            hasher.update(part)
    return Digest(hasher.hexdigest())


def _size(objects: FileObjects, one: Range) -> int:
    return Path(objects.path(one.object)).stat().st_size
