from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from homeostat.core.clock import Micros
from homeostat.store.db import Database
from homeostat.store.db.schema.store import lineage as table
from homeostat.store.lineage import Edge, downstream, made_of, node, record, upstream, uses

NOON = Micros(1_366_027_200_000_000)
NODES = [node("action", number) for number in range(8)]
graphs = st.lists(
    st.builds(Edge, st.sampled_from(NODES), st.sampled_from(NODES), st.sampled_from(["input", "code"])), max_size=16
)

memory = Database("sqlite://")
table.create(memory.engine)


@contextmanager
def holding(*edges: Edge) -> Iterator[Connection]:
    """A connection that sees `edges` and forgets them afterwards."""
    with memory.engine.connect() as connection, connection.begin() as transaction:
        record(connection, NOON, edges)
        yield connection
        transaction.rollback()


def reached(edges: list[Edge], start: str, *, forward: bool) -> set[Edge]:
    """Every edge on a way from `start`, by definition: no order, no database."""
    names, found = {start}, set[Edge]()
    for _ in range(len(edges) + 1):
        found = {edge for edge in edges if (edge.parent if forward else edge.child) in names}
        names |= {edge.child if forward else edge.parent for edge in found}
    return found


FLIGHTS, WEATHER, ROWS, MODEL, VERSION = (
    node("dataset", "flights@12"),
    node("dataset", "weather@3"),
    node("table", "ab12"),
    node("model", "cd34"),
    node("model-version", "late-flights@3"),
)
MADE = [
    Edge(VERSION, MODEL, "model"),
    Edge(MODEL, ROWS, "rows"),
    Edge(ROWS, FLIGHTS, "flights"),
    Edge(ROWS, WEATHER, "weather"),
]


def test_node_names_kind_and_key() -> None:
    """A node is readable text."""
    assert "model-version:late-flights@3" == VERSION
    assert "action:7" == node("action", 7)


def test_upstream_ends_at_the_sources() -> None:
    """From a model version back to the datasets, nearest first."""
    with holding(*MADE) as connection:
        assert MADE == upstream(connection, VERSION)


def test_downstream_ends_at_what_was_made() -> None:
    """From a dataset forward to the model version, nearest first, and not to other sources."""
    with holding(*MADE) as connection:
        assert [MADE[2], MADE[1], MADE[0]] == downstream(connection, FLIGHTS)


def test_unknown_node_has_no_lineage() -> None:
    """Nothing was made of what nobody recorded, and it was made of nothing."""
    fares = node("dataset", "fares@1")
    with holding(*MADE) as connection:
        assert ([], []) == (upstream(connection, fares), downstream(connection, fares))


@given(graphs, st.sampled_from(NODES))
def test_walks_find_every_edge_on_the_way(edges: list[Edge], start: str) -> None:
    """Both walks find exactly what can be reached, each edge once, in any graph, cycles included."""
    with holding(*edges) as connection:
        up, down = upstream(connection, start), downstream(connection, start)

    assert reached(edges, start, forward=False) == set(up)
    assert reached(edges, start, forward=True) == set(down)
    assert (len(set(up)), len(set(down))) == (len(up), len(down))


@given(graphs, st.sampled_from(NODES), st.sampled_from(NODES))
def test_downstream_is_the_inverse_of_upstream(edges: list[Edge], one: str, other: str) -> None:
    """One node was made of another exactly if the other's way forward comes to it."""
    with holding(*edges) as connection:
        comes_from = {edge.parent for edge in upstream(connection, one)}
        leads_to = {edge.child for edge in downstream(connection, other)}

    assert (other in comes_from) == (one in leads_to)


@given(graphs)
def test_recording_twice_is_recording_once(edges: list[Edge]) -> None:
    """A step that is recorded again after a crash adds nothing and changes nothing."""
    with holding(*edges) as connection:
        once = connection.execute(table.select()).all()
        record(connection, Micros(NOON + 1), edges)

        assert once == connection.execute(table.select()).all()


def test_wide_graphs_are_walked_whole() -> None:
    """A dataset that touched more nodes than one statement may name is walked to every one, and from it."""
    edges = [Edge(node("action", number), FLIGHTS, "rows") for number in range(1200)]
    results = [Edge(node("report", number), node("action", number), "made") for number in range(1200)]
    with holding(*edges, *results) as connection:
        assert set(edges + results) == set(downstream(connection, FLIGHTS))


def test_uses_of_all_versions_of_a_thing() -> None:
    """What other kinds of things were made of any version is found; not its own later versions, nor uses of a namesake."""
    edges = [
        Edge("run:a", "dataset:flights@1", "input"),
        Edge("model-version:m@1", "dataset:flights@12", "data"),
        Edge("dataset:flights@12", "dataset:flights@1", "previous"),
        Edge("run:b", "dataset:flights-old@1", "input"),
        Edge("run:c", "dataset:flight@1", "input"),
    ]
    with holding(*edges) as connection:
        assert set(edges[:2]) == set(uses(connection, "dataset", "flights", 10))
        assert 1 == len(uses(connection, "dataset", "flights", 1))


def test_what_was_made_of_nodes_is_one_step_away() -> None:
    """Only direct edges are given, of every node asked for."""
    edges = [
        Edge("action:1", "table:a", "rows"),
        Edge("table:b", "action:1", "output"),
        Edge("action:2", "table:b", "x"),
    ]
    with holding(*edges) as connection:
        assert {edges[0], edges[2]} == set(made_of(connection, ["table:a", "table:b"]))
