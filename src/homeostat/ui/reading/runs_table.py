"""The list of runs, read as its address asks: a page of rows, or groups, with what can be chosen beside it."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection

from homeostat.core.errors import InvalidFilter
from homeostat.registry.queries import runs_of_models
from homeostat.track import experiments as experiment_rows
from homeostat.track import keys, queries, views
from homeostat.track.records import Experiment
from homeostat.track.search.grammar import Comparison, Order, key_text, parse, parse_orders, written
from homeostat.track.search.orders import ordered, parts
from homeostat.track.search.pages import find_experiments
from homeostat.track.search.selection import Search, Selection
from homeostat.ui import formats
from homeostat.ui.contexts import ArchivePage, Choice, Clause, ListedRun, RunsColumn, RunsPage, SavedView
from homeostat.ui.contexts.runs_query import ATTRIBUTES, GROUPED, MOST_COLUMNS, RunsQuery, column_id, column_key
from homeostat.ui.reading import narrowing, runs_columns, runs_groups
from homeostat.ui.reading.here import Here
from homeostat.ui.reading.run.metrics import direction, leading

_ROWS, _CELLS = 45, 675  # of a page at most: a page stays within its budget of bytes
_COUNTED = 1001  # runs at most, where a filter has to look at each
_EXPERIMENTS = 30  # newest, to choose from
_GROUPINGS = 30  # keys of a kind that runs can be grouped by
_ILL = ("failed", "killed")


class _Readable(NamedTuple):
    """What of a query can be read, and why the rest cannot."""

    asked: RunsQuery
    clauses: tuple[Comparison, ...]
    orders: tuple[Order, ...]
    search: Search
    problem: InvalidFilter | None


def page(connection: Connection, here: Here, asked: RunsQuery, *, is_strict: bool = False) -> RunsPage:
    """Args:
        is_strict: refuse what cannot be read, instead of leaving it out and saying so.

    Raises: InvalidFilter, if strict.
    """
    read = _readable(connection, asked)
    if read.problem is not None and is_strict:
        raise read.problem
    pool = find_experiments(connection, limit=_EXPERIMENTS).experiments
    names = experiment_rows.names(connection)
    search = read.search
    (ids, token), lost = _page_of_ids(search, read.asked)
    pinned = [run.id for run in queries.records(connection, asked.pins)]
    are_mixed = len(pool) > 1 and len(asked.experiments) != 1
    shown = runs_columns.columns(
        runs_columns.chosen(connection, read.asked, ids, read.orders, read.clauses, are_mixed=are_mixed), read.orders
    )
    grouped = runs_groups.read(search, read.asked, shown, names) if read.asked.group else None
    listed = [] if grouped is not None else [id_ for id_ in ids if id_ not in pinned]
    table = shown if grouped is None else grouped.columns
    rows = runs_columns.within_budget(runs_columns.rows(connection, listed, table, names, asked.pins))
    problem = read.problem or lost
    return RunsPage(
        **here.frame,
        sentence=_sentence(read, shown, rows) if grouped is None else grouped.sentence,
        asked=asked,
        query=asked.query(panel=""),
        problem=problem.message if problem else "",
        problem_at=problem.position if problem else None,
        notice=_notice(asked),
        clauses=_clauses(read),
        columns=table,
        pinned=runs_columns.rows(connection, pinned, table, names, pinned),
        rows=rows if grouped is None else grouped.opened,
        groups=None if grouped is None else grouped.groups,
        group_label=_label(asked.group),
        are_more_groups=grouped is not None and grouped.are_more,
        picker=runs_columns.picker(connection, shown) if asked.panel == "columns" else (),
        grouping=_grouping(connection, asked),
        experiments=_experiments(pool, names, asked),
        views=_views(connection, asked),
        command=search.selection.command("list"),
        older=asked.address(page=token) if token and grouped is None else "",
    )


def selection(asked: RunsQuery) -> Selection:
    """The runs that a query selects."""
    return Selection(text=asked.text, experiment_ids=asked.experiments or None, order_by=asked.order, life=asked.life)


def these(asked: RunsQuery, run_ids: Sequence[str]) -> Selection:
    """Some runs, in the order of the list."""
    only = Comparison(kind="attribute", key="run_id", operator="IN", value=tuple(run_ids))
    return Selection(text=written([only]), order_by=asked.order, life="all")


def archive(connection: Connection, here: Here, run_ids: Sequence[str], back: str) -> ArchivePage:
    """Raises: NotFound naming the first run that is not there."""
    queries.all_there(connection, run_ids)
    rows = runs_columns.rows(connection, run_ids, (), {}, ())
    parts = sum(
        Selection(text=written([Comparison(kind="attribute", key="parent", operator="=", value=id_)]))
        .search(connection)
        .count(_COUNTED)
        for id_ in run_ids
    )
    what = f"run {rows[0].name}" if len(rows) == 1 else f"these {len(rows)} runs"
    return ArchivePage(
        **here.frame,
        sentence=f"Archive {what}?",
        runs=rows,
        back=back,
        with_models=len(runs_of_models(connection) & set(run_ids)),
        with_parts=parts,
        command=" ".join(["homeostat runs delete", *run_ids]),
    )


def _readable(connection: Connection, asked: RunsQuery) -> _Readable:
    """What cannot be read is left out, so that the page still shows runs; the first problem is told."""
    problems: list[InvalidFilter] = []
    clauses: tuple[Comparison, ...] = ()
    orders: tuple[Order, ...] = ()
    try:
        clauses = parse(asked.text)
        selection(asked).search(connection)  # a time may be none
    except InvalidFilter as error:
        problems.append(error)
        asked, clauses = replace(asked, text=""), ()
    try:
        orders = parse_orders(asked.order)
        ordered(orders, parts(orders)[0])  # nobody is sorted by a dataset
    except InvalidFilter as error:
        problems.append(error)
        asked, orders = replace(asked, order=()), ()
    try:
        _check_grouping(asked.group)
        parse(asked.opened)
    except InvalidFilter as error:
        problems.append(error)
        asked = replace(asked, group="", opened="")
    return _Readable(asked, clauses, orders, selection(asked).search(connection), problems[0] if problems else None)


def _check_grouping(id_: str) -> None:
    kind, _ = column_key(id_)
    if id_ and (kind == "metric" or (kind == "attribute" and id_ not in GROUPED)):
        raise InvalidFilter(
            f"Runs cannot be grouped by {id_}: group by a param, a tag, or one of {', '.join(GROUPED)}."
        )


def _page_of_ids(search: Search, asked: RunsQuery) -> tuple[tuple[list[str], str], InvalidFilter | None]:
    """Ids of a page and the token of the next; a token that is none leads to the first page."""
    limit = min(_ROWS, _CELLS // len(asked.columns[:MOST_COLUMNS])) if asked.columns else _ROWS
    try:
        return search.page(limit, asked.page), None
    except InvalidFilter as error:
        return search.page(limit), error


def _sentence(read: _Readable, shown: Sequence[RunsColumn], rows: Sequence[ListedRun]) -> str:
    asked, total = read.asked, read.search.count(_COUNTED)
    is_all = not asked.text.strip() and not asked.experiments
    if not total:
        return (
            "No run fulfils this."
            if not is_all
            else "Nothing is archived."
            if asked.life == "deleted"
            else "Nothing ran yet."
        )
    many = formats.plural(total, "run") if is_all or total < _COUNTED else f"More than {_COUNTED - 1:,} runs"
    what = f"{many} archived" if asked.life == "deleted" else many
    ill = sum(row.status in _ILL for row in rows)
    health = f"{ill} of the {len(rows)} shown failed." if ill else f"None of the {len(rows)} shown failed."
    return " ".join([f"{what}{_best(read, shown)}.", health])


def _best(read: _Readable, shown: Sequence[RunsColumn]) -> str:
    """Which run did best by the metric that the list is sorted by, or by the most telling one."""
    by_order = read.orders[0] if read.orders and read.orders[0].kind == "metric" else None
    key = by_order.key if by_order else leading([column_key(one.id)[1] for one in shown if one.kind == "metric"])
    if key is None:
        return ""
    way = direction(key) or ("higher" if by_order and by_order.is_descending else "lower")
    order = f"{key_text('metric', key)} {'ASC' if way == 'lower' else 'DESC'}"
    connection = read.search.connection
    (first,), _ = read.search.page(1, order_by=[order])
    value = keys.values(connection, "metric", [first], [key]).get((first, key))
    if value is None or math.isnan(value):
        return ""
    (run,) = queries.records(connection, [first])
    ends = "lowest" if way == "lower" else "highest"
    return f"; {run.name} has the {ends} {key}, {runs_columns.measured(value)}"


def _clauses(read: _Readable) -> tuple[Clause, ...]:
    return tuple(
        Clause(text=written([one]), href=read.asked.address(text=narrowing.without(read.asked.text, one)))
        for one in read.clauses
    )


def _notice(asked: RunsQuery) -> str:
    left = len(asked.columns) - MOST_COLUMNS
    return f"{MOST_COLUMNS} columns fit: {left} of those that were picked are left out." if left > 0 else ""


def _label(id_: str) -> str:
    return ATTRIBUTES.get(id_, id_)


def _grouping(connection: Connection, asked: RunsQuery) -> tuple[Choice, ...]:
    ids = [*GROUPED]
    for kind in ("param", "tag"):
        ids += [column_id(kind, key) for key in keys.everywhere(connection, kind, _GROUPINGS)]
    if asked.group and asked.group not in ids:
        ids.append(asked.group)
    return tuple(Choice(value=id_, label=_label(id_), is_chosen=id_ == asked.group) for id_ in ids)


def _experiments(pool: Sequence[Experiment], names: Mapping[int, str], asked: RunsQuery) -> tuple[Choice, ...]:
    numbers = dict.fromkeys([*asked.experiments, *(one.id for one in pool)])
    return tuple(
        Choice(value=str(number), label=names.get(number, str(number)), is_chosen=number in asked.experiments)
        for number in numbers
    )


def _views(connection: Connection, asked: RunsQuery) -> tuple[SavedView, ...]:
    here = asked.query(page="", panel="", opened="")
    return tuple(
        SavedView(
            name=view.name,
            href=f"/runs?{view.query}" if view.query else "/runs?q=",
            is_default=view.is_default,
            is_current=view.query == here,
        )
        for view in views.every(connection)
    )
