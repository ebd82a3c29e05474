"""Files of a directory, and the digests that they had when they were last seen unchanged."""

import os
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from homeostat.core.digests import Digest, digest_of
from homeostat.core.errors import BadData, NotFound
from homeostat.data.tree import Pack

# A file that changes again within one tick of its file system's clock keeps its times. FAT has the longest tick: 2 s.
_TICK_NS = 2_000_000_000
# What there is one of for each file is hidden from the collector of cycles (`gc=False`), which would else look at all of them, and at
# every library, many times over.


class Found(msgspec.Struct, frozen=True, gc=False):
    """A file that is there: its path below the root with `/` between, its place, and what tells that it has not changed."""

    path: str
    place: str
    stamp: "Stamp"


class Stamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What of a file changes when its content does."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """What a stat cache keeps of a directory.

    Attributes:
        files: path and stamp of each file, in the order of the scan, undecoded: equal bytes say that nothing has changed.
        digests: of their contents, in the same order.
        packs: that hold small ones of them, though no version may name them yet.
        manifest: of the version that the files make; empty if they make none yet.
        objects: what that version needs.
    """

    files: msgspec.Raw = msgspec.Raw(b"\x90")
    digests: tuple[Digest, ...] = ()
    packs: tuple[Pack, ...] = ()
    manifest: str = ""
    objects: tuple[Digest, ...] = ()


class _Seen(msgspec.Struct, frozen=True, gc=False):
    stamp: Stamp
    digest: Digest


def stamp_of(found: os.stat_result) -> Stamp:
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def scan(root: Path) -> Iterator[Found]:
    """Every file of a directory and those below it, or the one file that `root` is; links to files count as files.

    Raises: NotFound if there is no such path. BadData naming what is neither file nor directory, a link to a directory, or a
        name that is not UTF-8.
    """
    if root.is_file():
        yield Found(root.name, str(root), stamp_of(root.stat()))
    elif root.is_dir():
        yield from _below(str(root), "")
    else:
        raise NotFound(f"There is no file or directory {root} (seen from {Path.cwd()}). Check the path.")


def _below(folder: str, prefix: str) -> Iterator[Found]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        path = prefix + entry.name
        if not entry.name.isprintable() and any("\udc80" <= letter <= "\udcff" for letter in entry.name):
            raise BadData(f"{entry.path!r} has a name that is not UTF-8. Rename it.")
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, f"{path}/")
        else:
            try:
                found = entry.stat()
            except FileNotFoundError as error:
                raise BadData(f"{entry.path} is gone, or a link to nothing. Remove it, or add again.") from error
            if not stat.S_ISREG(found.st_mode):
                raise BadData(
                    f"{entry.path} is no file: a link to a directory, a socket or a device. Take it out of the directory, or "
                    f"put what it stands for in its place."
                )
            yield Found(path, entry.path, stamp_of(found))


class StatCache:
    """Digests of a directory's files by their stamps, in one file beside the workspace; losing it costs a re-read only.

    Of several that add the directory at once, the last to save wins.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self._path = folder / digest_of([os.fspath(root.resolve())])
        self._began_ns = time.time_ns()
        self._fresh: dict[str, _Seen] = {}
        try:
            self._kept = msgspec.msgpack.decode(self._path.read_bytes(), type=Remembered)
        except (FileNotFoundError, msgspec.DecodeError):
            self._kept = Remembered()

    @property
    def packs(self) -> tuple[Pack, ...]:
        """Packs that hold contents remembered here."""
        return self._kept.packs

    def objects_of(self, found: Sequence[Found], manifest: Digest) -> tuple[Digest, ...] | None:
        """What the version with this manifest needs, if it is of just these files, and none has changed. Cost: O(files), small."""
        is_same = self._kept.manifest == manifest and bytes(self._kept.files) == _spelled(found)
        return self._kept.objects if is_same else None

    @cached_property
    def _seen(self) -> dict[str, _Seen]:
        files = msgspec.msgpack.decode(self._kept.files, type=list[tuple[str, Stamp]])
        return {path: _Seen(stamp, digest) for (path, stamp), digest in zip(files, self._kept.digests, strict=True)}

    def digest(self, found: Found) -> Digest | None:
        """The content of a file, if it has not changed since it was last read."""
        seen = self._seen.get(found.path)
        return seen.digest if seen is not None and seen.stamp == found.stamp else None

    def note(self, found: Found, digest: Digest) -> None:
        """Remember a file's content, unless the file is so young that it may change without a trace."""
        if max(found.stamp.modified_ns, found.stamp.changed_ns) < self._began_ns - _TICK_NS:
            self._fresh[found.path] = _Seen(found.stamp, digest)

    def save(self, packs: tuple[Pack, ...], manifest: Digest, objects: tuple[Digest, ...]) -> None:
        """Keep what was noted, and nothing else."""
        self._write(self._fresh, packs, manifest, objects)

    def save_so_far(self, packs: tuple[Pack, ...]) -> None:
        """Keep what was noted until now beside what was there, so that whoever begins again after a crash goes on from here."""
        self._write(self._seen | self._fresh, packs, "", ())

    def _write(
        self, seen: dict[str, _Seen], packs: tuple[Pack, ...], manifest: str, objects: tuple[Digest, ...]
    ) -> None:
        files = msgspec.msgpack.encode([(path, one.stamp) for path, one in seen.items()])
        kept = Remembered(msgspec.Raw(files), tuple(one.digest for one in seen.values()), packs, manifest, objects)
        if kept == self._kept:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}-{threading.get_ident()}")
        beside.write_bytes(msgspec.msgpack.encode(kept))
        beside.replace(self._path)


def _spelled(found: Sequence[Found]) -> bytes:
    return msgspec.msgpack.encode([(one.path, one.stamp) for one in found])
