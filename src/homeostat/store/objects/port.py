"""What every object store can do. `tests/contract/test_objects.py` holds each implementation to it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from homeostat.core.digests import Digest


class ObjectStore(Protocol):
    """Content-addressed bytes. Safe for any number of threads and processes: writes are atomic and idempotent."""

    def put(self, content: bytes | Iterable[bytes]) -> Digest:
        """Keep `content` durably and return its digest; a reader never sees half of it.

        Raises: DiskFull if it does not fit; the store is then as before.
        """
        ...

    def read(self, digest: Digest) -> bytes:
        """The content, checked against its digest.

        Raises: NotFound if it is not here. CorruptObject if the bytes are not what the digest says.
        """
        ...

    def path(self, digest: Digest) -> Path:
        """A local file with the content, for memory-mapping; unchecked. Never write to it.

        Raises: NotFound if it is not here.
        """
        ...

    def has(self, digest: Digest) -> bool: ...

    def digests(self) -> Iterator[Digest]:
        """Every object, in no order."""
        ...
