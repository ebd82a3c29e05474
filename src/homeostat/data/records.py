"""What the data room keeps of tables: manifests, and rows on their way in."""

from typing import Literal

import msgspec

from homeostat.codec.table_digest import TableDigest
from homeostat.codec.tables import Table
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.data.catalog.records import Arrival


class Bounds(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Smallest and largest instant of a timestamp column, microseconds rounded down; a naive timestamp counts as UTC."""

    low: Micros
    high: Micros


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Some columns of a segment, within one object.

    Attributes:
        object: a table on disk, which may hold more rows and columns than these.
        first: its row with which the segment begins.
        columns: which of its columns count here, each with the digest of its values in the rows of the segment.
    """

    object: Digest
    first: int
    columns: dict[str, Digest]


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of rows, its columns spread over one object or more. A timestamp column without values has no bounds."""

    rows: int
    parts: tuple[Part, ...]
    bounds: dict[str, Bounds]

    @property
    def columns(self) -> dict[str, Digest]:
        """Digest of the type and values of each column, wherever they are kept."""
        return {name: digest for part in self.parts for name, digest in part.columns.items()}

    @property
    def key(self) -> tuple[int, frozenset[tuple[str, Digest]]]:
        """Equal for segments that hold the same rows of the same columns, however they are kept."""
        return self.rows, frozenset(self.columns.items())


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """The file whose rows a version holds, all of them and no others: a later one may be it plus new lines."""

    size_bytes: int
    digest: Digest


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a version of a table is made of: segments in order, and the digests that the next append goes on from.

    Attributes:
        imported: the text file that it is, if it is one.
    """

    digest: TableDigest
    segments: tuple[Segment, ...]
    imported: Imported | None = None
    format: Literal[2] = 2

    @property
    def objects(self) -> frozenset[Digest]:
        """Every object that holds rows of it."""
        return frozenset(part.object for segment in self.segments for part in segment.parts)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """Rows on their way into a dataset.

    Attributes:
        keeps_history: False if they replace what the dataset held.
    """

    dataset: str
    rows: Table
    source: str
    actor: str
    keeps_history: bool = True

    @property
    def arrival(self) -> Arrival:
        return Arrival(
            dataset=self.dataset,
            offered=self.rows.digest,
            source=self.source,
            actor=self.actor,
            origin=self.rows.origin,
            keeps_history=self.keeps_history,
        )
