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
        is_files: it holds files: `rows` counts them.
    """

    name: str
    version: int
    id: str
    rows: int
    columns: int
    changed_at: Micros
    has_contract: bool
    open_blocks: int
    is_files: bool = False


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
        rows: in all; files, if it holds files.
        rows_added: that the version before does not have.
        created_at: when.
        created_by: who made it.
        source: where the new rows came from.
        labels: branch and tags that name it.
        is_forgotten: its contents were given up to save space.
        uses: models, runs and steps made of exactly this version.
    """

    number: int
    id: str
    rows: int
    rows_added: int
    created_at: Micros
    created_by: str
    source: str
    labels: tuple[str, ...] = ()
    is_forgotten: bool = False
    uses: int = 0


class ColumnRow(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a version and what its values look like.

    Attributes:
        name: of the column.
        type: of its values.
        change: since the version before: `new`, `gone`, `was int64`, `values differ`, or empty.
        is_profiled: the figures below are known.
        nulls: share of rows without a value.
        distinct: number of distinct values, to some percent where there are many.
        range: smallest and largest, in words, or empty.
        live: (bins,) how the rows that are new in the version spread.
        reference: (bins,) how those of the version before do, over the same bins; zeros if there is none.
        drift: population stability index between the two, or None.
    """

    name: str
    type: str
    change: str = ""
    is_profiled: bool = False
    nulls: float = 0.0
    distinct: int = 0
    range: str = ""
    live: tuple[float, ...] = ()
    reference: tuple[float, ...] = ()
    drift: float | None = None


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A file that differs between two versions.

    Attributes:
        sign: `+` added, `-` removed, `~` changed.
        path: below the root.
        size: in bytes, or None if it was removed.
        was: its size before, or None if it was not there.
    """

    sign: str
    path: str
    size: int | None
    was: int | None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between a version and the one it was made of.

    Attributes:
        against: number of the version before; 0 if there is none.
        sentence: what differs.
        touched: columns whose values differ, and among how many rows.
        files: that differ, the first of them.
        more_files: how many more there are.
    """

    against: int
    sentence: str
    touched: tuple[Pair, ...] = ()
    files: tuple[FileRow, ...] = ()
    more_files: int = 0


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the contract said of the append that made a version.

    Attributes:
        contract: its name.
        state: met, or breach if rows were kept out; unknown if something was not met without keeping rows out.
        sentence: the verdict.
        notable: expectations that were not simply met.
        met: those that were.
    """

    contract: str
    state: State
    sentence: str
    notable: tuple[Finding, ...]
    met: tuple[Finding, ...]


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was made of a dataset.

    Attributes:
        what: model, run or pipeline.
        name: of the thing.
        href: its page.
        version: of the dataset that it was made of.
        note: such as `champion`, or empty.
    """

    what: str
    name: str
    href: str
    version: int
    note: str = ""


class RemoteRow(msgspec.Struct, frozen=True, kw_only=True):
    """A remote of the project.

    Attributes:
        name: in homeostat.toml.
        url: where it is.
        state: met if it has the version shown, breach if not, unknown if that would take asking a server.
        sentence: which versions it has.
        command: sends the version shown, or empty.
    """

    name: str
    url: str
    state: State
    sentence: str
    command: str = ""


class DatasetPage(Context, frozen=True, kw_only=True):
    """What changed in this dataset, is it sound, who uses it?

    Attributes:
        sentence: the answer.
        dataset: and its latest version.
        is_files: it holds files, not a table.
        size: bytes of all its files, or None.
        version: the one that is shown.
        change: what is new in it.
        judgement: of its append by the contract, or None without a contract.
        columns: of a table; those that are gone last.
        profiled_as: which rows the columns' figures speak of, or empty if they are not known.
        is_large: the figures would take a while to work out, so that they have to be asked for.
        systems: that learn from the dataset.
        uses: what was made of it, newest first.
        remotes: of the project.
        versions: newest first.
        blocks: newest first.
        older: cursor of the next page of versions, or None at the end.
    """

    template: ClassVar[str] = "dataset.html"

    sentence: str
    dataset: DatasetRow
    version: VersionRow
    change: Change
    judgement: Judgement | None
    columns: tuple[ColumnRow, ...]
    systems: tuple[str, ...]
    uses: tuple[Use, ...]
    remotes: tuple[RemoteRow, ...]
    versions: tuple[VersionRow, ...]
    blocks: tuple[Block, ...]
    is_files: bool = False
    size: int | None = None
    profiled_as: str = ""
    is_large: bool = False
    older: int | None = None


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A value of a sample row.

    Attributes:
        text: cut where it is long.
        differs: it is not that of the other side of the same row.
    """

    text: str
    differs: bool = False


class SampleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that differs.

    Attributes:
        op: added, removed, before or after.
        cells: one for each column of the sample.
    """

    op: str
    cells: tuple[Cell, ...]


class DifferencePage(Context, frozen=True, kw_only=True):
    """Which rows or files differ between two versions?

    Attributes:
        sentence: the answer.
        dataset: of both versions.
        before: number of the older one.
        after: number of the newer one.
        key: columns that name a row, with commas between; or empty.
        known: columns to choose a key from.
        schema: columns that came, went or have another type.
        columns: of the sample.
        more_columns: how many more there are.
        rows: a sample of the rows that differ.
        files: that differ, the first of them.
        more_files: how many more there are.
    """

    template: ClassVar[str] = "difference.html"

    sentence: str
    dataset: str
    before: int
    after: int
    key: str
    known: tuple[str, ...]
    schema: tuple[Pair, ...]
    columns: tuple[str, ...] = ()
    more_columns: int = 0
    rows: tuple[SampleRow, ...] = ()
    files: tuple[FileRow, ...] = ()
    more_files: int = 0
