"""A download in a file of its own, which goes on where it was interrupted, also in another process."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from homeostat.core.digests import digest_chunks, digest_of, short
from homeostat.core.errors import BadData, DiskFull
from homeostat.store.objects.files import disk_full_named

_BLOCK_BYTES = 1 << 20
_SPARE_BYTES = 256 << 20  # what a full disk must leave for the database


class Spool:
    """The bytes of one address so far, in `folder`, with the validator (an etag) of the content they belong to.

    Of one owner at a time: see `Sources`.

    Attributes:
        received_bytes: that this process added.
    """

    def __init__(self, folder: Path, uri: str, name: str, max_bytes: int) -> None:
        self._folder = folder / short(digest_of(uri))
        self._uri = uri
        self._max_bytes = max_bytes
        self.path = self._folder / name
        self.received_bytes = 0
        self._validator = self._folder / "validator"

    @property
    def size_bytes(self) -> int:
        """How much is there."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def validator(self) -> str:
        """What the content that is there was called; empty if there is none, or it cannot be gone on with."""
        return self._validator.read_text() if self._validator.exists() and self.path.exists() else ""

    def begin(self, validator: str) -> None:
        """Start over, with the content of that name."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self._validator.write_text(validator)

    def expect(self, more_bytes: int) -> None:
        """Raises: BadData if this many bytes more are too many. DiskFull if there is no room for them."""
        if self.size_bytes + more_bytes > self._max_bytes:
            raise BadData(
                f"{self._uri} has {self.size_bytes + more_bytes:,} bytes, more than the {self._max_bytes:,} allowed. Allow more with "
                f"--max-bytes if that is what you expect."
            )
        free = shutil.disk_usage(self._folder).free
        if more_bytes + _SPARE_BYTES > free:
            raise DiskFull(f"{self._uri} needs {more_bytes:,} bytes, and {self._folder} has {free:,} left. Make room.")

    def write(self, chunks: Iterable[bytes]) -> None:
        """Add bytes to the end; those that came stay if the rest does not.

        Raises: BadData if they become too many. DiskFull.
        """
        with disk_full_named(self._folder), self.path.open("ab") as file:
            for chunk in chunks:
                if file.tell() + len(chunk) > self._max_bytes:
                    self.expect(len(chunk))
                file.write(chunk)
                self.received_bytes += len(chunk)
            file.flush()
            os.fsync(file.fileno())

    def blake3(self) -> str:
        """Digest of the bytes that are there."""
        with self.path.open("rb") as file:
            return digest_chunks(iter(lambda: file.read(_BLOCK_BYTES), b""))

    def clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
