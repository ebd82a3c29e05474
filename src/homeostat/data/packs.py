"""Contents of files in an object store: small ones together in packs, larger ones each as an object, or as pieces of others.

A file system needs a block, an inode and a flush for each object: twenty thousand images of 4 KiB are far cheaper as two packs.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from blake3 import blake3

from homeostat.core.digests import Digest, canonical_json
from homeostat.core.errors import BadData
from homeostat.data.scan import Found, stamp_of
from homeostat.data.tree import Pack, Pieced, Place, Range, read_recipe
from homeostat.store.objects import FileObjects, ObjectStore

PACKED_BELOW_BYTES = 64 * 1024
PACK_BYTES = 64 * 1024 * 1024
PIECED_FROM_BYTES = 1024 * 1024

# `pieces.keep_pieces`, handed in: it needs numpy, which most adds do not, and which takes as long to load as twenty thousand
# files to compare.
KeepPieces = Callable[[ObjectStore, Sequence[Range], Path], tuple[tuple[Range, ...], int] | None]


class Contents:
    """The contents of a version's files while it is made: those of the version before, and what is added.

    A context manager: a pack is written by a thread of its own while the next one is read, and leaving waits for it. Holds at
    most two packs in memory. `bytes_added` counts what was kept of contents that the version before did not have.

    Args:
        packs: that may hold contents already.
        pieced: files of the version before that are kept as pieces.
        before: contents of the version before.
        keep_pieces: of a large file that replaces another.
    """

    def __init__(
        self,
        objects: FileObjects,
        packs: Iterable[Pack],
        pieced: Iterable[Pieced],
        before: set[Digest],
        keep_pieces: KeepPieces,
    ) -> None:
        self._objects = objects
        self._kept = {
            pack: places(objects, pack) for pack in packs if objects.has(pack.content) and objects.has(pack.index)
        }
        self._packed = {place.digest for held in self._kept.values() for place in held}
        self._pieced = {one.content: one for one in pieced if _is_whole(objects, one)}
        self._made: list[Pack] = []
        self._open: list[bytes] = []
        self._open_places: list[Place] = []
        self._open_bytes = 0
        self._known = before
        self._keep_pieces = keep_pieces
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[Pack] | None = None
        self.bytes_added = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._writer.shutdown()

    def has(self, digest: Digest, size: int) -> bool:
        if size < PACKED_BELOW_BYTES:
            return digest in self._packed
        return digest in self._pieced or self._objects.has(digest)

    def add(self, found: Found, predecessor: Digest | None) -> Digest:
        """Keep the content of a file that is not known, and return its digest.

        Args:
            predecessor: the content of the same path before.

        Raises: BadData if the file changes while it is read. DiskFull.
        """
        if found.stamp.size >= PACKED_BELOW_BYTES:
            return self._add_large(found, predecessor)
        content = _read(found)
        digest = Digest(blake3(content).hexdigest())
        if digest not in self._packed:
            if self._open_bytes + len(content) > PACK_BYTES:
                self._close()
            self._open_places.append(Place(digest, self._open_bytes, len(content)))
            self._open.append(content)
            self._open_bytes += len(content)
            self._packed.add(digest)
            self._count(digest, len(content))
        return digest

    def packs(self, wanted: set[Digest]) -> tuple[Pack, ...]:
        """Write what is still open, and return the packs that hold any of the contents wanted. Raises: DiskFull."""
        self._close()
        self._settle()
        kept = [pack for pack, held in self._kept.items() if any(place.digest in wanted for place in held)]
        return (*kept, *self._made)

    def pieced(self, wanted: set[Digest]) -> tuple[Pieced, ...]:
        """Contents wanted that are kept as pieces, in the order of their digests."""
        return tuple(self._pieced[digest] for digest in sorted(self._pieced.keys() & wanted))

    @property
    def made(self) -> tuple[Pack, ...]:
        """The packs written until now, the one that is being written included."""
        self._settle()
        return tuple(self._made)

    def _add_large(self, found: Found, predecessor: Digest | None) -> Digest:
        path = Path(found.place)
        digest = None
        if predecessor is not None:
            digest = _digest(path)
            if not self.has(digest, found.stamp.size) and not self._add_pieces(found, digest, predecessor):
                digest = None
        if digest is None:
            digest = self._objects.put_file(path)
            self._count(digest, found.stamp.size)
        _check_unchanged(found, stamp_of(path.stat()))
        return digest

    def _add_pieces(self, found: Found, digest: Digest, predecessor: Digest) -> bool:
        """Keep a file as pieces of the one before, if that pays."""
        old = self._pieced.get(predecessor)
        if old is not None:
            before = read_recipe(self._objects.read(old.recipe))
        elif self._objects.has(predecessor):
            before = (Range(predecessor, 0, self._objects.path(predecessor).stat().st_size),)
        else:
            return False
        if found.stamp.size < PIECED_FROM_BYTES:
            return False
        kept = self._keep_pieces(self._objects, before, Path(found.place))
        if kept is None:
            return False
        ranges, bytes_added = kept
        self._pieced[digest] = Pieced(content=digest, recipe=self._objects.put(canonical_json(ranges)))
        self._count(digest, bytes_added)
        return True

    def _count(self, digest: Digest, size: int) -> None:
        if digest not in self._known:
            self._known.add(digest)
            self.bytes_added += size

    def _close(self) -> None:
        """Begin to write what is open."""
        if self._open_places:
            self._settle()
            self._writing = self._writer.submit(_write, self._objects, self._open, self._open_places)
            self._open, self._open_places, self._open_bytes = [], [], 0

    def _settle(self) -> None:
        """Wait for the pack that is being written."""
        if self._writing is not None:
            self._made.append(self._writing.result())
            self._writing = None


def _write(objects: ObjectStore, contents: list[bytes], held: list[Place]) -> Pack:
    content = b"".join(contents)
    contents.clear()  # half of the memory
    return Pack(content=objects.put([content]), index=objects.put(canonical_json(held)))


def places(objects: ObjectStore, pack: Pack) -> list[Place]:
    """What a pack holds, in order."""
    return msgspec.json.decode(objects.read(pack.index), type=list[Place])


def _is_whole(objects: ObjectStore, pieced: Pieced) -> bool:
    """Whether everything that a file is kept in is there; its bytes are not looked at."""
    return objects.has(pieced.recipe) and all(
        objects.has(one.object) for one in read_recipe(objects.read(pieced.recipe))
    )


def _digest(path: Path) -> Digest:
    hasher = blake3(max_threads=blake3.AUTO)
    hasher.update_mmap(path)
    return Digest(hasher.hexdigest())


def _read(found: Found) -> bytes:
    """The content of a small file. Twenty thousand of them are read: plain system calls take half the time of a file object."""
    descriptor = os.open(found.place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(descriptor, found.stamp.size + 1)
        _check_unchanged(found, stamp_of(os.fstat(descriptor)))
    finally:
        os.close(descriptor)
    if len(content) != found.stamp.size:
        raise _changed(found)
    return content


def _check_unchanged(found: Found, stamp: object) -> None:
    if stamp != found.stamp:
        raise _changed(found)


def _changed(found: Found) -> BadData:
    return BadData(f"{found.place} changed while it was read: nothing was added. Add again when nothing writes to it.")
