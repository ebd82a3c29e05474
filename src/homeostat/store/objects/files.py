"""Objects as files: `ab/cdef...`, written beside and renamed into place."""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from blake3 import blake3

from homeostat.core.digests import Digest, digest_bytes, short
from homeostat.core.errors import CorruptObject, DiskFull, NotFound

_INCOMING = "incoming"


class FileObjects:
    """An ObjectStore in a directory of one machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        (root / _INCOMING).mkdir(parents=True, exist_ok=True)

    def put(self, content: bytes | Iterable[bytes]) -> Digest:
        if isinstance(content, bytes):
            digest = digest_bytes(content)
            if self.has(digest):
                return digest
        incoming = self._root / _INCOMING / secrets.token_hex(8)
        try:
            digest = _write(incoming, [content] if isinstance(content, bytes) else content)
            self._settle(incoming, digest)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(
                    f"No space left for an object in {self._root} ({os.strerror(error.errno)}). "
                    f"Nothing was changed. Free some space and run the same command again."
                ) from error
            raise
        finally:
            incoming.unlink(missing_ok=True)
        return digest

    def _settle(self, incoming: Path, digest: Digest) -> None:
        final = self._path(digest)
        if final.exists():
            return
        if not final.parent.exists():
            final.parent.mkdir(exist_ok=True)
            _sync_folder(self._root)
        incoming.rename(final)
        _sync_folder(final.parent)

    def read(self, digest: Digest) -> bytes:
        content = self.path(digest).read_bytes()
        found = digest_bytes(content)
        if found != digest:
            raise CorruptObject(
                f"Object {short(digest)} in {self._root} holds other bytes (their digest is {short(found)}): the disk or "
                f"somebody changed {self._path(digest)}. Restore that file from a copy, or delete it and import its source again."
            )
        return content

    def path(self, digest: Digest) -> Path:
        path = self._path(digest)
        if not path.exists():
            raise NotFound(
                f"Object {short(digest)} is not in {self._root}. It was deleted, or never arrived. "
                "Import its source again, or restore it from a copy."
            )
        return path

    def has(self, digest: Digest) -> bool:
        return self._path(digest).exists()

    def digests(self) -> Iterator[Digest]:
        for shard in sorted(self._root.iterdir()):
            if len(shard.name) == 2:
                for entry in sorted(shard.iterdir()):
                    yield Digest(shard.name + entry.name)

    def _path(self, digest: Digest) -> Path:
        return self._root / digest[:2] / digest[2:]


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


def _sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, as fsync of a file does for its bytes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
