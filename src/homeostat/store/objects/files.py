"""Objects as files: `ab/cdef...`, written beside and renamed into place."""

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blake3 import blake3

from homeostat.core.digests import Digest, digest_bytes, short
from homeostat.core.errors import CorruptObject, DiskFull, NotFound
from homeostat.store.objects.copying import Stretch, copy
from homeostat.store.objects.port import FRESH_S, Entry

_INCOMING = "incoming"
_ASIDE = "aside"
_ABANDONED_S = 24 * 60 * 60.0  # a writer that has written nothing for a day is gone


class FileObjects:
    """An ObjectStore in a directory of one machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        (root / _INCOMING).mkdir(parents=True, exist_ok=True)
        _sweep(root / _INCOMING)

    def put(self, content: bytes | Iterable[bytes]) -> Digest:
        if isinstance(content, bytes):
            digest = digest_bytes(content)
            if self.has(digest):
                return digest
        with _incoming(self._root / _INCOMING) as incoming:
            digest = _write(incoming, [content] if isinstance(content, bytes) else content)
            self._settle(incoming, digest)
        return digest

    def put_file(self, path: Path) -> Digest:
        """Keep the content of a file, as `put` does, and return the digest of what is kept.

        Whoever must know that it is the file's content asks the file whether it has changed meanwhile.

        Raises: DiskFull as `put`.
        Cost: about that of a copy with its flush; the file system may share the blocks instead.
        """
        with path.open("rb", buffering=0) as source, _incoming(self._root / _INCOMING) as incoming:
            with incoming.open("x+b", buffering=0) as target:
                size = os.fstat(source.fileno()).st_size
                digest = copy([Stretch(source.fileno(), 0, size)], target.fileno(), is_durable=True)
            self._settle(incoming, digest)
        return digest

    def _settle(self, incoming: Path, digest: Digest) -> None:
        final = self._path(digest)
        if self.has(digest):
            return
        if not final.parent.exists():
            final.parent.mkdir(exist_ok=True)
            _sync_folder(self._root)
        incoming.rename(final)
        _sync_folder(final.parent)

    def read(self, digest: Digest) -> bytes:
        content = self.path(digest).read_bytes()
        self._compare(digest, digest_bytes(content))
        return content

    def check(self, digest: Digest) -> None:
        """Read an object of any size and compare it with its digest, without holding it in memory.

        Raises: NotFound, CorruptObject as `read`.
        """
        hasher = blake3(max_threads=blake3.AUTO)
        hasher.update_mmap(self.path(digest))
        self._compare(digest, Digest(hasher.hexdigest()))

    def path(self, digest: Digest) -> Path:
        path = self._path(digest)
        if not path.exists():
            raise NotFound(
                f"Object {short(digest)} is not in {self._root}. It was deleted, or never arrived. "
                "Import its source again, or restore it from a copy."
            )
        return path

    def has(self, digest: Digest) -> bool:
        path = self._path(digest)
        try:
            # Whoever asks may rely on it without writing it again: a collector looks at this time before it deletes.
            if path.stat().st_mtime < time.time() - FRESH_S:
                os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def digests(self) -> Iterator[Digest]:
        for shard in sorted(self._root.iterdir()):
            if len(shard.name) == 2:
                for entry in sorted(shard.iterdir()):
                    yield Digest(shard.name + entry.name)

    def entries(self) -> Iterator[Entry]:
        """Every object with its size and age; first puts back what a killed `discard` left aside."""
        for left in (self._root / _ASIDE).glob("*"):
            self._put_back(left, Digest(left.name))
        for digest in self.digests():
            with suppress(FileNotFoundError):
                found = self._path(digest).stat()
                yield Entry(digest, found.st_size, found.st_mtime)

    def discard(self, digest: Digest, before: float) -> bool:
        """Delete an object that nobody has put or asked for since `before`, unix seconds; whether it was deleted.

        It is set aside before its age is read again. So whoever asks for it either does so earlier, is seen and gets it
        back, or finds nothing and writes it anew: nobody is told of an object that is about to go.
        """
        aside = self._root / _ASIDE / digest
        aside.parent.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):  # another collector was faster
            self._path(digest).rename(aside)
            if aside.stat().st_mtime < before:
                aside.unlink()
                return True
            self._put_back(aside, digest)
        return False

    def receive(self, digest: Digest, chunks: Iterable[bytes]) -> None:
        """Keep an object that comes from elsewhere, in place of what is here: that is how a damaged one is mended.

        Raises: CorruptObject if what comes is not what the digest says; nothing was changed then. DiskFull.
        """
        with _incoming(self._root / _INCOMING) as incoming:
            found = _write(incoming, chunks)
            if found != digest:
                raise CorruptObject(
                    f"What came for object {short(digest)} are other bytes (their digest is {short(found)}): the copy is "
                    f"damaged too, or was on its way. Nothing was changed. Try again, or take it from another copy."
                )
            self._path(digest).parent.mkdir(exist_ok=True)
            _sync_folder(self._root)
            incoming.replace(self._path(digest))
            _sync_folder(self._path(digest).parent)

    def _compare(self, digest: Digest, found: Digest) -> None:
        if found != digest:
            raise CorruptObject(
                f"Object {short(digest)} in {self._root} holds other bytes (their digest is {short(found)}): the disk or "
                f"somebody changed {self._path(digest)}. Restore that file from a copy, or delete it and import its source again."
            )

    def _put_back(self, aside: Path, digest: Digest) -> None:
        with suppress(FileNotFoundError):  # another collector was faster
            if self._path(digest).exists():
                aside.unlink()
            else:
                aside.rename(self._path(digest))

    def _path(self, digest: Digest) -> Path:
        return self._root / digest[:2] / digest[2:]


@contextmanager
def _incoming(folder: Path) -> Iterator[Path]:
    """A path in `folder` to write at; nothing is left there. A full disk is named."""
    path = folder / secrets.token_hex(8)
    try:
        with disk_full_named(folder):
            yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def disk_full_named(folder: Path) -> Iterator[None]:
    """Raises: DiskFull in place of what the system says when there is no room in `folder`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"No space left in {folder} ({os.strerror(error.errno)}). "
                f"Nothing was changed. Free some space and run the same command again."
            ) from error
        raise


def _sweep(folder: Path) -> None:
    """Delete what killed processes left: nothing of theirs was acknowledged. Cost: one listing of a folder that is nearly empty."""
    for left in os.scandir(folder):
        with suppress(FileNotFoundError):  # its owner is done with it
            if left.stat().st_mtime < time.time() - _ABANDONED_S:
                Path(left).unlink()


def _write(path: Path, chunks: Iterable[bytes]) -> Digest:
    """Write and fsync `chunks`, hashing on the way."""
    hasher = blake3()
    with path.open("xb") as file:
        for chunk in chunks:
            hasher.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return Digest(hasher.hexdigest())


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that readers see whole, as it was or as it is, whatever ends this process."""
    with _incoming(path.parent) as beside:
        _write(beside, [content])
        beside.replace(path)
    _sync_folder(path.parent)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until nobody else, in any thread or process, is in a block of this lock file; the kernel ends it with the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, as fsync of a file does for its bytes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
