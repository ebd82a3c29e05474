"""Setpoint declarations."""

from collections.abc import Callable

import msgspec
import pytest

from homeostat.core.clock import DAY
from homeostat.core.errors import InvalidDeclaration, InvalidDuration
from homeostat.monitor import setpoint
from homeostat.monitor.setpoints import Performance, Setpoint

ALL: tuple[Setpoint, ...] = (
    setpoint.performance("brier", at_most=0.19, label_delay="1d"),
    setpoint.drift("psi", at_most=0.25),
    setpoint.errors(at_most=0.001),
    setpoint.latency(p99_ms=100),
    setpoint.age(at_most="30d"),
)


def test_json_both_ways() -> None:
    """A server shows and stores setpoints without importing user code: JSON gives them back, kinds and all."""
    stored = msgspec.json.encode(ALL)
    assert msgspec.json.decode(stored, type=tuple[Setpoint, ...]) == ALL


def test_names_are_distinct() -> None:
    """Each has a name of its own within a system, and a limit in the unit of its reading."""
    expected = {"performance:brier": 0.19, "drift:psi": 0.25, "errors": 0.001, "latency": 100, "age": 30}
    assert expected == {one.name: one.limit for one in ALL}


def test_durations_are_kept_in_microseconds() -> None:
    """`1d` and `14d` are what people write; instants are microseconds."""
    declared = setpoint.performance("error_rate", at_most=0.2, label_delay="1d", window="14d")
    assert Performance(loss="error_rate", at_most=0.2, label_delay_us=DAY, window_us=14 * DAY) == declared


@pytest.mark.parametrize(
    ("declare", "named"),
    [
        (lambda: setpoint.performance("rmse", at_most=0.1, label_delay="1d"), "'rmse'"),  # type: ignore[arg-type]
        (lambda: setpoint.performance("brier", at_most=1.2, label_delay="1d"), "1.2"),
        (lambda: setpoint.performance("brier", at_most=0.1, label_delay="1d", min_coverage=1.5), "1.5"),
        (lambda: setpoint.performance("brier", at_most=0.1, label_delay="1d", false_alarms_per_year=0), "is 0"),
        (lambda: setpoint.drift("psi", at_most=-1), "-1"),
        (lambda: setpoint.drift("chi2", at_most=1), "psi, js, ks, w1"),  # type: ignore[arg-type]
        (lambda: setpoint.errors(at_most=5), "is 5"),
        (lambda: setpoint.latency(p99_ms=0), "is 0"),
        (lambda: setpoint.errors(at_most=0.1, window="0d"), "window is 0"),
    ],
)
def test_refuses_what_cannot_be_held(declare: Callable[[], Setpoint], named: str) -> None:
    """A declaration that makes no sense is refused where it is written, naming the value."""
    with pytest.raises(InvalidDeclaration) as caught:
        declare()
    assert named in caught.value.message


def test_refuses_what_is_no_duration() -> None:
    """A delay of `tomorrow` is refused with the units there are."""
    with pytest.raises(InvalidDuration, match="tomorrow"):
        setpoint.performance("brier", at_most=0.1, label_delay="tomorrow")
