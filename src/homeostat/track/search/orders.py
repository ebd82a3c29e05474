"""Orders as SQL, and the places in them where pages end.

A page goes on behind a place, not at an offset: it costs the same wherever it is, and holds no run twice when runs come in
meanwhile. What a run may lack (a metric, a param) splits an order into parts: runs that have it, runs whose metric is NaN, runs
without it. Each part is a query of its own, so that the first walks an index.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Select, String, and_, case, false, or_, select
from sqlalchemy.sql.selectable import FromClause

from homeostat.core.digests import digest_of
from homeostat.core.errors import InvalidFilter
from homeostat.store.db.schema.track import runs
from homeostat.track.search.conditions import KEYED, RUN_COLUMNS
from homeostat.track.search.grammar import Comparison, Order

Part = Literal["valued", "nan", "absent", "all"]

_NOWHERE = -(2**62)  # of a time that is not there: before all others


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: its part and the values of its last row, for one question."""

    question: str
    part: int
    values: tuple[str | int | float | None, ...]


class Term(NamedTuple):
    """Never null, so that it can be compared."""

    expression: ColumnElement[Any]
    is_descending: bool


def parts(orders: Sequence[Order]) -> tuple[Part, ...]:
    """What an order is made of, in its sequence."""
    if not orders or orders[0].kind == "attribute":
        return ("all",)
    return ("valued", "nan", "absent") if orders[0].kind == "metric" else ("valued", "absent")


def of_first(orders: Sequence[Order], comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Comparisons of the metric that comes first in an order: no run without it, or with NaN, fulfils them."""
    if not orders or orders[0].kind != "metric":
        return []
    return [
        one
        for one in comparisons
        if (one.kind, one.key) == (orders[0].kind, orders[0].key) and isinstance(one.value, float)
    ]


def ordered(orders: Sequence[Order], part: Part) -> tuple[Select[Any], list[Term]]:
    """Ids of runs of a part, and the terms of their order; the last is the id."""
    source: FromClause = runs
    terms: list[Term] = []
    conditions: list[ColumnElement[bool]] = []
    for index, order in enumerate(orders):
        if order.kind == "attribute":
            column = RUN_COLUMNS[order.key]
            nullable = order.key == "end_time"
            terms.append(
                Term(case((column.is_(None), _NOWHERE), else_=column) if nullable else column, order.is_descending)
            )
            continue
        if order.kind not in KEYED:
            raise InvalidFilter(
                f"Runs cannot be ordered by {order.kind}s.{order.key}: order by attributes, metrics, params or tags."
            )
        table = KEYED[order.kind].alias(f"by_{index}")
        here = and_(table.c.run_id == runs.c.id, table.c.key == order.key)
        if index == 0 and part != "absent":
            source = table.join(runs, here)
            conditions.append(table.c.value.is_not(None) if part == "valued" else table.c.value.is_(None))
            if part == "valued":
                terms += _valued(table, order)
            continue
        source = source.outerjoin(table, here)
        if index == 0:
            conditions.append(table.c.run_id.is_(None))
        else:
            rank = case((table.c.run_id.is_(None), 2), (table.c.value.is_(None), 1), else_=0)
            nothing = 0.0 if order.kind == "metric" else ""
            value = case((table.c.value.is_(None), nothing), else_=table.c.value)
            terms += [Term(rank, is_descending=False), Term(value, order.is_descending)]
    if not any(order.kind == "attribute" and order.key == "start_time" for order in orders):
        terms.append(Term(runs.c.started_at, is_descending=True))
    terms.append(Term(runs.c.id, is_descending=False))
    columns = [term.expression.label(f"term_{index}") for index, term in enumerate(terms)]
    query = select(runs.c.id.label("run"), *columns).select_from(source).where(*conditions)
    directions = [term.expression.desc() if term.is_descending else term.expression.asc() for term in terms]
    return query.order_by(*directions), terms


def behind(terms: Sequence[Term], values: Sequence[Any]) -> ColumnElement[bool]:
    """That a row comes after the one with `values`.

    Raises: InvalidFilter if they do not fit.
    """
    if len(terms) != len(values) or not all(map(_fits, terms, values)):
        raise InvalidFilter("The page token belongs to another order. Ask for the first page again.")
    after: ColumnElement[bool] = false()
    for term, value in reversed(list(zip(terms, values, strict=True))):
        further = term.expression < value if term.is_descending else term.expression > value
        after = or_(further, and_(term.expression == value, after))
    first, value = terms[0], values[0]
    # Says nothing new, but is what an index can begin at.
    begins = first.expression <= value if first.is_descending else first.expression >= value
    return and_(begins, after)


def _fits(term: Term, value: Any) -> bool:
    """Whether a value of a token can be compared with its column: a token comes from outside."""
    if isinstance(term.expression.type, String):
        return isinstance(value, str)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and not (isinstance(value, int) and abs(value) >= 1 << 63)


def question(*asked: Any) -> str:
    """Which search a token belongs to."""
    return digest_of(list(asked))[:16]


def token(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode().rstrip("=")


def place(text: str, asked: str) -> Place:
    """The place a token tells.

    Raises: InvalidFilter if it is none, or of another search.
    """
    try:
        found = msgspec.msgpack.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Place)
    except (binascii.Error, ValueError, RecursionError, msgspec.MsgspecError):
        raise InvalidFilter(f"{text[:60]!r} is no page token. Ask for the first page again.") from None
    if found.question != asked:
        raise InvalidFilter(
            "The page token belongs to a search with another filter or order. Ask for the first page again."
        )
    return found


def _valued(table: Any, order: Order) -> list[Term]:
    if order.kind == "metric":
        return [Term(table.c.value, order.is_descending)]
    return [Term(table.c.head, order.is_descending), Term(table.c.value, order.is_descending)]
