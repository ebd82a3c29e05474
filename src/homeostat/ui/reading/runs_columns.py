"""Which columns the list of runs has, and what stands in them."""

import math
from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from homeostat.core.durations import spoken
from homeostat.track import keys, queries
from homeostat.track.keys import Keyed
from homeostat.track.records import RunRecord
from homeostat.track.search.grammar import Comparison, Order
from homeostat.ui import formats
from homeostat.ui.contexts import Choice, ChoiceGroup, ListedRun, RunsCell, RunsColumn
from homeostat.ui.contexts.runs_query import ATTRIBUTES, MOST_COLUMNS, RunsQuery, column_id, column_key
from homeostat.ui.reading.run.metrics import SYSTEM

_METRICS, _PARAMS, _TAGS = 4, 4, 2  # columns of each kind, if nobody chose any
_KEYED_COLUMNS = 10  # of all kinds together
_OFFERED = 100  # columns of a kind in the picker
_CHARACTERS = 40  # of a value in a cell
_MOST_FILTERED = 100  # characters of a value that a click can filter by
_OF_CLIENTS = ("mlflow.", "homeostat.")  # tags that a program keeps for itself
_CELL_BYTES = 110_000  # of all cells, of the 150,000 of a page
_MARKUP, _CLICK_MARKUP = 20, 110  # bytes around a text, and around a value that filters
_FILTERS = frozenset({"status", "user_id", "experiment_id", "kind", "system", "parent", "source"})
_KEYED: tuple[tuple[Keyed, str], ...] = (("metric", "Metrics"), ("param", "Params"), ("tag", "Tags"))


def chosen(
    connection: Connection,
    asked: RunsQuery,
    ids: Sequence[str],
    orders: Sequence[Order],
    clauses: Sequence[Comparison],
    *,
    are_mixed: bool,
) -> list[str]:
    """Ids of the columns: those that were picked; else what is asked about, and what tells the shown runs apart.

    Args:
        are_mixed: there is more than one experiment among the runs.
    """
    if asked.columns:
        return list(asked.columns[:MOST_COLUMNS])
    spoken_of = dict.fromkeys([*((one.kind, one.key) for one in orders), *((one.kind, one.key) for one in clauses)])
    found: dict[str, list[str]] = {
        kind: [key for of, key in spoken_of if of == kind][:MOST_COLUMNS] for kind in ("metric", "param", "tag")
    }
    counted = {kind: keys.counted(connection, kind, ids) for kind, _ in _KEYED}
    metrics = [one.key for one in counted["metric"] if not one.key.startswith(SYSTEM)]
    params = sorted(counted["param"], key=lambda one: (one.values < 2, -one.runs, one.key))
    tags = [one.key for one in counted["tag"] if not one.key.startswith(_OF_CLIENTS)]
    common = {"metric": metrics[:_METRICS], "param": [one.key for one in params[:_PARAMS]], "tag": tags[:_TAGS]}
    keyed = [
        column_id(kind, key)
        for kind, _ in _KEYED
        for key in [*found[kind], *(key for key in common[kind] if key not in found[kind])]
    ]
    ends = ["end_time", *(["experiment_id"] if are_mixed else []), "user_id"]
    return ["status", "start_time", *keyed[:_KEYED_COLUMNS], *ends]


def columns(ids: Sequence[str], orders: Sequence[Order]) -> tuple[RunsColumn, ...]:
    """Heads of the columns."""
    found = []
    for id_ in ids:
        kind, key = column_key(id_)
        first = orders[0] if orders else None
        is_first = first is not None and (first.kind, first.key) == (kind, key)
        found.append(
            RunsColumn(
                id=id_,
                label=ATTRIBUTES.get(id_, key),
                kind=kind,
                sorted="none"
                if not is_first or first is None
                else "descending"
                if first.is_descending
                else "ascending",
                is_sortable=True,
                is_filter=kind in {"param", "tag"} or key in _FILTERS,
            )
        )
    return tuple(found)


def rows(
    connection: Connection,
    ids: Sequence[str],
    shown: Sequence[RunsColumn],
    experiments: Mapping[int, str],
    pins: Collection[str],
) -> tuple[ListedRun, ...]:
    """Runs as rows, in the sequence of their ids."""
    records = queries.records(connection, ids)
    values: dict[str, dict[tuple[str, str], Any]] = {
        kind: keys.values(connection, kind, ids, [column_key(one.id)[1] for one in shown if one.kind == kind])
        for kind, _ in _KEYED
    }
    parents: dict[str, str] = {
        run.id: run.name for run in queries.records(connection, sorted({run.parent for run in records} - {""}))
    }
    found = []
    for run in records:
        cells = []
        for column in shown:
            kind, key = column_key(column.id)
            if kind == "attribute":
                cells.append(_attribute(run, key, experiments, parents))
            else:
                value = values[kind].get((run.id, key))
                cells.append(_metric(value) if kind == "metric" else _text(value))
        found.append(
            ListedRun(
                id=run.id,
                name=run.name,
                status=run.status,
                started_at=run.started_at,
                is_pinned=run.id in pins,
                is_deleted=run.deleted_at is not None,
                cells=tuple(cells),
            )
        )
    return tuple(found)


def within_budget(rows_: Sequence[ListedRun]) -> tuple[ListedRun, ...]:
    """The rows, where values that filter by a click fit a page; of the longest columns they are only shown else."""
    weights: dict[int, int] = {}
    room = _CELL_BYTES
    for row in rows_:
        for place, cell in enumerate(row.cells):
            room -= _MARKUP + len(escape(cell.text).encode())
            if cell.value is not None:
                weights[place] = weights.get(place, 0) + _CLICK_MARKUP + 2 * len(escape(cell.value).encode())
    silent = set()
    for place in sorted(weights, key=lambda place: weights[place], reverse=True):
        if sum(weights.values()) <= room:
            break
        silent.add(place)
        del weights[place]
    if not silent:
        return tuple(rows_)
    return tuple(
        replace(
            row,
            cells=tuple(replace(cell, value=None) if place in silent else cell for place, cell in enumerate(row.cells)),
        )
        for row in rows_
    )


def picker(connection: Connection, shown: Sequence[RunsColumn]) -> tuple[ChoiceGroup, ...]:
    """All columns there could be; of metrics, params and tags the first by name."""
    chosen_ids = [column.id for column in shown]
    attributes = tuple(Choice(value=id_, label=label, is_chosen=id_ in chosen_ids) for id_, label in ATTRIBUTES.items())
    found = [ChoiceGroup(label="Attributes", choices=attributes, is_cut=False)]
    for kind, label in _KEYED:
        there = keys.everywhere(connection, kind, _OFFERED + 1)
        ids = [column_id(kind, key) for key in there[:_OFFERED]]
        ids += [column.id for column in shown if column.kind == kind and column.id not in ids]
        choices = tuple(Choice(value=id_, label=column_key(id_)[1], is_chosen=id_ in chosen_ids) for id_ in ids)
        found.append(ChoiceGroup(label=label, choices=choices, is_cut=len(there) > _OFFERED))
    return tuple(found)


def measured(value: float) -> str:
    """A metric: four digits are what two runs are told apart by."""
    return "NaN" if math.isnan(value) else f"{value:.4g}".replace("-", "−")


def _metric(value: float | None) -> RunsCell:
    return RunsCell(text="" if value is None else measured(value))


def _text(value: str | None) -> RunsCell:
    if value is None:
        return RunsCell(text="")
    is_filter = len(value) <= _MOST_FILTERED and value.isprintable()
    return RunsCell(text=_short(value), value=value if is_filter else None)


def _attribute(run: RunRecord, key: str, experiments: Mapping[int, str], parents: Mapping[str, str]) -> RunsCell:
    match key:
        case "start_time":
            return RunsCell(text=formats.exact(run.started_at))
        case "end_time":
            return RunsCell(text="" if run.finished_at is None else spoken(run.finished_at - run.started_at))
        case "experiment_id":
            name = experiments.get(run.experiment_id, str(run.experiment_id))
            return RunsCell(text=_short(name), value=str(run.experiment_id))
        case "parent":
            return RunsCell(text=_short(parents.get(run.parent, run.parent)), value=run.parent or None)
        case "status" | "kind" | "system" | "source":
            return _text(getattr(run, key) or None)
        case "user_id":
            return _text(run.user or None)
        case _:
            return RunsCell(text="")


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"
