"""Runs of a selection in groups: by an attribute, a param or a tag, with their metrics in figures."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.sql.selectable import FromClause

from homeostat.core.errors import InvalidFilter
from homeostat.store.db.schema.track import run_series, runs
from homeostat.track.search.conditions import KEYED, RUN_COLUMNS
from homeostat.track.search.grammar import Comparison, Kind
from homeostat.track.search.selection import Search


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """The latest values of a metric in a group, NaN left out: None for all three if no run has one."""

    mean: float | None
    least: float | None
    greatest: float | None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """`value`: what its runs have in common; None if they lack the param or tag. `figures`: one for each metric asked for."""

    value: str | int | None
    runs: int
    figures: tuple[Figure, ...]

    def comparison(self, kind: Kind, key: str) -> Comparison:
        """The filter that holds for its runs."""
        if self.value is None:
            return Comparison(kind=kind, key=key, operator="IS NULL")
        value = float(self.value) if isinstance(self.value, int) else self.value
        return Comparison(kind=kind, key=key, operator="=", value=value)


def groups(search: Search, by: tuple[Kind, str], metrics: Sequence[str], limit: int) -> tuple[list[Group], bool]:
    """The groups with most runs first, at most `limit`.

    Args:
        by: such as `("param", "model")`; not a metric.
    Returns: them, and whether there are more.
    Raises: InvalidFilter if runs cannot be grouped by that.
    Cost: a look at each run of the selection, and at each of its metrics that was asked for.
    """
    source, value = _grouped(by)
    columns: list[ColumnElement[Any]] = []
    for number, key in enumerate(metrics):
        of = run_series.alias(f"of_{number}")
        source = source.outerjoin(of, and_(of.c.run_id == runs.c.id, of.c.key == key))
        columns += [func.avg(of.c.value), func.min(of.c.value), func.max(of.c.value)]
    query = (
        select(value, func.count(), *columns)
        .select_from(source)
        .where(*search.where)
        .group_by(value)
        .order_by(func.count().desc(), value)
        .limit(limit + 1)
    )
    found = [
        Group(
            value=row[0],
            runs=row[1],
            figures=tuple(
                Figure(mean=row[first], least=row[first + 1], greatest=row[first + 2])
                for first in range(2, len(row), 3)
            ),
        )
        for row in search.connection.execute(query)
    ]
    return found[:limit], len(found) > limit


def _grouped(by: tuple[Kind, str]) -> tuple[FromClause, ColumnElement[Any]]:
    kind, key = by
    if kind == "attribute" and key in RUN_COLUMNS:
        return runs, RUN_COLUMNS[key]
    if kind not in {"param", "tag"}:
        raise InvalidFilter(f"Runs cannot be grouped by {kind} {key!r}: group by an attribute, a param or a tag.")
    of = KEYED[kind].alias("grouped")
    return runs.outerjoin(of, and_(of.c.run_id == runs.c.id, of.c.key == key)), of.c.value
