"""Answers to searches, page by page, in the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select

from homeostat.core.errors import InvalidFilter
from homeostat.store.db.schema.track import experiments, runs
from homeostat.track import experiments as experiment_rows
from homeostat.track.queries import records, summaries
from homeostat.track.records import ExperimentPage, Life, RunPage
from homeostat.track.search import conditions, orders
from homeostat.track.search.grammar import EXPERIMENTS, Comparison, Order, parse, parse_orders
from homeostat.track.search.orders import Place, Term

_DEFAULT_PAGE = 100
_EXPERIMENT_ORDER = Order(kind="attribute", key="creation_time", is_descending=True)


def find_runs(
    connection: Connection,
    text: str = "",
    *,
    experiment_ids: Sequence[int] | None = None,
    order_by: Sequence[str] = (),
    limit: int = _DEFAULT_PAGE,
    page_token: str = "",
    life: Life = "active",
) -> RunPage:
    """Runs with their params, tags and latest metrics.

    Args:
        text: a filter in the grammar of `grammar.py`.
        experiment_ids: of these experiments; None is all.
        order_by: such as `metrics.loss ASC`; then newest first, then by id. NaN comes after numbers, what is not there last.
        page_token: `next_token` of the page before.
    Raises: InvalidFilter for a filter, order or token that cannot be read.
    Cost: of a page, whatever lies before it; ordered by an attribute without an index (all but start_time and run_name), a sort
    of what the filter leaves.
    """
    ids, next_token = find_ids(
        connection,
        text,
        experiment_ids=experiment_ids,
        order_by=order_by,
        limit=limit,
        page_token=page_token,
        life=life,
    )
    return RunPage(runs=tuple(summaries(connection, records(connection, ids))), next_token=next_token)


def find_ids(
    connection: Connection,
    text: str = "",
    *,
    experiment_ids: Sequence[int] | None = None,
    order_by: Sequence[str] = (),
    limit: int = _DEFAULT_PAGE,
    page_token: str = "",
    life: Life = "active",
    where: Sequence[conditions.Condition] | None = None,
) -> tuple[list[str], str]:
    """As `find_runs`: only the ids, and the token of the next page.

    Args:
        where: what `that_hold` made of the rest, if it was made before.
    """
    wanted = parse_orders(order_by)
    asked = orders.question(text, list(order_by), life, None if experiment_ids is None else list(experiment_ids))
    place = orders.place(page_token, asked) if page_token else None
    comparisons = parse(text)
    narrowed = orders.of_first(wanted, comparisons)
    if where is None:
        others = [one for one in comparisons if one not in narrowed]
        where = _held(connection, others, experiment_ids=experiment_ids, life=life)
    found: list[str] = []
    for index, part in enumerate(orders.parts(wanted)):
        if (place is not None and index < place.part) or (narrowed and part != "valued"):
            continue
        query, terms = orders.ordered(wanted, part)
        for one in narrowed:  # by the index that gives the order
            query = query.where(conditions.compare(connection, terms[0].expression, one.operator, one.value))
        if place is not None and index == place.part and place.values:
            query = query.where(orders.behind(terms, place.values))
        room = limit - len(found)
        rows = connection.execute(query.where(*where).limit(room + 1)).all()
        found += [row.run for row in rows[:room]]
        if len(rows) > room:
            # A part that the full page has no room for is begun by the next one.
            last = tuple(rows[room - 1][1:]) if room else ()
            return found, orders.token(Place(asked, index, last))
    return found, ""


def that_hold(
    connection: Connection, text: str = "", *, experiment_ids: Sequence[int] | None = None, life: Life = "active"
) -> list[conditions.Condition]:
    """What a row of `runs` must fulfil to be found. Raises: InvalidFilter."""
    return _held(connection, parse(text), experiment_ids=experiment_ids, life=life)


def _held(
    connection: Connection, comparisons: Sequence[Comparison], *, experiment_ids: Sequence[int] | None, life: Life
) -> list[conditions.Condition]:
    held = conditions.of_runs(connection, comparisons)
    # A sum is no column of an index: the planner begins at the few, not at an experiment with a million runs.
    experiment_id = runs.c.experiment_id + 0 if any(one.names_few for one in held) else runs.c.experiment_id
    where = [*_alive(runs.c.deleted_at, life), *(one.condition for one in held)]
    if experiment_ids is not None:
        where.append(_in(experiment_id, experiment_ids))
    return where


def find_experiments(
    connection: Connection,
    text: str = "",
    *,
    order_by: Sequence[str] = (),
    limit: int = _DEFAULT_PAGE,
    page_token: str = "",
    life: Life = "active",
) -> ExperimentPage:
    """Experiments, newest first if not ordered otherwise. Raises: InvalidFilter as `find_runs`."""
    comparisons = parse(text, EXPERIMENTS)
    wanted = parse_orders(order_by, EXPERIMENTS) or (_EXPERIMENT_ORDER,)
    if not all(order.kind == "attribute" for order in wanted):
        raise InvalidFilter(f"Experiments are ordered by {', '.join(EXPERIMENTS.attributes)}.")
    asked = orders.question(text, list(order_by), life)
    terms = [Term(conditions.EXPERIMENT_COLUMNS[order.key], order.is_descending) for order in wanted]
    terms.append(Term(experiments.c.id, is_descending=wanted[-1].is_descending))
    columns = [term.expression.label(f"term_{index}") for index, term in enumerate(terms)]
    query = select(experiments, *columns).where(*_alive(experiments.c.deleted_at, life))
    query = query.where(*conditions.of_experiments(connection, comparisons))
    if page_token:
        query = query.where(orders.behind(terms, orders.place(page_token, asked).values))
    directions = [term.expression.desc() if term.is_descending else term.expression.asc() for term in terms]
    rows = connection.execute(query.order_by(*directions).limit(limit + 1)).mappings().all()
    shown = rows[:limit]
    own = [{name: row[name] for name in experiments.c.keys()} for row in shown]  # noqa: SIM118  of a table, not a dict
    next_token = ""
    if len(rows) > limit:
        values = tuple(shown[-1][f"term_{index}"] for index in range(len(terms)))
        next_token = orders.token(Place(asked, 0, values))
    return ExperimentPage(experiments=tuple(experiment_rows.read(connection, own)), next_token=next_token)


def _alive(deleted_at: ColumnElement[int | None], life: Life) -> list[ColumnElement[bool]]:
    match life:
        case "active":
            return [deleted_at.is_(None)]
        case "deleted":
            return [deleted_at.is_not(None)]
        case "all":
            return []


def _in(column: ColumnElement[int], values: Sequence[int]) -> ColumnElement[bool]:
    # One value by `=`, so that an index on it also gives the order.
    return column == values[0] if len(values) == 1 else column.in_(list(values))
