import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.clock import DAY, HOUR, MINUTE, SECOND
from homeostat.core.durations import Rate, duration_us, rate, spoken
from homeostat.core.errors import InvalidDuration


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("250ms", 250_000),
        ("30s", 30 * SECOND),
        ("30m", 30 * MINUTE),
        ("6h", 6 * HOUR),
        ("56d", 56 * DAY),
        ("2w", 14 * DAY),
        ("1.5h", 90 * MINUTE),
        (" 6 h ", 6 * HOUR),
        ("0s", 0),
    ],
)
def test_number_and_unit(text: str, us: int) -> None:
    """A duration is a number and a unit."""
    assert us == duration_us(text)


@given(st.integers(0, 100_000), st.sampled_from(["ms", "s", "m", "h", "d", "w"]))
def test_durations_are_linear_and_exact(number: int, unit: str) -> None:
    """Twice the number is twice the time, to the microsecond."""
    assert number * duration_us(f"1{unit}") == duration_us(f"{number}{unit}")


@pytest.mark.parametrize("text", ["", "6", "h", "-6h", "6 hours", "6h30m", "six h", "6y", "1e3s", "6M"])
def test_what_is_no_duration_is_named(text: str) -> None:
    """The message repeats the text and lists the units there are."""
    with pytest.raises(InvalidDuration, match="ms, s, m, h, d, w") as caught:
        duration_us(text)

    assert repr(text) in caught.value.message


def test_rate() -> None:
    """A rate is a count and a duration."""
    assert Rate(times=6, per_us=30 * DAY) == rate("6 per 30d")


@pytest.mark.parametrize("text", ["6", "6/30d", "per 30d", "6 per", "6 per month", "-1 per 1d", "1.5 per 1d"])
def test_what_is_no_rate_is_named(text: str) -> None:
    """A rate that cannot be read is refused, naming the part that cannot."""
    with pytest.raises(InvalidDuration) as caught:
        rate(text)

    assert text.rpartition("per ")[2] in caught.value.message


@pytest.mark.parametrize(
    ("us", "words"),
    [
        (0, "0 s"),
        (90 * SECOND, "90 s"),
        (2 * MINUTE, "2 min"),
        (90 * MINUTE, "90 min"),
        (36 * HOUR, "36 h"),
        (60 * HOUR, "60 h"),
        (3 * DAY, "3 d"),
        (7 * DAY + 12 * HOUR, "7.5 d"),
    ],
)
def test_spoken(us: int, words: str) -> None:
    """People see the largest unit that keeps the number small."""
    assert words == spoken(us)
