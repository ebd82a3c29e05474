"""Drift of inputs and score against a reference."""

import numpy as np
import pyarrow as pa
import pytest

from homeostat.core.clock import DAY, MINUTE, Clock, Micros
from homeostat.monitor import queries, setpoint
from homeostat.monitor.inputs import reference_of
from homeostat.monitor.records import Reading
from homeostat.monitor.service import Monitor
from homeostat.store.db import Database
from monitor_log import MemoryLog

PSI = setpoint.drift("psi", at_most=0.25)


def days(log: MemoryLog, start: int, count: int, *, hour: float = 12.0, origin: str = "JFK", seed: int = 1) -> int:
    """Two hundred rows a day; returns the instant after them."""
    rng = np.random.default_rng(seed)
    for row in range(200 * count):
        known = len(log.prediction_rows)
        log.predict(
            f"p{known}",
            at=start + row * 7 * MINUTE,
            score=float(rng.random()),
            in_hour=float(rng.normal(hour, 3)),
            in_origin=origin if rng.random() < 0.6 else "LGA",
        )
    return start + count * DAY


def read(monitor: Monitor, now: int) -> Reading:
    monitor.ingest("flights")
    return monitor.read("flights", (PSI,), now=Micros(now))[0]


def test_without_a_reference_it_is_unknown(monitor: Monitor, log: MemoryLog, start: Micros) -> None:
    """In the first days there is nothing to compare with, and the reading says so."""
    found = read(monitor, days(log, start, 5))
    assert ("unknown", None) == (found.state, found.value)
    assert "no reference" in found.sentence


def test_first_days_are_the_reference(monitor: Monitor, log: MemoryLog, start: Micros) -> None:
    """After two weeks the same kind of rows lies at distance zero: met."""
    found = read(monitor, days(log, start, 22))
    assert ("met", 0) == (found.state, found.evidence["reference_version"])
    assert found.value is not None
    assert found.value < 0.05


def test_drifted_columns_are_named(monitor: Monitor, log: MemoryLog, start: Micros) -> None:
    """A shifted number and an unseen category are a breach; the steady score is not among them."""
    now = days(log, start, 16)
    found = read(monitor, days(log, now, 8, hour=18.0, origin="EWR", seed=2))
    assert "breach" == found.state
    assert {"hour", "origin"} == set(found.evidence["drifted"])
    assert "hour" in found.sentence


def test_reference_of_the_training_rows(monitor: Monitor, database: Database, log: MemoryLog, start: Micros) -> None:
    """The rows a version was trained on are the reference from then on, with or without the log's prefix."""
    now = days(log, start, 8)
    rng = np.random.default_rng(3)
    trained_on = pa.table({"hour": rng.normal(20, 3, size=5000), "origin": ["LGA"] * 5000, "time": [start] * 5000})
    monitor.ingest("flights")
    with database.write() as connection:
        monitor.set_reference(connection, "flights", trained_on, version=7)
    found = read(monitor, now)
    assert ("breach", 7) == (found.state, found.evidence["reference_version"])
    assert {"hour", "origin"} == {entry["feature"] for entry in found.evidence["features"]}


def test_reference_outlives_the_process(
    monitor: Monitor, database: Database, clock: Clock, log: MemoryLog, start: Micros
) -> None:
    """A new process compares with the reference that was set last, over the same days."""
    now = days(log, start, 20)
    with database.write() as connection:
        rows = pa.table({"in_hour": np.random.default_rng(3).normal(12, 3, 5000)})
        monitor.set_reference(connection, "flights", rows, version=1)
    before = read(monitor, now)
    after = read(Monitor(database, clock, log), now)
    assert before == after
    assert 1 == after.evidence["reference_version"]


def test_six_hours_at_a_time_or_at_once(
    monitor: Monitor, database: Database, clock: Clock, log: MemoryLog, start: Micros
) -> None:
    """However the log is read, a window holds the same rows."""
    now: int = start
    for day in range(20):
        now = days(log, now, 1, seed=day)
        by_days = read(monitor, now)
    assert by_days == read(Monitor(database, clock, log), now)


def test_few_rows_are_unknown(monitor: Monitor, log: MemoryLog, start: Micros) -> None:
    """After a month of silence a hundred rows are no window."""
    days(log, start, 20)
    for row in range(100):
        log.predict(f"x{row}", at=start + 50 * DAY, score=0.5)
    found = read(monitor, start + 51 * DAY)
    assert ("unknown", True) == (found.state, "500 are needed" in found.sentence)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1, 2, None]), "Numbers"),
        (pa.array([1.5, float("nan"), 2.0]), "Numbers"),
        (pa.array(["a", None, "b"]), "Categories"),
        (pa.array([True, False, True]), "Categories"),
        (pa.array(["a", "b", "a"]).dictionary_encode(), "Categories"),
    ],
)
def test_columns_are_counted_by_their_type(column: pa.Array, kind: str) -> None:
    """Numbers get edges, text and booleans get levels, and every row is counted."""
    feature = reference_of(pa.table({"in_x": column}), version=1).features["x"]
    assert (kind, 3) == (type(feature.cells).__name__, sum(feature.counts))


def test_columns_that_say_nothing_are_left_out() -> None:
    """Instants always move, and a column of nulls has no cells."""
    table = pa.table({"at": pa.array([1], pa.timestamp("us")), "void": pa.array([None], pa.float64())})
    assert {} == reference_of(table, version=1).features


def test_heat_map_rows(monitor: Monitor, database: Database, log: MemoryLog, start: Micros) -> None:
    """Kept drift readings give the distance of each feature over time."""
    found = read(monitor, days(log, start, 22))
    with database.write() as connection:
        monitor.record(connection, [found])
    with database.read() as connection:
        rows = queries.drift_by_feature(connection, "flights", PSI.name)
    assert {"hour", "origin", "score"} == {row.feature for row in rows}
    assert {found.at} == {row.at for row in rows}
