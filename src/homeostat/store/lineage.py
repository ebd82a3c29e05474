"""The lineage graph: what was made from what, walked both ways.

A node is text `kind:key`, made by `node`. Kinds: `source`, `dataset` (`dataset:flights@12`), `table` (a digest),
`action`, `code`, `environment`, `model` (a digest), `model-version` (`late-flights@3`), `report`, `approval`,
`deployment` (`late-flights@7`), `run`, `decision`. An edge says: `child` came from `parent`, in the role named.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from homeostat.core.clock import Micros
from homeostat.store.db.schema.store import lineage

_BATCH = 500  # bound variables in one statement: SQLite allowed 999 for long


class Edge(NamedTuple):
    child: str
    parent: str
    role: str


def node(kind: str, key: str | int) -> str:
    return f"{kind}:{key}"


def record(connection: Connection, at: Micros, edges: Iterable[Edge]) -> None:
    """Add edges in the caller's transaction; an edge that is there already stays as it is."""
    wanted = list(dict.fromkeys(edges))
    children = list({edge.child for edge in wanted})
    known: set[tuple[str, ...]] = set()
    for first in range(0, len(children), _BATCH):
        query = select(lineage.c.child, lineage.c.parent, lineage.c.role)
        rows = connection.execute(query.where(lineage.c.child.in_(children[first : first + _BATCH])))
        known.update(tuple(row) for row in rows)
    fresh = [{**edge._asdict(), "at": at} for edge in wanted if edge not in known]
    if fresh:
        connection.execute(insert(lineage), fresh)


def upstream(connection: Connection, start: str, *, most: int | None = None) -> list[Edge]:
    """Every edge on the way from `start` to its sources, nearest first.

    Args:
        most: go no farther once so many nodes are reached: a dataset of ten thousand versions is that many steps long.
    """
    return _walk(connection, start, forward=False, most=most)


def downstream(connection: Connection, start: str, *, most: int | None = None) -> list[Edge]:
    """Every edge on the way from `start` to what was made of it, nearest first. Args: as `upstream`."""
    return _walk(connection, start, forward=True, most=most)


def made_of(connection: Connection, nodes: Iterable[str]) -> list[Edge]:
    """Edges to what was made directly of some nodes."""
    wanted, found = list(nodes), list[Edge]()
    for first in range(0, len(wanted), _BATCH):
        query = select(lineage.c.child, lineage.c.parent, lineage.c.role)
        query = query.where(lineage.c.parent.in_(wanted[first : first + _BATCH]))
        found += [Edge(*row) for row in connection.execute(query)]
    return found


def uses(connection: Connection, kind: str, name: str, limit: int) -> list[Edge]:
    """Edges to what other kinds of things were made directly of any version of a thing (`name@1`, `name@2` ...), newest first."""
    first = node(kind, f"{name}@")
    query = (
        select(lineage.c.child, lineage.c.parent, lineage.c.role)
        .where(lineage.c.parent >= first, lineage.c.parent < f"{first[:-1]}A")  # "A" comes after "@"
        .where(~lineage.c.child.startswith(node(kind, "")))
        .order_by(lineage.c.at.desc(), lineage.c.child.desc())
        .limit(limit)
    )
    return [Edge(*row) for row in connection.execute(query)]


def _walk(connection: Connection, start: str, *, forward: bool, most: int | None) -> list[Edge]:
    here, there = (lineage.c.parent, lineage.c.child) if forward else (lineage.c.child, lineage.c.parent)
    seen, frontier, found = {start}, [start], dict[Edge, None]()
    while frontier and (most is None or len(seen) <= most):
        reached: dict[str, None] = {}
        for first in range(0, len(frontier), _BATCH):
            query = select(lineage.c.child, lineage.c.parent, lineage.c.role, there.label("next")).where(
                here.in_(frontier[first : first + _BATCH])
            )
            for row in connection.execute(query.order_by(lineage.c.at, there)):
                found[Edge(row.child, row.parent, row.role)] = None
                reached[row.next] = None
        frontier = [name for name in reached if name not in seen]
        seen.update(frontier)
    return list(found)
