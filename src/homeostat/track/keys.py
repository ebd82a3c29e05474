"""Which metrics, params and tags there are, without reading every run.

The keys of all runs come from a loose scan: each step jumps to the next key of an index, so that it costs what there are
keys, not what there are runs.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Table, func, select

from homeostat.store.db.schema.track import run_params, run_series, run_tags
from homeostat.track import points

Keyed = Literal["metric", "param", "tag"]

_IDS = 500  # bound in one statement
TABLES: dict[str, Table] = {"metric": run_series, "param": run_params, "tag": run_tags}


class Counted(NamedTuple):
    """A key, how many of some runs have it, and how many different values they have."""

    key: str
    runs: int
    values: int


def everywhere(connection: Connection, kind: Keyed, limit: int) -> list[str]:
    """The first keys of all runs, sorted, at most `limit` of them.

    Cost: one look into an index for each.
    """
    key = TABLES[kind].c.key
    steps = select(func.min(key).label("key")).cte("steps", recursive=True)
    following = select(func.min(key)).where(key > steps.c.key).scalar_subquery()
    steps = steps.union_all(select(following).where(steps.c.key.is_not(None)))
    query = select(steps.c.key).where(steps.c.key.is_not(None)).limit(limit)
    return list(connection.execute(query).scalars())


def of_runs(connection: Connection, kind: str, run_ids: Sequence[str]) -> set[str]:
    """The keys of some runs."""
    table = TABLES[kind]
    found: set[str] = set()
    for first in range(0, len(run_ids), _IDS):
        query = select(table.c.key).where(table.c.run_id.in_(run_ids[first : first + _IDS])).distinct()
        found.update(connection.execute(query).scalars())
    return found


def counted(connection: Connection, kind: Keyed, run_ids: Sequence[str]) -> list[Counted]:
    """The keys of the runs of a page, those that most runs have first."""
    table = TABLES[kind]
    value = table.c.value if kind == "metric" else table.c.head
    query = (
        select(table.c.key, func.count(), func.count(value.distinct()))
        .where(table.c.run_id.in_(run_ids))
        .group_by(table.c.key)
        .order_by(func.count().desc(), table.c.key)
    )
    return [Counted(*found) for found in connection.execute(query)]


def values(
    connection: Connection, kind: Keyed, run_ids: Sequence[str], wanted: Sequence[str]
) -> dict[tuple[str, str], Any]:
    """What some runs have under some keys, by run and key: texts as they are stored, metrics as floats."""
    table = TABLES[kind]
    found: dict[tuple[str, str], Any] = {}
    if not wanted:
        return found
    for first in range(0, len(run_ids), _IDS):
        # `key || ''`: by the index of runs, not by that of keys, which holds every run.
        query = select(table.c.run_id, table.c.key, table.c.value).where(
            table.c.run_id.in_(run_ids[first : first + _IDS]), (table.c.key + "").in_(wanted)
        )
        for run_id, key, value in connection.execute(query):
            found[run_id, key] = points.read(value) if kind == "metric" else value
    return found
