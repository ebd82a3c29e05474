"""Versions of files: adding a directory or a file, writing it out again, checking it."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from homeostat.core.clock import Clock
from homeostat.core.digests import Digest, canonical_json, short
from homeostat.core.errors import BadData, CorruptObject, NotFound, WrongType
from homeostat.core.ids import check_name
from homeostat.data.catalog import queries
from homeostat.data.catalog.recording import record
from homeostat.data.catalog.records import FILES_COLUMNS, Appended, Version
from homeostat.data.holdings import Content, Holdings, Openings, digest_of_ranges
from homeostat.data.packs import PACKED_BELOW_BYTES, Contents, KeepPieces
from homeostat.data.ranges import recipe_objects
from homeostat.data.scan import Found, StatCache, scan
from homeostat.data.tree import FileEntry, FilesManifest, shards
from homeostat.data.whole_folder import whole_folder
from homeostat.store import lineage
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects
from homeostat.store.objects.copying import Stretch, copy

_SAVE_EVERY_S = 5.0  # of reading, which a rerun after a crash is spared

# Told how much is done, and of how much: bytes of files, rows of a table.
PartDone = Callable[[int, int], None]


def unseen(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


class _Draft(NamedTuple):
    """A version whose objects are written and whose row is not.

    Attributes:
        rows_added: files that are new or have another content.
        bytes_added: of contents that the version before does not have.
    """

    content: FilesManifest
    manifest: Digest
    rows_added: int
    bytes_added: int


class FileSets:
    """Datasets that hold files. Safe for threads and processes: two adds at once both succeed, one after the other."""

    def __init__(
        self, database: Database, objects: FileObjects, clock: Clock, stat_folder: Path, keep_pieces: KeepPieces
    ) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock
        self._stat_folder = stat_folder
        self._keep_pieces = keep_pieces
        self._holdings = Holdings(database, objects)

    def add(self, name: str, path: Path, *, actor: str = "local", progress: PartDone = unseen) -> Appended:
        """Make the files of a directory, or one file, the whole content of a dataset's next version.

        Raises: NotFound if there is no such path. BadData if something in it cannot be kept, or changes meanwhile.
            WrongType if the dataset holds a table.
        Cost: reads files that are new or have changed; for the others one stat.
        """
        check_name("dataset", name)
        with self._database.read() as connection:
            head = queries.newest(connection, name)
        while True:
            if head is not None and not head.is_files:
                raise WrongType(
                    f"{name!r} holds a table, {path} would be kept as files. Append its rows: homeostat data append {name} FILE; "
                    f"or choose another name."
                )
            cache = StatCache(self._stat_folder, path)
            found = list(scan(path))
            if head is not None and self._is_unchanged(head, cache, found):
                return Appended(version=head, report=None, is_new=False)
            draft = self._draft(head, path, found, cache, progress)
            if head is not None and draft.manifest == head.manifest:
                return Appended(version=head, report=None, is_new=False)
            with self._database.write() as connection:
                newest = queries.newest(connection, name)
                if newest == head:
                    version = Version(
                        dataset=name,
                        number=1 if head is None else head.number + 1,
                        id=draft.content.id,
                        manifest=draft.manifest,
                        rows=draft.content.files,
                        rows_added=draft.rows_added,
                        parent=None if head is None else head.number,
                        columns=FILES_COLUMNS,
                        source=path.as_posix(),
                        offered=draft.content.id,
                        created_at=self._clock.now(),
                        created_by=actor,
                    )
                    record(connection, version, list(_edges(version, head)), None)
                    return Appended(version=version, report=None, bytes_added=draft.bytes_added)
            head = newest  # another process was faster: build on its version

    def checkout(self, version: Version, to: Path, *, links: bool = False, progress: PartDone = unseen) -> None:
        """Write the files of a version into a new or empty directory; it is there when all of them are.

        Args:
            links: hard links to large files in place of copies, unchecked and read-only: they are the store's own bytes. Files kept
                as pieces are copied.

        Raises: AlreadyExists if there is something. CorruptObject naming the file whose content is not what it was.
        """
        with whole_folder(to) as folder:
            self._fill(version, str(folder), links=links, progress=progress)

    def verify(self, version: Version, *, progress: PartDone = unseen) -> None:
        """Read every byte of a version again and compare it with its digest.

        Raises: CorruptObject naming the first file whose content is not what it was, and other versions that this touches.
        """
        manifest = self._holdings.manifest(version)
        if manifest.id != version.id:
            raise CorruptObject(
                f"{version.node} has id {short(version.id)}, but its tree has {short(manifest.id)}. Add it again from its source."
            )
        done = 0
        with Openings(self._objects) as openings:
            entries = self._holdings.entries(version, manifest)
            for content in self._holdings.contents(version, manifest, entries):
                first = content.files[0]
                try:
                    if first.size < PACKED_BELOW_BYTES:
                        found = blake3(openings.view(content.ranges)).hexdigest()
                    else:
                        found = digest_of_ranges(self._objects, content.ranges)
                except NotFound:
                    found = ""
                if found != first.digest:
                    self._holdings.check(version, content)
                done += first.size * len(content.files)
                progress(done, manifest.bytes)

    def size_bytes(self, version: Version) -> int:
        """Bytes of all files of a version. Raises: CorruptObject if its manifest is lost. NotFound if it was forgotten."""
        return self._holdings.manifest(version).bytes

    def _is_unchanged(self, head: Version, cache: StatCache, found: Sequence[Found]) -> bool:
        """Whether the files are those of the newest version, and the store has all of them."""
        needed = cache.objects_of(found, head.manifest)
        return needed is not None and all(map(self._objects.has, needed))

    def _draft(
        self, head: Version | None, path: Path, found: Sequence[Found], cache: StatCache, progress: PartDone
    ) -> _Draft:
        """Write the objects of the next version."""
        if not found:
            raise BadData(f"{path} holds no file. Add a directory with files; empty directories are not kept.")
        before = None if head is None or head.forgotten_at is not None else self._holdings.manifest(head)
        old = {entry.path: entry for entry in self._holdings.entries(head, before)} if head and before else {}
        packs = dict.fromkeys((*(before.packs if before else ()), *cache.packs))
        pieced = before.pieced if before else ()
        known_contents = {entry.digest for entry in old.values()}
        with Contents(self._objects, packs, pieced, known_contents, self._keep_pieces) as contents:
            entries = self._entries(found, old, contents, cache, progress)
            entries.sort(key=lambda entry: entry.path)
            kept = contents.packs({entry.digest for entry in entries if entry.size < PACKED_BELOW_BYTES})
        large = {entry.digest for entry in entries if entry.size >= PACKED_BELOW_BYTES}
        known = {shard.object for shard in before.tree} if before else set()
        tree = []
        for shard, written in shards(entries):
            if shard.object not in known or not self._objects.has(shard.object):
                self._objects.put(written)
            tree.append(shard)
        content = FilesManifest(
            tree=tuple(tree), packs=kept, bytes=sum(entry.size for entry in entries), pieced=contents.pieced(large)
        )
        pieces = {one.content for one in content.pieced}
        needed = {*content.named, *(large - pieces), *recipe_objects(self._objects, content.pieced)}
        manifest = self._objects.put(canonical_json(content))
        cache.save(kept, manifest, (manifest, *sorted(needed)))
        rows_added = sum(old.get(entry.path) != entry for entry in entries)
        return _Draft(content, manifest, rows_added, contents.bytes_added)

    def _entries(
        self,
        found: Sequence[Found],
        old: dict[str, FileEntry],
        contents: Contents,
        cache: StatCache,
        progress: PartDone,
    ) -> list[FileEntry]:
        """Keep what is new of the files, and say what each is."""
        entries = []
        done, total = 0, sum(one.stamp.size for one in found)
        saved_at = time.monotonic()
        for one in found:
            digest = cache.digest(one)
            if digest is None or not contents.has(digest, one.stamp.size):
                predecessor = old.get(one.path)
                digest = contents.add(one, None if predecessor is None else predecessor.digest)
                if time.monotonic() - saved_at > _SAVE_EVERY_S:
                    cache.save_so_far((*cache.packs, *contents.made))
                    saved_at = time.monotonic()
            cache.note(one, digest)
            entries.append(FileEntry(one.path, digest, one.stamp.size))
            done += one.stamp.size
            progress(done, total)
        return entries

    def _fill(self, version: Version, folder: str, *, links: bool, progress: PartDone) -> None:
        manifest = self._holdings.manifest(version)
        entries = list(self._holdings.entries(version, manifest))
        for parent in sorted({entry.path.rpartition("/")[0] for entry in entries}):
            Path(folder, parent).mkdir(parents=True, exist_ok=True)
        done = 0
        with Openings(self._objects) as openings:
            for content in self._holdings.contents(version, manifest, entries):
                files = content.files
                if links and len(content.ranges) == 1 and files[0].size >= PACKED_BELOW_BYTES:
                    files = [entry for entry in files if not self._link(content, f"{folder}/{entry.path}")]
                if files:
                    first = f"{folder}/{files[0].path}"
                    if not self._write(first, content, openings):
                        self._holdings.check(version, content)  # a store that mends itself has done so after this
                        Path(first).unlink(missing_ok=True)
                        self._write(first, content, openings)
                    for other in files[1:]:
                        shutil.copyfile(first, f"{folder}/{other.path}")
                done += content.files[0].size * len(content.files)
                progress(done, manifest.bytes)

    def _write(self, path: str, content: Content, openings: Openings) -> bool:
        """Write a file that is not there; whether it has the digest that it should have."""
        expected = content.files[0]
        try:
            if expected.size < PACKED_BELOW_BYTES:
                view = openings.view(content.ranges)
                return blake3(view).hexdigest() == expected.digest and _write_small(path, view)
            with Openings(self._objects) as large, Path(path).open("x+b", buffering=0) as file:
                stretches = [Stretch(large.descriptor(one.object), one.offset, one.size) for one in content.ranges]
                return copy(stretches, file.fileno(), is_durable=False) == expected.digest
        except NotFound:
            return False

    def _link(self, content: Content, path: str) -> bool:
        """Whether the file system let the object have this name too."""
        kept = self._objects.path(content.ranges[0].object)
        if kept.stat().st_size != content.files[0].size:
            return False  # a piece of something larger
        try:
            os.link(kept, path)
        except OSError:  # another file system, or one without links
            return False
        kept.chmod(0o444)
        return True


def _write_small(path: str, content: memoryview) -> bool:
    """Plain system calls: a file object for each of twenty thousand files takes twice the time."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)
    return True


def _edges(version: Version, head: Version | None) -> Iterator[lineage.Edge]:
    yield lineage.Edge(version.node, lineage.node("files", version.id), "files")
    if head is not None:
        yield lineage.Edge(version.node, head.node, "replaced")
    yield lineage.Edge(version.node, lineage.node("source", version.source), "source")
