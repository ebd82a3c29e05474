"""Bytes that can be worked out again from immutable ones, kept in a folder under the digest of what they come from.

Losing them costs time only, and damaged ones count as lost. Each file lists the BLAKE3 digests of its blocks, and a block is
checked when it is first looked at: who needs a few blocks of a large file does not pay for the others.
"""

import mmap
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from blake3 import blake3

from homeostat.core.digests import Digest

_BLOCK_BYTES = 1 << 14  # some microseconds to check
_DIGEST_BYTES = 32
_COUNT_BYTES = 8

Make = Callable[[], bytes]


class Derived:
    """Such bytes by their key. Safe for threads and processes: whoever works a key out writes the same bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: Digest, make: Make) -> "Kept":
        """The bytes under a key, made and written now if they are not there."""
        path = self._path(key)
        return Kept(_mapped(path) or _write(path, make()), lambda: _write(path, make()))

    def has(self, key: Digest) -> bool:
        return self._path(key).is_file()

    def _path(self, key: Digest) -> Path:
        return self._folder / key[:2] / key


class Kept:
    """Bytes that are read from disk and checked as they are looked at; made again where they are not whole."""

    def __init__(self, file: bytes | memoryview, again: Callable[[], bytes]) -> None:
        self._again = again
        self._open(memoryview(file))
        if not self._is_sound:
            self._open(memoryview(again()))

    def read(self, start: int = 0, stop: int | None = None) -> memoryview:
        """Bytes from `start` up to `stop`, to the end if None.

        Cost: one pass over the blocks they lie in for their digests, if nobody looked at them before.
        """
        end = len(self._content) if stop is None else stop
        if not all(map(self._is_whole, _blocks(start, end))):
            self._open(memoryview(self._again()))
        return self._content[start:stop]

    def _open(self, file: memoryview) -> None:
        count = int.from_bytes(file[_DIGEST_BYTES : _DIGEST_BYTES + _COUNT_BYTES], "little")
        listed = file[_DIGEST_BYTES : _DIGEST_BYTES + _COUNT_BYTES + count * _DIGEST_BYTES]
        self._digests = listed[_COUNT_BYTES:]
        self._content = file[_DIGEST_BYTES + len(listed) :]
        # A file that is cut where a block ends lacks blocks, and each of those that are there is whole.
        is_complete = count == len(_blocks(0, len(self._content)))
        self._is_sound = is_complete and blake3(listed).digest() == file[:_DIGEST_BYTES]
        self._checked = np.zeros(count if self._is_sound else 0, dtype=np.bool_)

    def _is_whole(self, block: int) -> bool:
        if not self._checked[block]:
            found = blake3(self._content[block * _BLOCK_BYTES : (block + 1) * _BLOCK_BYTES]).digest()
            self._checked[block] = found == self._digests[block * _DIGEST_BYTES : (block + 1) * _DIGEST_BYTES]
        return bool(self._checked[block])


def _blocks(start: int, stop: int) -> range:
    """Numbers of the blocks in which bytes from `start` up to `stop` lie."""
    return range(start // _BLOCK_BYTES, -(-stop // _BLOCK_BYTES))


def _mapped(path: Path) -> memoryview | None:
    with suppress(OSError, ValueError), path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return None


def _write(path: Path, content: bytes) -> bytes:
    """The file that holds this content, written to `path` unless the disk is full: that costs time, not the answer."""
    starts = range(0, len(content), _BLOCK_BYTES)
    digests = b"".join(blake3(memoryview(content)[at : at + _BLOCK_BYTES]).digest() for at in starts)
    listed = len(starts).to_bytes(_COUNT_BYTES, "little") + digests
    file = blake3(listed).digest() + listed + content
    unfinished = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(file)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return file
