"""The list of runs: a table, or groups of them; and the question before some are archived."""

from typing import ClassVar, Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.ui.contexts.runs import RunStatus
from homeostat.ui.contexts.runs_query import ColumnKind, RunsQuery
from homeostat.ui.contexts.shared import Context

Direction = Literal["none", "ascending", "descending"]


class RunsColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the table.

    Attributes:
        id: such as `metrics.loss`, `params.lr` or `status`.
        label: at its head.
        kind: attribute, metric, param or tag.
        sorted: how the table is sorted by it.
        is_sortable: the search knows an order by it.
        is_filter: a click on a value filters by it.
    """

    id: str
    label: str
    kind: ColumnKind
    sorted: Direction
    is_sortable: bool
    is_filter: bool


class RunsCell(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has in a column. `text`: as it reads, shortened; `value`: what a filter compares with, None if it has none."""

    text: str
    value: str | None = None


class ListedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table.

    Attributes:
        id: of the run.
        name: given by its author.
        status: running, scheduled, finished, failed or killed.
        started_at: when it began.
        is_pinned: it stays on top.
        is_deleted: it was archived.
        cells: one for each column.
    """

    id: str
    name: str
    status: RunStatus
    started_at: Micros
    is_pinned: bool
    is_deleted: bool
    cells: tuple[RunsCell, ...]


class GroupFigure(msgspec.Struct, frozen=True, kw_only=True):
    """Mean and range of a metric in a group, as they read; empty if no run has it."""

    mean: str
    least: str
    greatest: str


class GroupRow(msgspec.Struct, frozen=True, kw_only=True):
    """A group of runs.

    Attributes:
        label: what its runs have in common.
        is_missing: they have no such param or tag.
        count: of its runs.
        figures: one for each metric among the columns.
        href: opens or closes it.
        only: the list of its runs alone.
        is_open: its first runs stand below it.
    """

    label: str
    is_missing: bool
    count: int
    figures: tuple[GroupFigure, ...]
    href: str
    only: str
    is_open: bool


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison of the filter, and the list without it."""

    text: str
    href: str


class SavedView(msgspec.Struct, frozen=True, kw_only=True):
    """A list kept under a name."""

    name: str
    href: str
    is_default: bool
    is_current: bool


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be chosen. `value` is what the address says."""

    value: str
    label: str
    is_chosen: bool


class ChoiceGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of one kind. `is_cut`: there are more than are offered."""

    label: str
    choices: tuple[Choice, ...]
    is_cut: bool


class RunsPage(Context, frozen=True, kw_only=True):
    """What was tried, and which did best?

    Attributes:
        sentence: the answer.
        asked: the state of the page.
        query: the same, as it stands behind the `?` of the address.
        problem: why the filter or order cannot be read, or empty.
        problem_at: where in the filter, from 0, or None.
        notice: what else to know of what is shown, or empty.
        clauses: comparisons of the filter.
        columns: of the table.
        pinned: rows that stay on top.
        rows: of this page.
        groups: instead of rows, if runs are grouped; else None.
        group_label: what they are grouped by, or empty.
        are_more_groups: not all groups are shown.
        picker: what columns there are, while they are picked.
        grouping: what runs can be grouped by.
        experiments: those to choose from.
        views: lists kept under a name.
        command: the equal line in a shell.
        older: address of the next page, or empty.
    """

    template: ClassVar[str] = "runs.html"

    sentence: str
    asked: RunsQuery
    query: str
    columns: tuple[RunsColumn, ...]
    rows: tuple[ListedRun, ...]
    command: str
    pinned: tuple[ListedRun, ...] = ()
    problem: str = ""
    problem_at: int | None = None
    notice: str = ""
    clauses: tuple[Clause, ...] = ()
    groups: tuple[GroupRow, ...] | None = None
    group_label: str = ""
    are_more_groups: bool = False
    picker: tuple[ChoiceGroup, ...] = ()
    grouping: tuple[Choice, ...] = ()
    experiments: tuple[Choice, ...] = ()
    views: tuple[SavedView, ...] = ()
    older: str = ""


class ArchivePage(Context, frozen=True, kw_only=True):
    """Are these the runs that shall go?

    Attributes:
        sentence: the question.
        runs: that would be archived.
        back: the list it came from, as it stands behind the `?` of its address.
        with_models: how many made registered models.
        with_parts: how many runs are part of these, and stay.
        command: the equal line in a shell.
    """

    template: ClassVar[str] = "archive.html"

    sentence: str
    runs: tuple[ListedRun, ...]
    back: str
    with_models: int
    with_parts: int
    command: str
