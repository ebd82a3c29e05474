"""What stands around a run."""

import math

import pytest

from homeostat.core.clock import SECOND, FixedClock
from homeostat.store.db import Database
from homeostat.track import around, queries, retention
from homeostat.track.records import RunRecord
from homeostat.track.service import Runs

from .conftest import NOON


def made(runs: Runs, clock: FixedClock, name: str, **values: float) -> str:
    clock.advance(SECOND)
    with runs.start(name, experiment="tuning") as run:
        run.metrics(values)
    return str(run.id)


def record(database: Database, run_id: str) -> RunRecord:
    with database.read() as connection:
        return queries.records(connection, [run_id])[0]


def test_neighbours_are_near_in_time(database: Database, runs: Runs, clock: FixedClock) -> None:
    """At most so many before and after, and the nearest before of the same name, however far it is; deleted ones are none."""
    namesake, *ids = [made(runs, clock, name) for name in ("same", "a", "b", "gone", "same", "c", "d")]
    other = runs.start("elsewhere", experiment="other")
    other.finish()
    with database.write() as connection:
        retention.throw_away(connection, [ids[2]], NOON)
    with database.read() as connection:
        found = around.neighbours(connection, record(database, ids[3]), limit=1)

    assert [namesake, ids[1], ids[4]] == [one.id for one in found]


@pytest.mark.parametrize(("is_lower_better", "ranks"), [(True, [1, 2, 2, 4, 5]), (False, [4, 2, 2, 1, 5])])
def test_values_are_ranked(
    database: Database, runs: Runs, clock: FixedClock, ranks: list[int], *, is_lower_better: bool
) -> None:
    """Equal values share a rank, NaN is last, and a run without the metric does not count."""
    ids = [made(runs, clock, "r", loss=value) for value in (1.0, 2.0, 2.0, 3.0, math.nan)]
    made(runs, clock, "without", other=1.0)
    with database.read() as connection:
        latest = queries.latest(connection, ids)
        found = [
            around.standing(connection, record(database, id_), latest[id_][0], is_lower_better=is_lower_better)
            for id_ in ids
        ]

    assert [(rank, 5) for rank in ranks] == [(one.rank, one.total) for one in found]


def test_whatever_is_said_moves_a_run(database: Database, runs: Runs) -> None:
    """A point moves its metric, a word moves what was said, silence moves nothing, and a run that is not there is None."""
    run = runs.start("moving")
    seen: list[around.Movement | None] = []

    def look() -> None:
        run.flush()
        with database.read() as connection:
            seen.append(around.movement(connection, run.id))

    look()
    run.log(loss=1.0)
    look()
    run.tag("a", "b")
    look()
    look()
    run.finish()
    first, point, word, silence = [one for one in seen if one is not None]
    with database.read() as connection:
        ended, nobody = around.movement(connection, run.id), around.movement(connection, "nobody")

    assert ({}, {(run.id, "loss"): 1}) == (first.points, point.points)
    assert (True, True) == (word.said > point.said, word == silence)
    assert ended is not None
    assert ("running", "finished", None) == (silence.status, ended.status, nobody)


def test_parts_are_told_and_counted(database: Database, runs: Runs, clock: FixedClock) -> None:
    """Parts come in the order they began, of one kind if asked for, and are counted beyond what is read."""
    parent = made(runs, clock, "parent")
    found: list[str] = []
    for number in range(3):
        clock.advance(SECOND)
        with runs.start(f"part-{number}", kind="node" if number else "run", parent=parent) as part:
            found.append(part.id)
    with database.read() as connection:
        parts = [one.id for one in around.parts(connection, parent, limit=2)]
        nodes = [one.id for one in around.parts(connection, parent, limit=9, kind=around.NODE)]
        count = around.count_parts(connection, parent)

    assert (found[:2], found[1:], 3) == (parts, nodes, count)
