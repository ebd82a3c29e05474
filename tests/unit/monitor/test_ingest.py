"""Ingest: figures by week and day are what the log says, exactly once, whatever happens on the way."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from sqlalchemy import Connection

from homeostat.core.clock import DAY, HOUR, Clock, Micros
from homeostat.monitor import queries
from homeostat.monitor.records import Figures, Ingested
from homeostat.monitor.service import Monitor
from homeostat.store.db import Database
from monitor_log import MemoryLog


class Crash(Exception):
    pass


class CrashingDatabase(Database):
    """Commits nothing as long as it is told to crash."""

    crashes = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as connection:
            yield connection
            if self.crashes:
                raise Crash


def fill(log: MemoryLog, start: int, rows: int, *, seed: int = 1, version: int = 1) -> None:
    """Predictions an hour apart with honest labels six hours later."""
    rng = np.random.default_rng(seed)
    known = len(log.prediction_rows)
    for row in range(rows):
        at, score = start + row * HOUR, float(rng.random())
        log.predict(f"p{known + row}", at=at, score=score, version=version)
        log.label(f"p{known + row}", float(rng.random() < score), at=at + 6 * HOUR)


def weekly(database: Database) -> list[Figures]:
    with database.read() as connection:
        return queries.figures(connection, "flights")


def test_weeks_and_days_are_counted(monitor: Monitor, database: Database, log: MemoryLog, start: Micros) -> None:
    """Ten days of hourly predictions make two weeks and ten days."""
    fill(log, start, 240)
    monitor.ingest("flights")
    with database.read() as connection:
        days = queries.figures(connection, "flights", "day")
    assert [(start, 168, 168), (start + 7 * DAY, 72, 72)] == [
        (week.start_at, week.predictions, week.labels) for week in weekly(database)
    ]
    assert [24] * 10 == [day.predictions for day in days]


def test_figures_are_those_of_the_rows(monitor: Monitor, database: Database, log: MemoryLog, start: Micros) -> None:
    """The Brier score of a week is the mean squared error of its rows."""
    fill(log, start, 168)
    monitor.ingest("flights")
    rows = zip(log.prediction_rows, log.label_rows, strict=True)
    expected = np.mean([(float(str(p["score"])) - float(str(y["value"]))) ** 2 for p, y in rows])
    assert pytest.approx(expected) == weekly(database)[0].brier


def test_many_small_ingests_equal_one(
    monitor: Monitor, database: Database, log: MemoryLog, clock: Clock, start: Micros
) -> None:
    """Six hours at a time, or everything at once: the same weeks and counts."""
    for step in range(40):
        fill(log, start + step * 6 * HOUR, 6, seed=step)
        piecewise = monitor.ingest("flights")
    by_steps = weekly(database)

    at_once = Monitor(database, clock, log).ingest("flights")

    assert piecewise == at_once
    assert by_steps == weekly(database)


def test_log_that_comes_in_parts_is_read_to_its_end(database: Database, clock: Clock, start: Micros) -> None:
    """One ingest reads everything, also from a log that gives 7 rows at a time."""
    log = MemoryLog(rows_at_once=7)
    fill(log, start, 100)
    found = Monitor(database, clock, log).ingest("flights")
    assert (100, 100) == (found.predictions, found.labels)


def test_late_label_reopens_its_week(monitor: Monitor, database: Database, log: MemoryLog, start: Micros) -> None:
    """A label that comes three weeks late counts in the week of its prediction."""
    log.predict("late", at=start, score=0.3)
    monitor.ingest("flights")
    log.predict("now", at=start + 21 * DAY, score=0.3)
    log.label("late", 1.0, at=start + 21 * DAY)
    monitor.ingest("flights")
    assert [(start, 1), (start + 21 * DAY, 0)] == [(week.start_at, week.labels) for week in weekly(database)]


def test_revision_changes_the_figures(monitor: Monitor, database: Database, log: MemoryLog, start: Micros) -> None:
    """A revised label replaces the old one in the week's figures and is counted."""
    log.predict("p", at=start, score=0.2)
    log.label("p", 1.0, at=start + HOUR)
    monitor.ingest("flights")
    log.label("p", 0.0, at=start + 2 * HOUR)
    log.label("p", 0.0, at=start + 3 * HOUR)
    found = monitor.ingest("flights")
    assert (1, 1, 1) == (found.labels, found.revisions, found.duplicates)
    assert pytest.approx(0.04) == weekly(database)[0].brier


def test_crash_before_the_commit_is_made_good(
    monitor: Monitor, database: Database, log: MemoryLog, clock: Clock, start: Micros
) -> None:
    """A commit that fails leaves the old figures; the next ingest, here or in a new process, ends as if nothing happened."""
    fill(log, start, 100)
    crashing = CrashingDatabase(database.url)
    interrupted = Monitor(crashing, clock, log)
    interrupted.ingest("flights")
    before = weekly(database)
    fill(log, start + 100 * HOUR, 100, seed=2)
    crashing.crashes = True
    with pytest.raises(Crash):
        interrupted.ingest("flights")
    after_crash = weekly(database)
    crashing.crashes = False

    here = interrupted.ingest("flights")
    figures_here = weekly(database)
    elsewhere = monitor.ingest("flights")

    assert before == after_crash
    assert here == elsewhere
    assert figures_here == weekly(database)
    assert 200 == sum(week.predictions for week in figures_here)


def test_failing_log_is_made_good(
    monitor: Monitor, log: MemoryLog, start: Micros, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When labels cannot be read, the predictions read before them are not counted twice later."""
    fill(log, start, 10)

    def fail(system: str, cursor: str) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(log, "labels", fail)
        with pytest.raises(Crash):
            monitor.ingest("flights")
    found = monitor.ingest("flights")
    assert (10, 10, 0) == (found.predictions, found.labels, found.duplicates)


def test_nothing_new_writes_nothing(monitor: Monitor, database: Database, log: MemoryLog, start: Micros) -> None:
    """An ingest that finds nothing opens no write transaction."""
    fill(log, start, 10)
    monitor.ingest("flights")
    crashing = CrashingDatabase(database.url)
    crashing.crashes = True
    monitor._database = crashing
    assert 10 == monitor.ingest("flights").predictions


def test_progress_can_be_read_elsewhere(monitor: Monitor, database: Database, log: MemoryLog, start: Micros) -> None:
    """Pages read from the database what the monitor has ingested; before the first time, nothing."""
    fill(log, start, 10)
    with database.read() as connection:
        before = queries.ingested(connection, "flights")
    found = monitor.ingest("flights")
    with database.read() as connection:
        after = queries.ingested(connection, "flights")
    assert (Ingested(), found) == (before, after)


def test_weeks_begin_where_told(database: Database, clock: Clock, log: MemoryLog, start: Micros) -> None:
    """With an origin on a Tuesday, weeks begin on Tuesdays."""
    fill(log, start, 48)
    monitor = Monitor(database, clock, log, origin=Micros(start + DAY))
    monitor.ingest("flights")
    assert [start - 6 * DAY, start + DAY] == [week.start_at for week in monitor.weekly("flights")]


def test_systems_do_not_mix(monitor: Monitor, database: Database, log: MemoryLog, start: Micros) -> None:
    """Figures of one system are not those of another."""
    fill(log, start, 10)
    monitor.ingest("flights")
    assert [] == monitor.weekly("trains")
