"""What the data room tells the ledger."""

from typing import ClassVar

from homeostat.core.digests import Digest
from homeostat.core.facts import Fact


class DataAdded(Fact, frozen=True, kw_only=True):
    """A dataset has a new version."""

    kind: ClassVar[str] = "data-added"

    dataset: str
    version: int
    id: Digest
    rows: int
    rows_added: int
    source: str


class AppendBlocked(Fact, frozen=True, kw_only=True):
    """A contract refused a whole append; its rows are in quarantine."""

    kind: ClassVar[str] = "append-blocked"

    dataset: str
    block: str
    source: str
    rows: int
    reason: str


class RowsQuarantined(Fact, frozen=True, kw_only=True):
    """A contract kept some rows of an append out."""

    kind: ClassVar[str] = "rows-quarantined"

    dataset: str
    version: int
    quarantine: str
    source: str
    rows: int


class BlockResolved(Fact, frozen=True, kw_only=True):
    """A blocked append was sent again and accepted, or dismissed."""

    kind: ClassVar[str] = "block-resolved"

    dataset: str
    block: str
    resolution: str


class ContractSet(Fact, frozen=True, kw_only=True):
    """A dataset is under a new contract."""

    kind: ClassVar[str] = "contract-set"

    dataset: str
    contract: Digest


class BranchMoved(Fact, frozen=True, kw_only=True):
    """A branch of a dataset begins or goes on at a version; or, without one, is no more."""

    kind: ClassVar[str] = "branch-moved"

    dataset: str
    branch: str
    version: int | None


class DatasetTagged(Fact, frozen=True, kw_only=True):
    """A tag names a version; it may have named another before."""

    kind: ClassVar[str] = "dataset-tagged"

    dataset: str
    version: int
    tag: str


class VersionForgotten(Fact, frozen=True, kw_only=True):
    """The contents of a version are given up; its row stays."""

    kind: ClassVar[str] = "version-forgotten"

    dataset: str
    version: int


class SourceFetched(Fact, frozen=True, kw_only=True):
    """A dataset holds what its source held in this state."""

    kind: ClassVar[str] = "source-fetched"

    dataset: str
    source: str
    state: dict[str, str]
    version: int
