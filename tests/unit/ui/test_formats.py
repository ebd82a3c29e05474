import pytest

from homeostat.core.clock import DAY, HOUR, MINUTE, SECOND, parse_iso
from homeostat.ui import formats

NOW = parse_iso("2013-04-12T06:00:00Z")


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (0, "just now"),
        (30 * SECOND, "30 seconds ago"),
        (90 * SECOND, "1 minute ago"),
        (5 * MINUTE, "5 minutes ago"),
        (3 * HOUR, "3 hours ago"),
        (3 * DAY, "3 days ago"),
        (90 * DAY, "3 months ago"),
        (800 * DAY, "2 years ago"),
        (-40 * MINUTE, "in 40 minutes"),
    ],
)
def test_ages_read_in_their_largest_unit(gap: int, text: str) -> None:
    """A time is told from the workspace's now, before or after it."""
    assert text == formats.ago(NOW - gap, NOW)


def test_values_carry_their_unit() -> None:
    """Shares read as percent, others with their unit, missing ones as a dash."""
    read = [
        formats.measure(0.0005, "%", 2),
        formats.measure(41, "ms", 0),
        formats.measure(-0.5, ""),
        formats.measure(None, "ms"),
    ]

    assert ["0.05 %", "41 ms", "−0.500", "–"] == read


def test_a_band_says_its_unit_once() -> None:
    """Both ends of a band read in the same unit."""
    assert ["39 to 44 ms", "0.0 to 0.4 %", "–"] == [
        formats.between(39, 44, "ms", 0),
        formats.between(0, 0.004, "%", 1),
        formats.between(None, 1),
    ]


def test_sizes_and_counts() -> None:
    """Numbers are grouped, sizes are in powers of ten, nouns agree."""
    read = [
        formats.count(5930),
        formats.size(12_345_678),
        formats.size(3 * 10**12),
        formats.plural(1, "row"),
        formats.plural(2, "row"),
    ]

    assert ["5,930", "12.3 MB", "3 TB", "1 row", "2 rows"] == read


def test_days_are_utc() -> None:
    """Days and exact times are those of UTC."""
    assert ("12 Apr 2013", "12 Apr 2013, 06:00:00 UTC") == (formats.day(NOW), formats.exact(NOW))


def test_how_long_something_ran() -> None:
    """Below a second in milliseconds, above as durations are spoken."""
    assert ["0.4 ms", "68.4 ms", "1.34 s", "14 min"] == [
        formats.took(us) for us in (400, 68_400, 1_340_000, 14 * 60 * 1_000_000)
    ]
