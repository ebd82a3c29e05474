"""Searches of the registry: the grammar of runs' filters over other words, answered page by page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, not_

from homeostat.mlflow.wire import Fault
from homeostat.track.search.conditions import compare
from homeostat.track.search.grammar import Comparison, Vocabulary, parse, parse_orders
from homeostat.track.search.orders import Place, Term, behind, place, question, token

_MILLISECOND = 1000
_IS_PROMPT = "mlflow.prompt.is_prompt"


class Keyed(NamedTuple):
    """Rows with keys and values that belong to a row of the search: tags, params or metrics."""

    key: ColumnElement[Any]
    value: ColumnElement[Any]
    belongs: ColumnElement[bool]
    more: tuple[ColumnElement[bool], ...] = ()


class Field(NamedTuple):
    """What a search is over.

    Attributes:
        columns: attribute -> column.
        keyed: `tag`, `param` or `metric` -> its rows.
        orders: what a page is sorted by after what was asked; unique together.
    """

    vocabulary: Vocabulary
    columns: Mapping[str, ColumnElement[Any]]
    keyed: Mapping[str, Keyed]
    orders: tuple[Term, ...]


def conditions(connection: Connection, field: Field, text: str) -> list[ColumnElement[bool]]:
    """A filter as SQL, with bound values only."""
    return [_condition(connection, field, one) for one in parse(text, field.vocabulary)]


def terms(field: Field, order_by: Sequence[str]) -> list[Term]:
    """An order as SQL, ending in one that no two rows share."""
    asked = []
    for order in parse_orders(order_by, field.vocabulary):
        if order.kind != "attribute":
            raise Fault(f"Invalid order by key '{order.kind}s.{order.key}' specified.")
        asked.append(Term(field.columns[order.key], order.is_descending))
    named = {str(term.expression) for term in asked}
    return asked + [term for term in field.orders if str(term.expression) not in named]


def nulls_last(expression: ColumnElement[Any], nothing: Any, *, is_descending: bool) -> list[Term]:
    """An order by something that may not be there."""
    is_absent = case((expression.is_(None), 1), else_=0)
    return [Term(is_absent, False), Term(case((expression.is_(None), nothing), else_=expression), is_descending)]


def page(
    connection: Connection,
    query: Select[Any],
    ordered: Sequence[Term],
    limit: int,
    page_token: str,
    asked: Sequence[Any],
) -> tuple[list[Any], str]:
    """Rows of one page, and the token of the next; empty at the end.

    Args:
        asked: what the search was, so that a token of another one is refused.
    """
    which = question(*asked)
    columns = [term.expression.label(f"term_{index}") for index, term in enumerate(ordered)]
    query = query.add_columns(*columns)
    if page_token:
        query = query.where(behind(ordered, place(page_token, which).values))
    directions = [term.expression.desc() if term.is_descending else term.expression.asc() for term in ordered]
    rows = connection.execute(query.order_by(*directions).limit(limit + 1)).all()
    if len(rows) <= limit:
        return list(rows), ""
    last = rows[limit - 1]
    return list(rows[:limit]), token(Place(which, 0, tuple(last[-len(ordered) :])))


def _condition(connection: Connection, field: Field, one: Comparison) -> ColumnElement[bool]:
    if one.kind == "attribute":
        column, value = field.columns[one.key], one.value
        if field.vocabulary.attributes[one.key] == "time":
            if not isinstance(value, float):
                raise Fault(f"Invalid value for numeric attribute '{one.key}': {value!r}")
            value = value * _MILLISECOND
        return compare(connection, column, one.operator, value)
    keyed = field.keyed[one.kind]
    each = and_(keyed.belongs, keyed.key == one.key, *keyed.more)
    if one.key == _IS_PROMPT and (one.operator, one.value) in {("!=", "true"), ("=", "false")}:
        # Clients add this to every search: what is not marked as a prompt is a model.
        return not_(exists().where(each, keyed.value == "true"))
    if one.operator == "IS NULL":
        return not_(exists().where(each))
    if one.operator == "IS NOT NULL":
        return exists().where(each)
    return exists().where(each, compare(connection, keyed.value, one.operator, one.value))
