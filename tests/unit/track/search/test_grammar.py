"""Filters and orders as text."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.errors import InvalidFilter
from homeostat.track.search.grammar import (
    EXPERIMENTS,
    Comparison,
    Kind,
    Operator,
    Order,
    parse,
    parse_orders,
    written,
)

names = st.text(min_size=1, max_size=12)
texts = st.text(max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)


def comparisons(
    kind: Kind, keys: st.SearchStrategy[str], operators: list[Operator], values: st.SearchStrategy[Any]
) -> st.SearchStrategy[Comparison]:
    return st.builds(Comparison, kind=st.just(kind), key=keys, operator=st.sampled_from(operators), value=values)


numeric: list[Operator] = [">", ">=", "<", "<=", "=", "!="]
any_comparison = st.one_of(
    comparisons("metric", names, numeric, numbers),
    comparisons("param", names, numeric, numbers),
    comparisons("param", names, ["=", "!=", "LIKE", "ILIKE"], texts),
    comparisons("tag", names, ["=", "!=", "LIKE", "ILIKE"], texts),
    comparisons("tag", names, ["IS NULL", "IS NOT NULL"], st.none()),
    comparisons("dataset", st.sampled_from(["name", "digest", "context"]), ["=", "LIKE"], texts),
    comparisons("attribute", st.just("run_id"), ["IN", "NOT IN"], st.lists(texts, min_size=1, max_size=3).map(tuple)),
    comparisons("attribute", st.just("start_time"), numeric, numbers),
)


@given(found=st.lists(any_comparison, max_size=4).map(tuple))
def test_what_is_written_is_read(found: tuple[Comparison, ...]) -> None:
    """A filter written as text parses to itself, whatever is in its keys and values."""
    assert found == parse(written(found))


@given(text=st.text(alphabet="metrics.a><=!'\"`() ANDLIKE0.5,", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes anything but comparisons, or an error of its own."""
    with contextlib.suppress(InvalidFilter):
        assert all(isinstance(one, Comparison) for one in parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.loss<0.3", Comparison(kind="metric", key="loss", operator="<", value=0.3)),
        ("metric.`val loss` >= -1e-3", Comparison(kind="metric", key="val loss", operator=">=", value=-1e-3)),
        ('params."model.depth" = "3"', Comparison(kind="param", key="model.depth", operator="=", value="3")),
        ("params.model.depth > 2", Comparison(kind="param", key="model.depth", operator=">", value=2.0)),
        (
            "tags.mlflow.runName ilike '%a%'",
            Comparison(kind="tag", key="mlflow.runName", operator="ILIKE", value="%a%"),
        ),
        ("tag.x is not null", Comparison(kind="tag", key="x", operator="IS NOT NULL")),
        ("status = 'FINISHED'", Comparison(kind="attribute", key="status", operator="=", value="FINISHED")),
        ("run.`run name` = 'it''s'", Comparison(kind="attribute", key="run_name", operator="=", value="it's")),
        ("run_id NOT IN ('a', 'b')", Comparison(kind="attribute", key="run_id", operator="NOT IN", value=("a", "b"))),
        ("start_time > '2026-01-01'", Comparison(kind="attribute", key="start_time", operator=">", value="2026-01-01")),
    ],
)
def test_clients_ways_of_writing(text: str, expected: Comparison) -> None:
    """Prefixes, quotes and cases as clients write them."""
    assert (expected,) == parse(text)


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("metrics.loss < 'a'", 16, "a number"),
        ("metrics.loss LIKE 3", 14, "one of >"),
        ("tags.x = 3", 10, "a text in quotes"),
        ("metrics.a = 1 OR metrics.b = 1", 15, "AND"),
        ("colour = 'red'", 1, "an attribute"),
        ("colours.a = 'red'", 1, "before the point"),
        ("datasets.size = 'x'", 10, "name, digest, context"),
        ("run_id IN ('a'", 15, "','"),
        ("tags.x =", 9, "a text in quotes"),
        ("metrics. < 1", 10, "a name"),
        ("params.lr < '0.1'", 13, "a number"),
        ("tags.x = 'open", 10, "a value"),
    ],
)
def test_errors_say_where_and_what(text: str, position: int, expected: str) -> None:
    """The message counts characters from 1 and names what would have fitted."""
    with pytest.raises(InvalidFilter) as caught:
        parse(text)

    assert f"at position {position} " in caught.value.message
    assert expected in caught.value.message.split("expected")[1]


def test_orders() -> None:
    """Ascending if not said otherwise; keys as in filters."""
    found = parse_orders(["metrics.`val loss` DESC", "params.lr", "Created asc"])

    assert (
        Order(kind="metric", key="val loss", is_descending=True),
        Order(kind="param", key="lr"),
        Order(kind="attribute", key="start_time"),
    ) == found


@pytest.mark.parametrize("texts", [["metrics.a", "metric.a DESC"], ["run_name", "name"]])
def test_a_key_orders_once(texts: list[str]) -> None:
    """Two orders by one key contradict each other."""
    with pytest.raises(InvalidFilter, match="Leave one out"):
        parse_orders(texts)


def test_experiments_have_words_of_their_own() -> None:
    """The same grammar with other attributes; what only runs have is refused."""
    assert ("name",) == tuple(one.key for one in parse("name LIKE 'a%'", EXPERIMENTS))
    with pytest.raises(InvalidFilter, match="attributes, tags"):
        parse("metrics.a > 1", EXPERIMENTS)
