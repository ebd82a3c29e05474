"""Readings: met, breach, unknown, and why."""

from dataclasses import dataclass

import numpy as np
import pytest

from homeostat.core.clock import DAY, HOUR, MINUTE, Clock, Micros
from homeostat.monitor import setpoint
from homeostat.monitor.ports import Requests
from homeostat.monitor.records import Reading
from homeostat.monitor.service import Monitor
from homeostat.monitor.setpoints import Setpoint
from homeostat.store.db import Database
from monitor_log import MemoryLog

BRIER = setpoint.performance("brier", at_most=0.19, label_delay="1d")
A_DAY = 400


@dataclass
class Traffic:
    """400 predictions a day. A worse world makes outcomes leave what the scores say."""

    log: MemoryLog
    now: int
    rng: np.random.Generator

    def day(self, *, worse: float = 0.0, labelled: float = 1.0, version: int = 1) -> Micros:
        first = len(self.log.prediction_rows)
        for row in range(A_DAY):
            at, score = self.now + row * 3 * MINUTE, float(self.rng.beta(1, 4))
            self.log.predict(f"p{first + row}", at=at, score=score, version=version)
            if self.rng.random() < labelled:
                self.log.label(f"p{first + row}", float(self.rng.random() < min(1, score + worse)), at=at + 5 * HOUR)
        self.now += DAY
        return Micros(self.now)


@pytest.fixture
def traffic(log: MemoryLog, start: Micros) -> Traffic:
    return Traffic(log, start, np.random.default_rng(1))


def read(monitor: Monitor, one: Setpoint, now: int, since: int | None = None) -> Reading:
    monitor.ingest("flights")
    champion_since = None if since is None else Micros(since)
    (found,) = monitor.read("flights", (one,), now=Micros(now), champion_since=champion_since)
    return found


def test_nothing_is_unknown(monitor: Monitor, start: Micros) -> None:
    """Before the first prediction every setpoint is unknown, and says what is missing."""
    found = read(monitor, BRIER, start)
    assert ("unknown", None, 0) == (found.state, found.value, found.rows)
    assert "No labelled prediction" in found.sentence


def test_good_model_is_met(monitor: Monitor, traffic: Traffic) -> None:
    """A model at 0.13 under a setpoint of 0.19 is met within days, its whole interval inside."""
    for _ in range(6):
        now = traffic.day()
    found = read(monitor, BRIER, now)
    assert "met" == found.state
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.13 < found.high <= 0.19


def test_worse_world_is_a_breach_with_its_onset(monitor: Monitor, traffic: Traffic, start: Micros) -> None:
    """When the world changes after twelve days, the breach is seen within a week and dated to the day of the change."""
    for _ in range(12):
        traffic.day()
    for _ in range(6):
        now = traffic.day(worse=0.4)
    found = read(monitor, BRIER, now)
    assert ("breach", start + 12 * DAY) == (found.state, found.evidence["onset_at"])


def test_slow_excess_adds_up_over_windows(monitor: Monitor, traffic: Traffic) -> None:
    """With a dozen labels a day no window tells 0.24 from 0.19; when it goes on for weeks it is a breach all the same."""
    one = setpoint.performance("brier", at_most=0.19, label_delay="0d", min_coverage=0.01)
    seen = [read(monitor, one, traffic.day(worse=0.18, labelled=0.03)) for _ in range(50)]
    first = next(found for found in seen if found.state == "breach")
    assert first.low is not None
    assert (True, True) == (first.evidence["is_change"], first.low <= 0.19)
    assert "day by day" in first.sentence


def test_one_bad_evening_is_no_breach(monitor: Monitor, traffic: Traffic) -> None:
    """A storm of one day in two good weeks raises the window's loss and no alarm."""
    for day in range(14):
        now = traffic.day(worse=0.6 if day == 10 else 0.0)
    assert "breach" != read(monitor, BRIER, now).state


def test_few_labels_are_unknown(monitor: Monitor, traffic: Traffic) -> None:
    """A dozen labels leave the interval astride of the setpoint."""
    now = traffic.day(labelled=0.03)
    found = read(monitor, setpoint.performance("brier", at_most=0.19, label_delay="0d", min_coverage=0.01), now)
    assert "unknown" == found.state
    assert "straddles" in found.sentence


def test_low_coverage_is_unknown(monitor: Monitor, traffic: Traffic) -> None:
    """When only a third of the labels arrive, those that did may not be like the others: no verdict."""
    for _ in range(8):
        now = traffic.day(labelled=0.3)
    found = read(monitor, BRIER, now)
    assert ("unknown", True) == (found.state, found.coverage is not None and found.coverage < 0.4)
    assert "have a label" in found.sentence


def test_young_predictions_are_not_judged(monitor: Monitor, traffic: Traffic) -> None:
    """Predictions younger than the label delay count neither for the value nor against coverage."""
    for _ in range(3):
        traffic.day()
    now = traffic.day(worse=0.4, labelled=0.5)
    found = read(monitor, BRIER, now)
    assert (3 * A_DAY + 1, True) == (
        found.evidence["predictions"],
        found.coverage is not None and found.coverage > 0.99,
    )


def test_new_champion_is_judged_by_itself(monitor: Monitor, traffic: Traffic) -> None:
    """A breach of the old champion is not held against the new one."""
    for _ in range(6):
        since = traffic.day(worse=0.4)
    before = read(monitor, BRIER, traffic.now)
    for _ in range(6):
        now = traffic.day(version=2)
    after = read(monitor, BRIER, now, since=since)
    assert ("breach", "met") == (before.state, after.state)


def test_reading_often_changes_nothing(
    monitor: Monitor, database: Database, clock: Clock, log: MemoryLog, traffic: Traffic
) -> None:
    """Looked at every six hours or once at the end after a restart: the same reading."""
    for day in range(14):
        now = traffic.day(worse=0.1 if day > 9 else 0.0)
        for hours in (0, 6, 12, 18):
            read(monitor, BRIER, now + hours * HOUR)
    often = read(monitor, BRIER, now + 20 * HOUR)
    once = read(Monitor(database, clock, log), BRIER, now + 20 * HOUR)
    assert once == often


def test_reading_the_past_again(monitor: Monitor, traffic: Traffic) -> None:
    """A reading as of an earlier instant does not know what was predicted later."""
    for _ in range(8):
        early = traffic.day()
    then = read(monitor, BRIER, early)
    for _ in range(3):
        late = traffic.day(worse=0.4)
    read(monitor, BRIER, late)
    assert then == read(monitor, BRIER, early)


def test_false_alarms_are_few(database: Database, clock: Clock, start: Micros) -> None:
    """Of four streams of 30 days exactly at their setpoint at most one breaches; declared is one a year in each."""
    at_setpoint = setpoint.performance("brier", at_most=0.1333, label_delay="0d")  # E p(1 − p) under Beta(1, 4)
    breached = 0
    for seed in range(4):
        log = MemoryLog()
        monitor, traffic = Monitor(database, clock, log), Traffic(log, start, np.random.default_rng(seed))
        states = {read(monitor, at_setpoint, traffic.day()).state for _ in range(30)}
        breached += "breach" in states
    assert breached <= 1


def test_errors(monitor: Monitor, log: MemoryLog, start: Micros) -> None:
    """None of 50 failed: met. One of 50: chance. Ten of 50: breach. No request: unknown."""
    one = setpoint.errors(at_most=0.01)
    states = {}
    for requests in ((0, 0), (0, 50), (1, 50), (10, 50)):
        log.requests = Requests(*requests)
        states[requests] = read(monitor, one, start).state
    assert {(0, 0): "unknown", (0, 50): "met", (1, 50): "unknown", (10, 50): "breach"} == states


def test_latency(monitor: Monitor, log: MemoryLog, start: Micros) -> None:
    """The 99th percentile of the window is compared; slow answers before the window are past."""
    for row in range(3000):
        slow = row % 20 == 0
        log.predict(f"p{row}", at=start + row * MINUTE, score=0.5, latency_ms=400.0 if slow else 3.0)
    breached = read(monitor, setpoint.latency(p99_ms=100), start + 3000 * MINUTE)
    met = read(monitor, setpoint.latency(p99_ms=500), start + 3000 * MINUTE)
    past = read(monitor, setpoint.latency(p99_ms=100), start + 30 * DAY)
    assert [("breach", 400.0), ("met", 400.0), ("unknown", None)] == [
        (found.state, found.value) for found in (breached, met, past)
    ]


def test_age(monitor: Monitor, start: Micros) -> None:
    """Age counts in event time from the end of the training data; without a champion it is unknown."""
    one = setpoint.age(at_most="30d")
    found = [
        monitor.read("flights", (one,), now=Micros(start + days * DAY), champion_trained_at=start)[0]
        for days in (30, 31)
    ]
    assert [("met", 30.0), ("breach", 31.0)] == [(reading.state, reading.value) for reading in found]
    assert "unknown" == read(monitor, one, start).state
