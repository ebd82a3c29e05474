"""Bytes that can be worked out again from immutable ones, kept in a folder under the digest of what they come from.

Losing them costs time only, and damaged ones count as lost: each file begins with the BLAKE3 digest of the rest.
"""

import mmap
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from homeostat.core.digests import Digest

_HEADER_BYTES = 32  # a BLAKE3 digest; what follows stays aligned for arrays of integers


class Derived:
    """Such bytes by their key. Safe for threads and processes: whoever works a key out writes the same bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: Digest, make: Callable[[], bytes]) -> bytes | memoryview:
        """The bytes under a key, made now if they are not there whole.

        Returns: a view that is read from disk as it is looked at.
        Cost: one pass over the bytes for their digest.
        """
        path = self._folder / key[:2] / key
        with suppress(OSError, ValueError), path.open("rb") as file:
            kept = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            if blake3(kept[_HEADER_BYTES:]).digest() == kept[:_HEADER_BYTES]:
                return kept[_HEADER_BYTES:]
        made = make()
        with suppress(OSError):  # a full disk costs time, not the answer
            _write(path, blake3(made).digest() + made)
        return made


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
