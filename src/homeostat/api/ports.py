"""What the API needs of others."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from homeostat.core.digests import Digest
from homeostat.track.run import Beginning


class Reader(Protocol):
    """Gives what a page shows as a struct that msgspec can encode.

    Raises: NotFound naming what is not there.
    """

    def overview(self) -> msgspec.Struct: ...

    def run(self, run_id: str, query: Mapping[str, str]) -> msgspec.Struct: ...

    def curves(self, run_id: str, keys: Sequence[str], query: Mapping[str, str]) -> msgspec.Struct: ...

    def system(self, name: str) -> msgspec.Struct: ...

    def decisions(self, *, system: str, kind: str, before: int | None) -> msgspec.Struct: ...

    def comparison(self, query: Sequence[tuple[str, str]]) -> msgspec.Struct: ...

    def comparison_curves(self, query: Sequence[tuple[str, str]], width: int) -> msgspec.Struct: ...

    def comparison_table(self, query: Sequence[tuple[str, str]]) -> str: ...

    def found_runs(self, pairs: Sequence[tuple[str, str]]) -> msgspec.Struct: ...


class Tracking(Protocol):
    """`track.service.Runs`, as clients elsewhere need it."""

    def receive(self, spool_id: str, offset: int, raw: bytes) -> int: ...

    def mark_killed(self, run_id: str) -> bool: ...

    def beginning(self, run_id: str) -> Beginning: ...


class Objects(Protocol):
    """`store.objects.FileObjects`: what clients may ask it."""

    def has(self, digest: Digest) -> bool: ...

    def receive(self, digest: Digest, chunks: Iterable[bytes]) -> None: ...
