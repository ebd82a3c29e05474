"""What the API needs of the one who reads the rooms."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class Reader(Protocol):
    """Gives what a page shows as a struct that msgspec can encode.

    Raises: NotFound naming what is not there.
    """

    def overview(self) -> msgspec.Struct: ...

    def run(self, run_id: str, query: Mapping[str, str]) -> msgspec.Struct: ...

    def curves(self, run_id: str, keys: Sequence[str], query: Mapping[str, str]) -> msgspec.Struct: ...

    def system(self, name: str) -> msgspec.Struct: ...

    def decisions(self, *, system: str, kind: str, before: int | None) -> msgspec.Struct: ...
