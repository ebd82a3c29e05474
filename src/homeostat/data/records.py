"""What the data room keeps: versions, manifests, reports and quarantined rows."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from homeostat.codec.table_digest import TableDigest
from homeostat.codec.tables import Table
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.data.contract import Severity
from homeostat.store.lineage import node

Status = Literal["met", "warned", "quarantined", "blocked", "unchecked"]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    type: str


# What versions of files have for columns. No column of a table has the type `file`.
FILES_COLUMNS = (Column(name="path", type="string"), Column(name="content", type="file"))


class Bounds(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Smallest and largest instant of a timestamp column, microseconds rounded down; a naive timestamp counts as UTC."""

    low: Micros
    high: Micros


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one append, as one object. A timestamp column without values has no bounds."""

    object: Digest
    rows: int
    bounds: dict[str, Bounds]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a version is made of: segments in order, and the digests that the next append goes on from."""

    digest: TableDigest
    segments: tuple[Segment, ...]
    format: Literal[1] = 1


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


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable state of a dataset.

    Attributes:
        id: content id of all its rows: equal ids are equal tables, whatever the dataset.
        manifest: the object that lists its segments.
        rows_added: rows that are new in this version.
        parent: number of the version before; None for the first.
        offered: content id of the rows as they came, before a contract kept some out.
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


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How one expectation fared.

    Attributes:
        failing: number of rows that fail it; 0 where it does not speak of rows.
        first_rows: their first row numbers in the append, counted from 0.
    """

    expectation: str
    column: str
    severity: Severity
    status: Status
    observed: str
    expected: str
    failing: int = 0
    first_rows: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        where = f"{self.expectation} of {self.column!r}" if self.column else self.expectation
        rows = f" (rows {', '.join(map(str, self.first_rows))}{', ...' if self.failing > len(self.first_rows) else ''})"
        return f"{where}: observed {self.observed}, expected {self.expected}{rows if self.first_rows else ''}"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of a contract on an append."""

    contract: str
    rows: int
    rejected: int
    results: tuple[Result, ...]

    @property
    def is_blocked(self) -> bool:
        return any(result.status == "blocked" for result in self.results)

    @property
    def reason(self) -> str:
        """What blocked it, in a sentence; empty if nothing did."""
        return "; ".join(result.sentence for result in self.results if result.status == "blocked")

    def notable(self) -> tuple[Result, ...]:
        """Results that are not simply met."""
        return tuple(result for result in self.results if result.status != "met")

    def lines(self) -> Iterator[str]:
        """The report for a terminal, what failed first."""
        verdict = "blocked" if self.is_blocked else f"{self.rows - self.rejected} accepted, {self.rejected} quarantined"
        met = len(self.results) - len(self.notable())
        yield f"contract {self.contract}: {self.rows} rows, {verdict}; {met} of {len(self.results)} expectations met"
        order: tuple[Status, ...] = ("blocked", "quarantined", "warned", "unchecked")
        for result in sorted(self.notable(), key=lambda result: order.index(result.status)):
            yield f"  {result.status:<11} {result.sentence}"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A report with the rows it speaks of; a blocked append accepts none."""

    report: Report
    accepted: Table
    rejected: Table


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """What an append came to.

    Attributes:
        report: None if the dataset has no contract, or if these rows had been accepted before.
        is_new: False if the same rows of the same source were there already.
        bytes_added: contents of files that were written; 0 for a table.
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
