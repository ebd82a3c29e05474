"""Contents of files in an object store: small ones together in packs, larger ones each as an object.

A file system needs a block, an inode and a flush for each object: twenty thousand images of 4 KiB are far cheaper as two packs.
"""

import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from homeostat.core.digests import Digest, canonical_json, digest_bytes
from homeostat.core.errors import BadData
from homeostat.data.scan import Found, stamp_of
from homeostat.data.tree import Pack, Place
from homeostat.store.objects import ObjectStore

PACKED_BELOW_BYTES = 64 * 1024
PACK_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024


class Contents:
    """The contents of a version's files while it is made: those of the version before, and what is added.

    Holds at most one pack in memory. `bytes_added` counts contents that the version before did not have.
    """

    def __init__(self, objects: ObjectStore, packs: Sequence[Pack], before: set[Digest]) -> None:
        self._objects = objects
        self._kept = {
            pack: places(objects, pack) for pack in packs if objects.has(pack.content) and objects.has(pack.index)
        }
        self._packed = {place.digest for held in self._kept.values() for place in held}
        self._made: list[Pack] = []
        self._open: list[bytes] = []
        self._open_places: list[Place] = []
        self._open_bytes = 0
        self._known = before
        self.bytes_added = 0

    def has(self, digest: Digest, size: int) -> bool:
        return digest in self._packed if size < PACKED_BELOW_BYTES else self._objects.has(digest)

    def add(self, found: Found) -> Digest:
        """Keep the content of a file that is not known, and return its digest.

        Raises: BadData if the file changes while it is read. DiskFull.
        """
        if found.stamp.size >= PACKED_BELOW_BYTES:
            digest = self._objects.put(_read(found))
            self._count(digest, found.stamp.size)
            return digest
        content = b"".join(_read(found))
        digest = digest_bytes(content)
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
        """Write what is still open, and return the packs that hold any of the contents wanted."""
        self._close()
        kept = [pack for pack, held in self._kept.items() if any(place.digest in wanted for place in held)]
        return (*kept, *self._made)

    def _count(self, digest: Digest, size: int) -> None:
        if digest not in self._known:
            self._known.add(digest)
            self.bytes_added += size

    def _close(self) -> None:
        if self._open_places:
            content = self._objects.put(b"".join(self._open))
            index = self._objects.put(canonical_json(self._open_places))
            self._made.append(Pack(content=content, index=index))
            self._open, self._open_places, self._open_bytes = [], [], 0


def places(objects: ObjectStore, pack: Pack) -> list[Place]:
    """What a pack holds, in order."""
    return msgspec.json.decode(objects.read(pack.index), type=list[Place])


def unpacked(objects: ObjectStore, pack: Pack, wanted: set[Digest]) -> Iterator[tuple[Digest, bytes]]:
    """The contents wanted that a pack holds; unchecked."""
    chosen = [place for place in places(objects, pack) if place.digest in wanted]
    with objects.path(pack.content).open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            yield from ((place.digest, b"") for place in chosen)
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for place in chosen:
                yield place.digest, content[place.offset : place.offset + place.size]


def chunks(path: Path) -> Iterator[bytes]:
    """The content of a large file, in parts."""
    with path.open("rb") as file:
        while part := file.read(_CHUNK_BYTES):
            yield part


def _read(found: Found) -> Iterator[bytes]:
    with Path(found.place).open("rb", buffering=0) as file:
        size = 0
        while part := file.read(_CHUNK_BYTES):
            size += len(part)
            yield part
        if size != found.stamp.size or stamp_of(os.fstat(file.fileno())) != found.stamp:
            raise BadData(
                f"{found.place} changed while it was read: nothing was added. Add again when nothing writes to it."
            )
