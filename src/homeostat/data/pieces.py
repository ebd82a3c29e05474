"""A large file that is much like the one before it: kept as ranges of that one's objects, and one object with what is new.

Both are cut by content. Nothing of this is part of the file's identity, which is the digest of its bytes. A range never leads to
another recipe: however many versions there have been, a file is read from objects alone.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from homeostat.core.digests import Digest, digest_bytes
from homeostat.core.errors import BadData
from homeostat.data.chunking import chunks
from homeostat.data.ranges import PART_BYTES, read_ranges
from homeostat.data.tree import Range
from homeostat.store.objects import ObjectStore

SHARED_AT_LEAST = (
    0.3  # else the new file is kept whole: reading it back from many places would cost more than it spares
)


class Chunk(NamedTuple):
    digest: Digest
    offset: int
    size: int


def keep_pieces(objects: ObjectStore, before: Sequence[Range], path: Path) -> tuple[tuple[Range, ...], int] | None:
    """Keep what a file does not share with the one before; where all its bytes lie, and how many are new. None if it shares little.

    Args:
        before: where the bytes of the file before lie.

    Raises: BadData if the file changes meanwhile. NotFound if the store lost the file before. DiskFull.
    Cost: reads both, each in a thread, at some hundred MB/s; holds the places of their chunks, about 200 bytes each.
    """
    with ThreadPoolExecutor(2) as threads:
        old = threads.submit(lambda: list(_chunks(chunks(read_ranges(objects, before)))))
        new = threads.submit(lambda: list(_chunks(chunks(read_file(path)))))
    places = {chunk.digest: chunk for chunk in old.result()}
    shared = sum(chunk.size for chunk in new.result() if chunk.digest in places)
    size = sum(chunk.size for chunk in new.result())
    if shared < SHARED_AT_LEAST * size:
        return None
    unseen = {chunk.digest: chunk for chunk in reversed(new.result()) if chunk.digest not in places}
    fresh = sorted(unseen.values(), key=lambda chunk: chunk.offset)
    added = objects.put(_content(path, fresh)) if fresh else None
    where: dict[Digest, tuple[Range, ...]] = {}
    end = 0
    for chunk in fresh:
        if added is not None:
            where[chunk.digest] = (Range(added, end, chunk.size),)
            end += chunk.size
    bounds = _Bounds(before)
    ranges = [one for chunk in new.result() for one in where.get(chunk.digest) or bounds.within(places[chunk.digest])]
    return tuple(_joined(ranges)), end


def read_file(path: Path) -> Iterator[bytes]:
    """The content of a large file, in parts."""
    with path.open("rb", buffering=0) as file:
        while part := file.read(PART_BYTES):
            yield part


class _Bounds:
    """Finds places of a file in the ranges that it is kept in; asked in any order, by a search of the ranges' ends."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._ranges = ranges
        self._starts = []
        start = 0
        for one in ranges:
            self._starts.append(start)
            start += one.size

    def within(self, chunk: Chunk) -> Iterator[Range]:
        """Where the bytes of a chunk of the file lie."""
        index = bisect_right(self._starts, chunk.offset) - 1
        offset, left = chunk.offset, chunk.size
        while left:
            one = self._ranges[index]
            skipped = offset - self._starts[index]
            size = min(left, one.size - skipped)
            if size:
                yield Range(one.object, one.offset + skipped, size)
            offset, left, index = offset + size, left - size, index + 1


def _chunks(cut: Iterable[bytes]) -> Iterator[Chunk]:
    offset = 0
    for content in cut:
        yield Chunk(digest_bytes(content), offset, len(content))
        offset += len(content)


def _content(path: Path, wanted: Iterable[Chunk]) -> Iterator[bytes]:
    """The chunks of a file, read again. Raises: BadData if one is not what it was."""
    with path.open("rb", buffering=0) as file:
        for chunk in wanted:
            file.seek(chunk.offset)
            content = file.read(chunk.size)
            if digest_bytes(content) != chunk.digest:
                raise BadData(
                    f"{path} changed while it was read: nothing was added. Add again when nothing writes to it."
                )
            yield content


def _joined(ranges: Iterable[Range]) -> Iterator[Range]:
    """The same bytes in as few ranges as can be."""
    last: Range | None = None
    for one in ranges:
        if last is not None and one.object == last.object and one.offset == last.offset + last.size:
            last = Range(last.object, last.offset, last.size + one.size)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last
