"""What every object store can do. `tests/contract/test_objects.py` holds each implementation to it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from homeostat.core.digests import Digest


class Entry(NamedTuple):
    """An object as a store lists it; `wanted_at` is when it was last put or asked for with `has`, unix seconds, to within
    `FRESH_S`.
    """

    digest: Digest
    size_bytes: int
    wanted_at: float


# How far `wanted_at` may lag behind: what was wanted less long ago is not noted again.
FRESH_S = 600.0


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

    def has(self, digest: Digest) -> bool:
        """Whether it is here; if so, nobody discards it as unwanted before the grace period has passed once more."""
        ...

    def digests(self) -> Iterator[Digest]:
        """Every object, in no order."""
        ...
