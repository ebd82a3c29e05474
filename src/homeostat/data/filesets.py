"""Versions of files: adding a directory or a file, writing it out again, checking it."""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from blake3 import blake3

from homeostat.core.clock import Clock
from homeostat.core.digests import Digest, canonical_json, digest_chunks, short
from homeostat.core.errors import AlreadyExists, BadData, CorruptObject, HomeostatError, NotFound, WrongType
from homeostat.core.ids import check_name
from homeostat.data import queries
from homeostat.data.packs import PACKED_BELOW_BYTES, Contents, chunks, unpacked
from homeostat.data.records import FILES_COLUMNS, Appended, Version
from homeostat.data.retention.kept import check_kept
from homeostat.data.scan import StatCache, scan
from homeostat.data.tree import FileEntry, FilesManifest, read_shard, shards
from homeostat.data.versions import record
from homeostat.store import lineage
from homeostat.store.db import Database
from homeostat.store.objects import ObjectStore


class FileSets:
    """Datasets that hold files. Safe for threads and processes: two adds at once both succeed, one after the other."""

    def __init__(self, database: Database, objects: ObjectStore, clock: Clock, stat_folder: Path) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock
        self._stat_folder = stat_folder

    def add(self, name: str, path: Path, *, actor: str) -> Appended:
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
            draft, rows_added, bytes_added = self._draft(head, path)
            manifest = self._objects.put(canonical_json(draft))
            if head is not None and manifest == head.manifest:
                return Appended(version=head, report=None, is_new=False)
            with self._database.write() as connection:
                newest = queries.newest(connection, name)
                if newest == head:
                    version = Version(
                        dataset=name,
                        number=1 if head is None else head.number + 1,
                        id=draft.id,
                        manifest=manifest,
                        rows=draft.files,
                        rows_added=rows_added,
                        parent=None if head is None else head.number,
                        columns=FILES_COLUMNS,
                        source=path.as_posix(),
                        offered=draft.id,
                        created_at=self._clock.now(),
                        created_by=actor,
                    )
                    record(connection, version, list(_edges(version, head)), None)
                    return Appended(version=version, report=None, bytes_added=bytes_added)
            head = newest  # another process was faster: build on its version

    def checkout(self, version: Version, to: Path, *, links: bool = False) -> None:
        """Write the files of a version into a new or empty directory; it is there when all of them are.

        Args:
            links: hard links to large files in place of copies, unchecked and read-only: they are the store's own bytes.

        Raises: AlreadyExists if there is something. CorruptObject naming the file whose content is not what it was.
        """
        if to.exists() and (not to.is_dir() or any(to.iterdir())):
            raise AlreadyExists(f"{to} is there already, and not empty. Name a directory that is new.")
        to.parent.mkdir(parents=True, exist_ok=True)
        beside = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
        beside.mkdir()
        try:
            self._fill(version, str(beside), links=links)
            beside.replace(to)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def verify(self, version: Version) -> None:
        """Read every byte of a version again and compare it with its digest.

        Raises: CorruptObject naming the first file whose content is not what it was.
        """
        manifest = self._manifest(version)
        if manifest.id != version.id:
            raise CorruptObject(
                f"{version.node} has id {short(version.id)}, but its tree has {short(manifest.id)}. Add it again from its source."
            )
        for paths, content in self._contents(version, manifest, self._entries(version, manifest)):
            if digest_chunks(content) != paths[0].digest:
                raise _lost(version, paths[0].path, "Its bytes are not what they were.")

    def _draft(self, head: Version | None, path: Path) -> tuple[FilesManifest, int, int]:
        """Write the objects of the next version; how many files of it are new or changed, and bytes of contents that are new."""
        before = None if head is None else self._manifest(head)
        old = set(self._entries(head, before)) if head and before else set()
        contents = Contents(self._objects, before.packs if before else (), {entry.digest for entry in old})
        cache = StatCache(self._stat_folder, path)
        entries: list[FileEntry] = []
        for found in scan(path):
            digest = cache.digest(found)
            if digest is None or not contents.has(digest, found.stamp.size):
                digest = contents.add(found)
            cache.note(found, digest)
            entries.append(FileEntry(found.path, digest, found.stamp.size))
        if not entries:
            raise BadData(f"{path} holds no file. Add a directory with files; empty directories are not kept.")
        entries.sort(key=lambda entry: entry.path)
        packs = contents.packs({entry.digest for entry in entries if entry.size < PACKED_BELOW_BYTES})
        known = {shard.object for shard in before.tree} if before else set()
        tree = []
        for shard, content in shards(entries):
            if shard.object not in known or not self._objects.has(shard.object):
                self._objects.put(content)
            tree.append(shard)
        cache.save()
        draft = FilesManifest(tree=tuple(tree), packs=packs, bytes=sum(entry.size for entry in entries))
        return draft, sum(entry not in old for entry in entries), contents.bytes_added

    def _manifest(self, version: Version) -> FilesManifest:
        check_kept(version)
        try:
            return msgspec.json.decode(self._objects.read(version.manifest), type=FilesManifest)
        except HomeostatError as error:
            raise _lost(version, "its manifest", error.message) from error

    def _entries(self, version: Version, manifest: FilesManifest) -> Iterator[FileEntry]:
        for shard in manifest.tree:
            try:
                entries = read_shard(self._objects.read(shard.object))
            except HomeostatError as error:
                raise _lost(version, "part of its tree", error.message) from error
            for entry in entries:
                if not {"", ".", ".."}.isdisjoint(entry.path.split("/")):
                    raise _lost(
                        version, repr(entry.path), "Such a path leads out of a directory: another program made it."
                    )
                yield entry

    def _contents(
        self, version: Version, manifest: FilesManifest, entries: Iterable[FileEntry]
    ) -> Iterator[tuple[list[FileEntry], Iterable[bytes]]]:
        """Each content once, with the files that have it; unchecked."""
        wanted: dict[Digest, list[FileEntry]] = {}
        for entry in entries:
            wanted.setdefault(entry.digest, []).append(entry)
        small = {digest for digest, files in wanted.items() if files[0].size < PACKED_BELOW_BYTES}
        try:
            for pack in manifest.packs:
                for digest, content in unpacked(self._objects, pack, small):
                    small.discard(digest)
                    yield wanted.pop(digest), (content,)
            if small:
                missing = wanted[small.pop()][0]
                raise _lost(version, missing.path, "No pack holds it.")
            for digest, files in wanted.items():
                yield files, chunks(self._objects.path(digest))
        except NotFound as error:
            raise _lost(version, "one of its objects", error.message) from error

    def _fill(self, version: Version, folder: str, *, links: bool) -> None:
        manifest = self._manifest(version)
        entries = list(self._entries(version, manifest))
        for parent in sorted({entry.path.rpartition("/")[0] for entry in entries}):
            Path(folder, parent).mkdir(parents=True, exist_ok=True)
        for files, content in self._contents(version, manifest, entries):
            if links and files[0].size >= PACKED_BELOW_BYTES:
                rest = [entry for entry in files if not self._link(entry, folder)]
            else:
                rest = files
            if rest:
                first = f"{folder}/{rest[0].path}"
                if _write(first, content) != rest[0].digest:
                    raise _lost(version, rest[0].path, "Its bytes are not what they were.")
                for other in rest[1:]:
                    shutil.copyfile(first, f"{folder}/{other.path}")

    def _link(self, entry: FileEntry, folder: str) -> bool:
        """Whether the file system let the object have this name too."""
        kept = self._objects.path(entry.digest)
        try:
            os.link(kept, f"{folder}/{entry.path}")
        except OSError:  # another file system, or one without links
            return False
        kept.chmod(0o444)
        return True


def _write(path: str, content: Iterable[bytes]) -> Digest:
    """Write a file that is not there, and return the digest of what was written."""
    hasher = blake3()
    with Path(path).open("xb", buffering=0) as file:
        for part in content:
            hasher.update(part)
            file.write(part)
    return Digest(hasher.hexdigest())


def _edges(version: Version, head: Version | None) -> Iterator[lineage.Edge]:
    yield lineage.Edge(version.node, lineage.node("files", version.id), "files")
    if head is not None:
        yield lineage.Edge(version.node, head.node, "replaced")
    yield lineage.Edge(version.node, lineage.node("source", version.source), "source")


def _lost(version: Version, path: str, why: str) -> CorruptObject:
    return CorruptObject(f"{version.node} cannot be read: {path} is damaged. {why} Add the data again from its source.")
