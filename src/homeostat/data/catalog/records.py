"""What the catalog keeps: versions, how they came to be, and what contracts kept out of them."""

import msgspec

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.data.contracts.report import Report
from homeostat.store.lineage import node


class Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    type: str


# What versions of files have for columns. No column of a table has the type `file`.
FILES_COLUMNS = (Column(name="path", type="string"), Column(name="content", type="file"))


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
