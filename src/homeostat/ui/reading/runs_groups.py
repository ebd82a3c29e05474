"""The list of runs in groups, with the metrics of each in figures."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from homeostat.track import queries
from homeostat.track.search.grammar import written
from homeostat.track.search.groups import Figure, Group, groups
from homeostat.track.search.selection import Search
from homeostat.ui import formats
from homeostat.ui.contexts import GroupFigure, GroupRow, ListedRun, RunsColumn
from homeostat.ui.contexts.runs_query import ATTRIBUTES, RunsQuery, column_key
from homeostat.ui.reading import runs_columns
from homeostat.ui.reading.run.metrics import direction, leading

_GROUPS = 100  # of a page
_METRICS = 4  # whose figures are shown
_OPENED = 20  # runs below an open group


class Grouped(NamedTuple):
    """What the page shows in place of rows; `opened`: first runs of the open group."""

    sentence: str
    columns: tuple[RunsColumn, ...]
    groups: tuple[GroupRow, ...]
    opened: tuple[ListedRun, ...]
    are_more: bool


def read(
    search: Search,
    asked: RunsQuery,
    shown: Sequence[RunsColumn],
    experiments: Mapping[int, str],
) -> Grouped:
    """Groups with most runs first.

    Raises: InvalidFilter if runs cannot be grouped so.
    """
    kind, key = column_key(asked.group)
    metrics = tuple(column for column in shown if column.kind == "metric")[:_METRICS]
    names = [column_key(column.id)[1] for column in metrics]
    found, are_more = groups(search, (kind, key), names, _GROUPS)
    parents: dict[str, str] = {}
    if asked.group == "parent":
        ids = [str(group.value) for group in found if group.value]
        parents = {run.id: run.name for run in queries.records(search.connection, ids)}
    rows = []
    for group in found:
        clause = written([group.comparison(kind, key)])
        is_open = clause == asked.opened
        texts = [text for text in (asked.text.strip(), clause) if text]
        rows.append(
            GroupRow(
                label=_label(asked.group, group, experiments, parents),
                is_missing=group.value in {None, ""},
                count=group.runs,
                figures=tuple(_figure(figure) for figure in group.figures),
                href=asked.address(opened="" if is_open else clause),
                only=asked.address(text=" AND ".join(texts), group="", opened=""),
                is_open=is_open,
            )
        )
    opened: tuple[ListedRun, ...] = ()
    if asked.opened:
        text = " AND ".join(text for text in (asked.text.strip(), asked.opened) if text)
        ids, _ = replace(search.selection, text=text).search(search.connection).page(_OPENED)
        opened = runs_columns.rows(search.connection, ids, metrics, experiments, asked.pins)
    sentence = _sentence(asked, found, rows, names, are_more=are_more)
    return Grouped(sentence, metrics, tuple(rows), opened, are_more)


def _label(of: str, group: Group, experiments: Mapping[int, str], parents: Mapping[str, str]) -> str:
    match group.value:
        case None | "":
            return "none"
        case int() if of == "experiment_id":
            return experiments.get(group.value, str(group.value))
        case str() if of == "parent":
            return parents.get(group.value, group.value)
        case _:
            return str(group.value)


def _figure(figure: Figure) -> GroupFigure:
    mean, least, greatest = (
        "" if value is None else runs_columns.measured(value) for value in (figure.mean, figure.least, figure.greatest)
    )
    return GroupFigure(mean=mean, least=least, greatest=greatest)


def _sentence(
    asked: RunsQuery, found: Sequence[Group], rows: Sequence[GroupRow], metrics: Sequence[str], *, are_more: bool
) -> str:
    if not found:
        return "No run fulfils this."
    by = ATTRIBUTES.get(asked.group, asked.group)
    total = sum(group.runs for group in found)
    runs = formats.plural(total, "run")
    if are_more:
        sentence = f"More than {len(found)} groups by {by}; the largest {len(found)} hold {runs}"
    else:
        sentence = f"{formats.plural(len(found), 'group')} by {by}, of {runs}"
    key = leading(metrics)
    if key is None:
        return f"{sentence}."
    place, way = list(metrics).index(key), direction(key)
    means = [
        (mean, "those without it" if row.is_missing else row.label)
        for group, row in zip(found, rows, strict=True)
        if (mean := group.figures[place].mean) is not None
    ]
    if not means:
        return f"{sentence}."
    mean, label = min(means) if way == "lower" else max(means)
    ends = "lowest" if way == "lower" else "highest"
    return f"{sentence}; the {ends} mean {key}, {runs_columns.measured(mean)}, is that of {label}."
