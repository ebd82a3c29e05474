"""Datasets, their versions, and what contracts kept out."""

from typing import ClassVar

import msgspec

from homeostat.core.clock import Micros
from homeostat.ui.charts.records import State
from homeostat.ui.contexts.shared import Context, Pair


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """An expectation of a contract that did not hold.

    Attributes:
        expectation: what was expected, in words.
        column: it concerns, or empty for the whole append.
        observed: what was there.
        expected: what should have been.
        severity: `block` or `warn`.
        rows: failing rows; 0 for an expectation of the whole append.
    """

    expectation: str
    column: str
    observed: str
    expected: str
    severity: str
    rows: int = 0


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """An append that a contract blocked, or rows it put in quarantine.

    Attributes:
        id: of the block.
        dataset: it was meant for.
        at: when.
        source: where the rows came from.
        rows: in quarantine.
        is_whole: the whole append was blocked, not only some rows.
        resolved: how it was resolved, or empty while it is open.
        sentence: what was observed and what was expected.
        findings: the expectations that failed.
    """

    id: str
    dataset: str
    at: Micros
    source: str
    rows: int
    is_whole: bool
    resolved: str
    sentence: str
    findings: tuple[Finding, ...] = ()


class DatasetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset and its latest version.

    Attributes:
        name: of the dataset.
        version: the latest number.
        id: content id of the latest version.
        rows: of the latest version.
        columns: how many.
        changed_at: when the latest version was made.
        has_contract: appends are validated.
        open_blocks: blocked appends that nobody resolved.
    """

    name: str
    version: int
    id: str
    rows: int
    columns: int
    changed_at: Micros
    has_contract: bool
    open_blocks: int


class DataPage(Context, frozen=True, kw_only=True):
    """Which data is there, and is it sound?

    Attributes:
        sentence: the answer.
        state: breach while a block is open.
        datasets: by name.
        blocks: the latest, open ones first.
    """

    template: ClassVar[str] = "data.html"

    sentence: str
    state: State
    datasets: tuple[DatasetRow, ...]
    blocks: tuple[Block, ...]


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a dataset.

    Attributes:
        number: of the version.
        id: content id.
        rows: in all.
        rows_added: since the version before.
        created_at: when.
        source: where the new rows came from.
    """

    number: int
    id: str
    rows: int
    rows_added: int
    created_at: Micros
    source: str


class DatasetPage(Context, frozen=True, kw_only=True):
    """What changed in this dataset, is it sound?

    Attributes:
        sentence: the answer.
        dataset: and its latest version.
        schema: columns and their types.
        versions: newest first.
        blocks: newest first.
        older: cursor of the next page of versions, or None at the end.
    """

    template: ClassVar[str] = "dataset.html"

    sentence: str
    dataset: DatasetRow
    schema: tuple[Pair, ...]
    versions: tuple[VersionRow, ...]
    blocks: tuple[Block, ...]
    older: int | None = None
