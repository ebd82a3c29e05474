"""What differs between two versions of files: which paths came, went, or have another content."""

from collections.abc import Iterator

import msgspec

from homeostat.codec.tables import Table
from homeostat.core.errors import CorruptObject, HomeostatError
from homeostat.data.catalog.records import Version
from homeostat.data.retention.kept import check_kept
from homeostat.data.tree import FileEntry, FilesManifest, Shard, read_shard
from homeostat.store.objects import ObjectStore


class FilesDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two versions of files, each in the order of its paths.

    Attributes:
        changed, changed_from: files at the same path with another content, and what they were.
        files_read: entries of both trees that had to be compared.
    """

    dataset: str
    before: int
    after: int
    added: tuple[FileEntry, ...]
    removed: tuple[FileEntry, ...]
    changed: tuple[FileEntry, ...]
    changed_from: tuple[FileEntry, ...]
    files_read: int

    def lines(self) -> Iterator[str]:
        """The diff for a terminal."""
        yield (
            f"{self.dataset} {self.before} -> {self.after}: {len(self.added):,} files added, {len(self.removed):,} removed, "
            f"{len(self.changed):,} changed"
        )
        marked = [(entry.path, sign) for sign, entries in self._signed() for entry in entries]
        yield from (f"  {sign} {path}" for path, sign in sorted(marked))

    def review(self) -> Table:
        """Every file that differs, with a first column `op`: `removed`, `added`, and `before` and `after` of changed ones."""
        sides = {
            "removed": self.removed,
            "added": self.added,
            "before": self.changed_from,
            "after": self.changed,
        }
        rows = [(op, entry.path, entry.digest, entry.size) for op, entries in sides.items() for entry in entries]
        names = ("op", "path", "digest", "size_bytes")
        return Table.of({name: [row[index] for row in rows] for index, name in enumerate(names)})

    def _signed(self) -> tuple[tuple[str, tuple[FileEntry, ...]], ...]:
        return ("+", self.added), ("-", self.removed), ("~", self.changed)


def compare_files(objects: ObjectStore, before: Version, after: Version) -> FilesDiff:
    """What differs between two versions of files.

    Raises: NotFound if one of them was forgotten. CorruptObject naming the version whose tree the store lost.
    Cost: reads only parts of the trees in which the two differ; contents never.
    """
    old, new = _tree(objects, before), _tree(objects, after)
    shared = set(old) & set(new)
    was = dict(_entries(objects, before, [shard for shard in old if shard not in shared]))
    now = dict(_entries(objects, after, [shard for shard in new if shard not in shared]))
    changed = [path for path in now if path in was and was[path] != now[path]]
    return FilesDiff(
        dataset=before.dataset,
        before=before.number,
        after=after.number,
        added=tuple(entry for path, entry in now.items() if path not in was),
        removed=tuple(entry for path, entry in was.items() if path not in now),
        changed=tuple(now[path] for path in changed),
        changed_from=tuple(was[path] for path in changed),
        files_read=len(was) + len(now),
    )


def _tree(objects: ObjectStore, version: Version) -> tuple[Shard, ...]:
    check_kept(version)
    try:
        return msgspec.json.decode(objects.read(version.manifest), type=FilesManifest).tree
    except HomeostatError as error:
        raise _lost(version, error) from error


def _entries(objects: ObjectStore, version: Version, shards: list[Shard]) -> Iterator[tuple[str, FileEntry]]:
    for shard in shards:
        try:
            content = objects.read(shard.object)
        except HomeostatError as error:
            raise _lost(version, error) from error
        for entry in read_shard(content):
            yield entry.path, entry


def _lost(version: Version, error: HomeostatError) -> CorruptObject:
    return CorruptObject(
        f"The tree of {version.node} cannot be read: {error.message} Add the data again from its source."
    )
