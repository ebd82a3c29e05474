"""Filters as SQL, with bound values only.

A condition on a metric, param or tag can be asked in two ways: of each run in turn (good if many runs fulfil it, for then a
page is soon full), or of the index of that key for all its runs at once (good if few do). Which is better is found out by
counting index entries up to a limit; an index holds what is counted, so that costs a few milliseconds at most.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, Connection, Float, String, Table, and_, exists, func, not_, select
from sqlalchemy import cast as sql_cast

from homeostat.core.clock import parse_iso
from homeostat.core.errors import InvalidFilter, UserError
from homeostat.store.db.schema.track import (
    HEAD_CHARACTERS,
    experiment_tags,
    experiments,
    input_datasets,
    run_inputs,
    run_params,
    run_series,
    run_tags,
    runs,
)
from homeostat.track.search.grammar import EXPERIMENTS, RUNS, Comparison, Operator, Vocabulary

Condition = ColumnElement[bool]

_FEW = 20_000  # entries of an index, held while a query runs; with more, among a million runs, a page is full after 5,000 looks
_MILLISECOND = 1000  # microseconds
_LARGEST = 2**63 - 1
RUN_COLUMNS: dict[str, ColumnElement[Any]] = {
    "run_id": runs.c.id,
    "run_name": runs.c.name,
    "user_id": runs.c.user,
    "status": runs.c.status,
    "start_time": runs.c.started_at,
    "end_time": runs.c.finished_at,
    "experiment_id": runs.c.experiment_id,
    "kind": runs.c.kind,
    "system": runs.c.system,
    "parent": runs.c.parent,
    "source": runs.c.source,
}
EXPERIMENT_COLUMNS: dict[str, ColumnElement[Any]] = {
    "name": experiments.c.name,
    "experiment_id": experiments.c.id,
    "creation_time": experiments.c.created_at,
    "last_update_time": experiments.c.updated_at,
}
KEYED: dict[str, Table] = {"metric": run_series, "param": run_params, "tag": run_tags}
_DATASET_COLUMNS: dict[str, ColumnElement[Any]] = {
    "name": input_datasets.c.name,
    "digest": input_datasets.c.digest,
    "context": run_inputs.c.context,
}


class Holds(NamedTuple):
    """A condition; `names_few` if it says which runs can fulfil it, so that no other index is a better beginning."""

    condition: Condition
    names_few: bool = False


def of_runs(connection: Connection, comparisons: Sequence[Comparison]) -> list[Holds]:
    """Conditions on rows of `runs`.

    Raises: InvalidFilter for a time that is none.
    """
    return [_of_run(connection, comparison) for comparison in comparisons]


def of_experiments(connection: Connection, comparisons: Sequence[Comparison]) -> list[Condition]:
    """Conditions on rows of `experiments`."""
    return [
        _attribute(connection, EXPERIMENTS, EXPERIMENT_COLUMNS, one)
        if one.kind == "attribute"
        else _present(connection, experiment_tags, experiment_tags.c.experiment_id, experiments.c.id, one).condition
        for one in comparisons
    ]


def compare(connection: Connection, column: ColumnElement[Any], operator: Operator, value: Any) -> Condition:
    """One comparison; LIKE minds case on every database."""
    match operator:
        case "LIKE":
            # SQLite's own LIKE does not mind case.
            is_sqlite = connection.dialect.name == "sqlite"
            return column.op("GLOB", is_comparison=True)(_glob(value)) if is_sqlite else column.like(value)
        case "ILIKE":
            return column.ilike(value)
        case "IN":
            return column.in_(value)
        case "NOT IN":
            return column.not_in(value)
        case "IS NULL":
            return column.is_(None)
        case "IS NOT NULL":
            return column.is_not(None)
        case _:
            return _COMPARED[operator](column, value)


_COMPARED: dict[str, Callable[[ColumnElement[Any], Any], Condition]] = {
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
}


def _of_run(connection: Connection, one: Comparison) -> Holds:
    match one.kind:
        case "attribute":
            return Holds(_attribute(connection, RUNS, RUN_COLUMNS, one))
        case "dataset":
            used = exists().where(
                run_inputs.c.run_id == runs.c.id,
                run_inputs.c.kind == "dataset",
                sql_cast(input_datasets.c.id, String) == run_inputs.c.key,
            )
            return Holds(used.where(compare(connection, _DATASET_COLUMNS[one.key], one.operator, one.value)))
        case "metric" | "param" | "tag":
            table = KEYED[one.kind]
            return _present(connection, table, table.c.run_id, runs.c.id, one)


def _attribute(
    connection: Connection, vocabulary: Vocabulary, columns: dict[str, ColumnElement[Any]], one: Comparison
) -> Condition:
    column, value = columns[one.key], one.value
    match vocabulary.attributes[one.key]:
        case "time":
            return compare(connection, column, one.operator, _micros(one))
        case "number":
            return compare(connection, column, one.operator, _bounded(cast("float", value)))
        case "text":
            if one.key == "status":  # clients write FINISHED
                value = tuple(map(str.lower, value)) if isinstance(value, tuple) else str(value).lower()
            return compare(connection, column, one.operator, value)


def _present(
    connection: Connection, table: Table, owner: ColumnElement[Any], row: ColumnElement[Any], one: Comparison
) -> Holds:
    """That the run (`row`) has a metric, param or tag (`owner` in `table`) of this key which compares so."""
    holds = and_(table.c.key == one.key, *_value(connection, table, one))
    each = exists().where(owner == row, holds)
    if one.operator == "IS NULL":
        return Holds(not_(each))
    counted = select(func.count()).select_from(select(owner).where(holds).limit(_FEW + 1).subquery())
    are_few = connection.execute(counted).scalar_one() <= _FEW
    return Holds(row.in_(select(owner).where(holds)), names_few=True) if are_few else Holds(each)


def _value(connection: Connection, table: Table, one: Comparison) -> list[Condition]:
    if one.operator in {"IS NULL", "IS NOT NULL"}:
        return []
    value = table.c.value
    if table is run_series:
        return [compare(connection, value, one.operator, one.value)]
    if isinstance(one.value, float):
        return [_is_number(connection, value), compare(connection, sql_cast(value, Float), one.operator, one.value)]
    if one.operator not in {"=", "IN"} or "head" not in table.c:
        return [compare(connection, value, one.operator, one.value)]
    # Of what the index holds: a value shorter than a head is its head.
    wanted = one.value if isinstance(one.value, tuple) else (str(one.value),)
    heads = [text[:HEAD_CHARACTERS] for text in wanted]
    of_index = table.c.head.in_(heads) if len(heads) > 1 else table.c.head == heads[0]
    is_whole = all(len(text) < HEAD_CHARACTERS for text in wanted)
    return [of_index] if is_whole else [of_index, compare(connection, value, one.operator, one.value)]


def _is_number(connection: Connection, text: ColumnElement[Any]) -> Condition:
    if connection.dialect.name != "sqlite":
        return text.regexp_match(r"^-?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?$")
    # As far as GLOB can tell; a text such as 3x counts as 3 then.
    return text.op("GLOB", is_comparison=True)("[0-9]*") | text.op("GLOB", is_comparison=True)("-[0-9]*")


def _micros(one: Comparison) -> int:
    if isinstance(one.value, str):
        try:
            return parse_iso(one.value)
        except UserError as error:
            raise InvalidFilter(f"{one.key} {one.operator} {one.value!r} cannot be answered: {error.message}") from None
    return _bounded(cast("float", one.value) * _MILLISECOND)


def _bounded(value: float) -> int:
    """A number as a column of integers can be compared with it."""
    return int(max(-_LARGEST, min(_LARGEST, value)))


def _glob(pattern: str) -> str:
    """A pattern of LIKE as one of GLOB."""
    escaped = "".join(f"[{character}]" if character in "*?[" else character for character in pattern)
    return escaped.replace("%", "*").replace("_", "?")
