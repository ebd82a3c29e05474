"""Metric points in the database: added at the end of their series, each once if asked, and read back.

New points make a block of their own, and swallow blocks before it that are not much larger. So a series of n batches
has some log2(n) blocks, and each point is rewritten as often; a reader sees what was committed a moment ago.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from homeostat.core.ids import RunId
from homeostat.store.db.schema.track import run_blocks, run_series
from homeostat.track.blocks import Points, join, pack, unpack
from homeostat.track.envelopes import envelope

_BLOCK_POINTS = (
    32_768  # a full block is never rewritten: some 250 KB, which a close look at one curve reads in a few ms
)
# Made once: to build such a statement takes longer than to run it.
_SERIES = select(run_series).where(run_series.c.run_id == bindparam("of_run"), run_series.c.key == bindparam("of_key"))
_NEW_SERIES = insert(run_series)
_GROWN = update(run_series).where(run_series.c.id == bindparam("series")).values(points=bindparam("total"))
_GROWN_WITH_LATEST = _GROWN.values(
    step=bindparam("newest_step"), logged_at=bindparam("newest_at"), value=bindparam("newest_value")
)
_SWALLOWED = (run_blocks.c.series == bindparam("of")) & (run_blocks.c.first >= bindparam("from"))
_BODIES = select(run_blocks.c.points, run_blocks.c.body).where(_SWALLOWED).order_by(run_blocks.c.first)
_SWALLOW = delete(run_blocks).where(_SWALLOWED)
_NEW_BLOCK = insert(run_blocks)
# A tail has no more blocks than a block has doublings.
_TAIL = (
    select(run_blocks.c.first, run_blocks.c.points)
    .where(run_blocks.c.series == bindparam("of"))
    .order_by(run_blocks.c.first.desc())
    .limit(_BLOCK_POINTS.bit_length())
)
_NEAR = select(run_blocks.c.points, run_blocks.c.body).where(
    run_blocks.c.series == bindparam("of"),
    run_blocks.c.greatest_step >= bindparam("least_step"),
    run_blocks.c.least_step <= bindparam("greatest_step"),
    run_blocks.c.greatest_at >= bindparam("least_at"),
    run_blocks.c.least_at <= bindparam("greatest_at"),
)


def add(connection: Connection, run_id: RunId, key: str, points: Points, *, once: bool = False) -> int:
    """Add points to a series, which is made if needed.

    Args:
        once: leave out points that the series holds already, by (step, time, value): for clients that repeat a request
            whose answer they did not get.

    Returns: how many were added.
    """
    if not len(points):
        return 0
    found = connection.execute(_SERIES, {"of_run": run_id, "of_key": key}).first()
    if once:
        # Steps beyond the greatest there is are new without a look.
        may_hold = None if found is None or int(points.steps.min()) > found.step else found.id
        points = _unknown(connection, may_hold, points)
        if not len(points):
            return 0
    step, at, value = points.latest()
    if found is None:
        row = {
            "run_id": run_id,
            "key": key,
            "points": len(points),
            "step": step,
            "logged_at": at,
            "value": stored(value),
        }
        made = connection.execute(_NEW_SERIES, row)
        assert made.inserted_primary_key is not None
        _append(connection, int(made.inserted_primary_key[0]), 0, points)
        return len(points)
    changed: dict[str, Any] = {"series": found.id, "total": found.points + len(points)}
    if (step, at, _comparable(value)) >= (found.step, found.logged_at, _comparable(read(found.value))):
        newest = {"newest_step": step, "newest_at": at, "newest_value": stored(value)}
        connection.execute(_GROWN_WITH_LATEST, changed | newest)
    else:
        connection.execute(_GROWN, changed)
    _append(connection, found.id, found.points, points)
    return len(points)


def curve(connection: Connection, series: int, *, steps: tuple[int, int] | None = None) -> Points:
    """The points of a series in the order of their arrival.

    Args:
        steps: only those with a step in this range, both ends included; opens only blocks that can hold some.
    """
    query = select(run_blocks.c.points, run_blocks.c.body).where(run_blocks.c.series == series)
    if steps is not None:
        query = query.where(run_blocks.c.greatest_step >= steps[0], run_blocks.c.least_step <= steps[1])
    parts = [unpack(row.body, row.points) for row in connection.execute(query.order_by(run_blocks.c.first))]
    if not parts:
        return Points.of([], [], [])
    points = join(parts)
    return points if steps is None else points.take((points.steps >= steps[0]) & (points.steps <= steps[1]))


def stored(value: float) -> float | None:
    """SQLite keeps no NaN, so NaN is null everywhere; infinities stay."""
    return None if math.isnan(value) else value


def read(kept: float | None) -> float:
    return math.nan if kept is None else kept


def _append(connection: Connection, series: int, count: int, points: Points) -> None:
    """Write `points` behind the `count` there are, together with the blocks they swallow."""
    begins, total = count, len(points)
    for block in connection.execute(_TAIL, {"of": series}).all():  # from the last one back
        if block.points >= 2 * total or block.points + total > _BLOCK_POINTS:
            break
        begins, total = block.first, total + block.points
    if begins < count:
        swallowed = {"of": series, "from": begins}
        parts = [unpack(row.body, row.points) for row in connection.execute(_BODIES, swallowed)]
        points = join([*parts, points])
        connection.execute(_SWALLOW, swallowed)
    rows = [
        _block(series, begins + start, points.take(slice(start, start + _BLOCK_POINTS)))
        for start in range(0, len(points), _BLOCK_POINTS)
    ]
    connection.execute(_NEW_BLOCK, rows)


def _block(series: int, first: int, points: Points) -> dict[str, Any]:
    return {
        "series": series,
        "first": first,
        "points": len(points),
        **_ranges(points),
        "by_step": envelope(points.steps, points.values),
        "by_time": envelope(points.at, points.values),
        "body": pack(points),
    }


def _ranges(points: Points) -> dict[str, int]:
    return {
        "least_step": int(points.steps.min()),
        "greatest_step": int(points.steps.max()),
        "least_at": int(points.at.min()),
        "greatest_at": int(points.at.max()),
    }


def _unknown(connection: Connection, series: int | None, points: Points) -> Points:
    """Those of `points` that the series does not hold, each once."""
    seen: set[tuple[int, int, int]] = set()
    if series is not None:
        for row in connection.execute(_NEAR, {"of": series, **_ranges(points)}):
            seen.update(_identities(unpack(row.body, row.points)))
    if not seen and bool((np.diff(points.steps) > 0).all()):
        return points  # as most batches come
    fresh = []
    for index, identity in enumerate(_identities(points)):
        if identity not in seen:
            seen.add(identity)
            fresh.append(index)
    return points.take(np.array(fresh, dtype=np.int64))


def _identities(points: Points) -> Iterator[tuple[int, int, int]]:
    # Bits of the value, for NaN is not equal to itself; + 0.0 makes one zero of the two, and all NaN are one.
    values = np.where(np.isnan(points.values), np.nan, points.values + 0.0).view(np.int64)
    return zip(points.steps.tolist(), points.at.tolist(), values.tolist(), strict=True)


def _comparable(value: float) -> float:
    return -math.inf if math.isnan(value) else value
