"""Files as a dataset: which paths hold which content. Pure.

The id of a set of files is that of its tree: paths in order, each with the digest and size of its content. Modes, owners and
times are not part of it. The tree is cut into shards where the digest of a path says so, about every 1,024 files: a change
of some files leaves the other shards as they are, and how files are kept (in packs or alone) leaves no trace in the id.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from homeostat.core.digests import Digest, canonical_json, digest_bytes, digest_of

_SCHEMA = "homeostat-files-1"
_SHARD_FILES = 1024


class FileEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One file: its path below the root with `/` between, and its content."""

    path: str
    digest: Digest
    size: int


class Shard(msgspec.Struct, frozen=True, array_like=True):
    """Some consecutive files of a tree, as one object."""

    object: Digest
    files: int


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where in a pack the content of a small file lies."""

    digest: Digest
    offset: int
    size: int


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of small files, one after the other in one object; `index` is the object with their places."""

    content: Digest
    index: Digest


class Range(msgspec.Struct, frozen=True, array_like=True):
    """Some bytes of an object."""

    object: Digest
    offset: int
    size: int


class Pieced(msgspec.Struct, frozen=True, kw_only=True):
    """A large file that is kept as ranges of other objects; `recipe` is the object that lists them, in order."""

    content: Digest
    recipe: Digest


class FilesManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a version of files is made of."""

    tree: tuple[Shard, ...]
    packs: tuple[Pack, ...]
    bytes: int
    pieced: tuple[Pieced, ...] = ()
    format: Literal["files-1"] = "files-1"

    @property
    def id(self) -> Digest:
        """The content id: of the tree only."""
        return digest_of([_SCHEMA, [shard.object for shard in self.tree]])

    @property
    def named(self) -> Iterator[Digest]:
        """The objects it names: all that a version needs but large files that are objects themselves, and what recipes list."""
        yield from (shard.object for shard in self.tree)
        for pack in self.packs:
            yield from (pack.content, pack.index)
        yield from (pieced.recipe for pieced in self.pieced)

    @property
    def files(self) -> int:
        return sum(shard.files for shard in self.tree)


def shards(entries: Sequence[FileEntry]) -> Iterator[tuple[Shard, bytes]]:
    """The shards of a tree, with their objects.

    Args:
        entries: in the order of their paths.
    """
    first = 0
    for end, entry in enumerate(entries, 1):
        ends_shard = int(digest_bytes(entry.path.encode())[:8], 16) % _SHARD_FILES == 0
        if ends_shard or end == len(entries):
            content = canonical_json(entries[first:end])
            yield Shard(digest_bytes(content), end - first), content
            first = end


def read_recipe(content: bytes) -> tuple[Range, ...]:
    return msgspec.json.decode(content, type=tuple[Range, ...])


def read_shard(content: bytes) -> list[FileEntry]:
    return msgspec.json.decode(content, type=list[FileEntry])
