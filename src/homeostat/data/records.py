"""What the data room keeps: versions, manifests, reports and quarantined rows."""

from typing import Literal

import msgspec

from homeostat.codec.table_digest import TableDigest
from homeostat.codec.tables import Table
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.data.contracts.report import Report
from homeostat.store.lineage import node


class Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    type: str


# What versions of files have for columns. No column of a table has the type `file`.
FILES_COLUMNS = (Column(name="path", type="string"), Column(name="content", type="file"))


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


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of rows on their way into a dataset.

    Attributes:
        offered: content id of the rows as they came.
        origin: lineage nodes they were taken from.
        keeps_history: False if they replace what the dataset held.
    """

    dataset: str
    offered: Digest
    source: str
    actor: str
    origin: tuple[str, ...] = ()
    keeps_history: bool = True


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


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable state of a dataset.

    Attributes:
        id: content id of all its rows: equal ids are equal tables, whatever the dataset.
        manifest: the object that lists its segments.
        rows_added: rows that are new in this version.
        parent: number of the version before; None for the first.
        offered: content id of the rows as they came, before a contract kept some out.
        forgotten_at: when its contents were given up to save space; None if they are kept.
        branch: the branch whose version it is; empty if of the main line.
        merged: number of the other version it came from, if two lines came together in it.
    """

    dataset: str
    number: int
    id: Digest
    manifest: Digest
    rows: int
    rows_added: int
    parent: int | None
    columns: tuple[Column, ...]
    source: str
    offered: Digest
    created_at: Micros
    created_by: str
    forgotten_at: Micros | None = None
    branch: str = ""
    merged: int | None = None

    @property
    def is_files(self) -> bool:
        """It holds files, one a row, not a table."""
        return self.columns == FILES_COLUMNS

    @property
    def name(self) -> str:
        """`flights@12`."""
        return f"{self.dataset}@{self.number}"

    @property
    def node(self) -> str:
        """Its place in the lineage: `dataset:flights@12`."""
        return node("dataset", self.name)


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """What an append came to.

    Attributes:
        report: None if the dataset has no contract, or if these rows had been accepted before.
        is_new: False if the same rows of the same source were there already.
        bytes_added: of objects that the store did not have: contents of files; segments and manifest of a table.
    """

    version: Version
    report: Report | None
    is_new: bool = True
    bytes_added: int = 0


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that a contract kept out.

    Attributes:
        is_block: the whole append was refused; else some of its rows were, and `version` took the others.
        offered: content id of the append they came in.
        object: the rows, as a table on disk.
        resolution: how it was settled, once `resolved_at` is set.
    """

    id: str
    dataset: str
    is_block: bool
    source: str
    offered: Digest
    rows: int
    object: Digest
    reason: str
    report: Report
    at: Micros
    version: int | None = None
    resolved_at: Micros | None = None
    resolution: str = ""
    resolved_by: str = ""

    @property
    def sentence(self) -> str:
        """For people and for the control loop's evidence."""
        what = f"an append of {self.rows} rows to {self.dataset!r}"
        return f"{self.id} blocks {what}{f' from {self.source}' if self.source else ''}: {self.reason}."
