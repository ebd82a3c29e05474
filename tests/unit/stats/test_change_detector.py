"""The e-SR detector: false alarms, delays, resumption, onset."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.core.errors import BadData, InvalidDeclaration
from homeostat.stats.change_detector import ChangeDetector, detector, update

STREAMS = 40
ARL = 1e4


def alarm_at(x: np.ndarray, setpoint: float, every: int = 100) -> float:
    """Observations until the first alarm when looked at every 100; infinite without one."""
    state = detector(setpoint)
    for start in range(0, len(x), every):
        batch = x[start : start + every]
        state = update(state, batch, np.arange(start, start + len(batch)))
        if state.is_alarm(ARL):
            return start + len(batch)
    return math.inf


def test_seldom_alarms_inside_the_setpoint() -> None:
    """At 0.20 under a setpoint of 0.22 few streams of 20,000 alarm, at a mean time to false alarm of 10,000 or more."""
    rng = np.random.default_rng(1)
    alarms = [alarm_at((rng.random(20_000) < 0.2).astype(float), 0.22) for _ in range(STREAMS)]
    assert np.mean(np.isfinite(alarms)) <= 0.25


def test_mean_time_to_false_alarm_on_the_setpoint() -> None:
    """Exactly on the setpoint, the worst case of the null, the mean time to an alarm is the ARL or longer."""
    rng = np.random.default_rng(2)
    times = [min(alarm_at((rng.random(40_000) < 0.22).astype(float), 0.22), 40_000) for _ in range(STREAMS)]
    assert np.mean(times) >= ARL


def test_finds_a_change_soon() -> None:
    """From 0.2 to 0.3 under a setpoint of 0.22: a median delay of about 250 observations, as published."""
    rng = np.random.default_rng(3)
    delays = []
    for _ in range(STREAMS):
        x = np.concatenate((rng.random(5000) < 0.2, rng.random(5000) < 0.3)).astype(float)
        delays.append(alarm_at(x, 0.22) - 5000)
    assert 150 <= np.median(delays) <= 350


def test_says_when_the_change_began() -> None:
    """The onset lies near the change, not near the alarm."""
    rng = np.random.default_rng(4)
    x = np.concatenate((rng.random(3000) < 0.1, rng.random(1000) < 0.5)).astype(float)
    state = update(detector(0.2), x, np.arange(len(x)))
    assert 2950 <= state.onset <= 3050


def test_mean_m_is_the_recursion() -> None:
    """The evidence is log(mean M + 1) of M <- (M + 1)(1 + λ(x − m)), as written step by step."""
    x = np.random.default_rng(5).random(40)
    bets = np.geomspace(0.01, 0.9, 8) / 0.4
    m = np.zeros(8)
    for value in x:
        m = (m + 1) * (1 + bets * (value - 0.4))
    assert pytest.approx(math.log1p(m.mean())) == update(detector(0.4), x, np.arange(40)).evidence


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=60), st.data())
def test_any_batching_gives_the_same_evidence(values: list[float], data: st.DataObject) -> None:
    """A stream in two batches, with the state stored as JSON between them, ends with the evidence of the whole."""
    cut = data.draw(st.integers(0, len(values)))
    x, marks = np.array(values), np.arange(len(values))

    stored = msgspec.json.encode(update(detector(0.3), x[:cut], marks[:cut]))
    resumed = update(msgspec.json.decode(stored, type=ChangeDetector), x[cut:], marks[cut:])

    assert pytest.approx(update(detector(0.3), x, marks).evidence) == resumed.evidence


def test_refuses_losses_outside_the_unit_interval() -> None:
    """A loss of 1.5 would make the bets worthless."""
    with pytest.raises(BadData, match=r"1\.5"):
        update(detector(0.2), np.array([1.5]), np.array([0]))


@pytest.mark.parametrize("setpoint", [0.0, 1.0, -0.1])
def test_refuses_a_setpoint_that_cannot_be_crossed(setpoint: float) -> None:
    """A loss in [0, 1] always meets a setpoint of 1 and never one of 0."""
    with pytest.raises(InvalidDeclaration):
        detector(setpoint)
