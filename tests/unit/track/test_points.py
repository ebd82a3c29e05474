"""Points in the database: blocks that grow, points that come twice."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from homeostat.core.ids import RunId
from homeostat.store.db import Database
from homeostat.store.db.schema.store import metadata
from homeostat.store.db.schema.track import run_blocks, run_series
from homeostat.track import points, queries
from homeostat.track.blocks import Points

RUN = RunId("run-1")
Row = tuple[int, int, float]


def of(rows: list[Row]) -> Points:
    return Points.of(*zip(*rows, strict=True)) if rows else Points.of([], [], [])


def rows_of(found: Points) -> list[Row]:
    return list(zip(found.steps.tolist(), found.at.tolist(), found.values.tolist(), strict=True))


def test_many_small_batches_make_few_blocks(database: Database) -> None:
    """Batches of a point are readable in order, in as many blocks as their number has binary digits."""
    with database.write() as connection:
        for step in range(300):
            points.add(connection, RUN, "loss", of([(step, step, step / 3)]))
        blocks = connection.execute(select(func.count()).select_from(run_blocks)).scalar_one()
        curve = queries.series(connection, RUN, "loss")

    assert [step / 3 for step in range(300)] == curve.values
    assert blocks <= 9


def test_full_blocks_are_left_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """No block outgrows its limit, in one large batch or in many."""
    monkeypatch.setattr(points, "_BLOCK_POINTS", 64)
    with database.write() as connection:
        points.add(connection, RUN, "loss", of([(step, step, 1.0) for step in range(200)]))
        for step in range(200, 300):
            points.add(connection, RUN, "loss", of([(step, step, 1.0)]))
        sizes = connection.execute(select(run_blocks.c.points)).scalars().all()
        curve = queries.series(connection, RUN, "loss")

    assert max(sizes) <= 64
    assert list(range(300)) == curve.steps


def test_a_range_of_steps_opens_what_it_needs(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only points of the range come back."""
    monkeypatch.setattr(points, "_BLOCK_POINTS", 16)
    with database.write() as connection:
        points.add(connection, RUN, "loss", of([(step, step, float(step)) for step in range(100)]))
        found = queries.series(connection, RUN, "loss", steps=(30, 40))

    assert list(range(30, 41)) == found.steps


some_rows = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.sampled_from([0.0, -0.0, 1.5, math.inf, math.nan])), max_size=12
)


@settings(max_examples=30, deadline=None)
@given(batches=st.lists(some_rows, max_size=6))
def test_repeated_batches_count_once(batches: list[list[Row]]) -> None:
    """However batches overlap and repeat, each (step, time, value) is there once, in the order it first came."""
    database = Database("sqlite://")
    metadata.create_all(database.engine, [run_series, run_blocks])
    expected: dict[tuple[int, int, str], Row] = {}
    with database.write() as connection:
        for batch in [*batches, *batches]:
            points.add(connection, RUN, "loss", of(batch), once=True)
            for row in batch:
                expected.setdefault((row[0], row[1], repr(row[2] + 0.0)), row)
        series = connection.execute(select(run_series)).first()
        found = [] if series is None else rows_of(points.curve(connection, series.id))
    database.close()

    assert [repr(row) for row in expected.values()] == [repr(row) for row in found]
    assert series is None or len(expected) == series.points


def test_late_points_do_not_become_the_latest(database: Database) -> None:
    """The latest is by step, not by arrival."""
    with database.write() as connection:
        points.add(connection, RUN, "loss", of([(9, 9, 0.9)]))
        points.add(connection, RUN, "loss", of([(3, 10, 0.3)]))
        ((newest,),) = queries.latest(connection, [RUN]).values()

    assert (2, 9, 0.9) == (newest.points, newest.step, newest.value)
