import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.clock import (
    DAY,
    SECOND,
    FixedClock,
    Micros,
    WallClock,
    Watermark,
    iso,
    micros,
    moment,
    parse_iso,
)
from homeostat.core.errors import UserError

APRIL = Micros(1_365_746_400_000_000)  # 2013-04-12T06:00:00Z

zones = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones)  # noqa: DTZ001  # hypothesis adds the zone
# Years 1 to 9999: what datetime can say.
instants = st.integers(micros(datetime(1, 1, 1, tzinfo=UTC)), micros(datetime(9999, 12, 31, tzinfo=UTC)))


@pytest.fixture
def watermark(tmp_path: Path) -> Iterator[Watermark]:
    opened = Watermark(tmp_path / "watermark")
    yield opened
    opened.close()


@given(moments)
def test_micros_and_moment_are_inverse(when: datetime) -> None:
    """No microsecond is lost between datetime and int, in any zone and century."""
    assert when == moment(micros(when))


@given(instants)
def test_iso_and_parse_iso_are_inverse(at: int) -> None:
    """What people read names the very instant."""
    assert at == parse_iso(iso(at))


@given(instants, instants)
def test_order_of_instants_is_order_of_moments(first: int, second: int) -> None:
    """Comparing ints compares instants, also before 1970."""
    assert (first < second) == (moment(first) < moment(second))


def test_known_instant() -> None:
    """The epoch is Unix's, the unit the microsecond."""
    assert APRIL == micros(datetime(2013, 4, 12, 6, tzinfo=UTC))
    assert "2013-04-12T06:00:00Z" == iso(APRIL)
    assert "2013-04-12T06:00:00.000001Z" == iso(APRIL + 1)


@pytest.mark.parametrize(
    "text", ["2013-04-12T06:00:00Z", "2013-04-12T06:00", "2013-04-12T08:00:00+02:00", "2013-04-12 06:00:00"]
)
def test_spellings_of_one_instant(text: str) -> None:
    """A text without a zone is UTC; any other zone is honoured."""
    assert APRIL == parse_iso(text)


def test_date_is_its_midnight() -> None:
    """A date alone names its first instant."""
    assert APRIL - 6 * 3600 * SECOND == parse_iso("2013-04-12")


@pytest.mark.parametrize("text", ["", "yesterday", "2013-13-01", "12.04.2013"])
def test_what_is_no_instant_is_named(text: str) -> None:
    """The message repeats what was given and shows how to write it."""
    with pytest.raises(UserError, match="Write it as 2013-04-12") as caught:
        parse_iso(text)

    assert repr(text) in caught.value.message


def test_moment_without_zone_is_refused() -> None:
    """A guessed zone is how days go missing, so none is guessed."""
    with pytest.raises(UserError, match="has no time zone"):
        micros(datetime(2013, 4, 12))  # noqa: DTZ001  # what the test is about


def test_wall_clock_is_the_machines_time() -> None:
    """In live operation event time is now."""
    before = time.time_ns() // 1000
    now = WallClock().now()

    assert before <= now <= time.time_ns() // 1000


def test_fixed_clock_moves_only_when_told() -> None:
    """A fixed clock stands, and moves by what it is told."""
    clock = FixedClock(APRIL)
    clock.advance(DAY)

    assert APRIL + DAY == clock.now() == clock.now()


def test_watermark_begins_at_the_epoch(watermark: Watermark) -> None:
    """Before anybody advanced it, it is 1970."""
    assert 0 == watermark.now()


def test_watermark_is_kept(tmp_path: Path, watermark: Watermark) -> None:
    """Whoever opens the file next goes on from where it stands."""
    watermark.advance(APRIL)
    again = Watermark(tmp_path / "watermark")

    assert APRIL == again.now()
    again.close()


def test_watermark_cannot_go_back(watermark: Watermark) -> None:
    """What was decided cannot be undecided: the move is refused and changes nothing."""
    watermark.advance(APRIL)

    with pytest.raises(UserError, match=r"at 2013-04-12T06:00:00Z and cannot go back to 2013-04-12T05:59:59\.999999Z"):
        watermark.advance(Micros(APRIL - 1))
    assert APRIL == watermark.now()


def test_watermark_may_stand(watermark: Watermark) -> None:
    """To advance to where it is already is no error: a driver may repeat itself."""
    watermark.advance(APRIL)
    watermark.advance(APRIL)

    assert APRIL == watermark.now()


def test_two_processes_share_a_watermark(tmp_path: Path, watermark: Watermark) -> None:
    """An advance in one process is seen at once by another that had the file open before."""
    code = f"""
import sys
from pathlib import Path
from homeostat.core.clock import Micros, Watermark
watermark = Watermark(Path(sys.argv[1]))
print(watermark.now(), flush=True)
sys.stdin.readline()
print(watermark.now(), flush=True)
watermark.advance(Micros({APRIL} + 2))
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "watermark")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    first = int(child.stdout.readline())
    watermark.advance(APRIL)
    rest, _ = child.communicate("look again\n", timeout=30)

    assert [0, APRIL] == [first, int(rest)]
    assert APRIL + 2 == watermark.now()
