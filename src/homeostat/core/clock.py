"""Time, as every part of Homeostat sees it.

Event time is microseconds since 1970-01-01 UTC in an int (`Micros`): exact, ordered, and the unit of Arrow's
`timestamp[us]`. In live operation it is the wall clock. In a replay it is a watermark that all processes of the
workspace share through one small file, so that a year passes in minutes with the very same code.

Leases, time-outs and latencies are about the machine, not about the world: they use `time.monotonic` and
`time.time` directly, never a Clock.
"""

import os
import struct
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns
from typing import NewType, Protocol

from homeostat.core.errors import UserError

Micros = NewType("Micros", int)

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_WATERMARK = struct.Struct("<q")


class Clock(Protocol):
    """Tells event time. Never goes back."""

    def now(self) -> Micros: ...


class WallClock:
    """Event time is the machine's time."""

    def now(self) -> Micros:
        # Each logged point is dated: a call of Micros, which does nothing, would cost as much again.
        return time_ns() // 1000  # type: ignore[return-value]


class Watermark:
    """Event time of a replay: an int64 in a file, advanced by one process and read by all.

    A read is one `pread` of 8 bytes, which the kernel does atomically for an aligned write of the same length.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def now(self) -> Micros:
        raw = os.pread(self._fd, _WATERMARK.size, 0)
        return Micros(_WATERMARK.unpack(raw)[0]) if raw else Micros(0)

    def advance(self, to: Micros) -> None:
        """Move event time forward.

        Raises: UserError if `to` lies before the present watermark: what was decided cannot be undecided.
        """
        now = self.now()
        if to < now:
            raise UserError(f"The watermark is at {iso(now)} and cannot go back to {iso(to)}.")
        os.pwrite(self._fd, _WATERMARK.pack(to), 0)

    def close(self) -> None:
        os.close(self._fd)


class FixedClock:
    """A clock that stands where it is put: for tests and for reading history as of an instant."""

    def __init__(self, at: Micros) -> None:
        self._at = at

    def now(self) -> Micros:
        return self._at

    def advance(self, by: int) -> None:
        self._at = Micros(self._at + by)


def micros(moment: datetime) -> Micros:
    """Microseconds since the epoch of an aware datetime.

    Raises: UserError if `moment` has no time zone: guessing one is how days go missing.
    """
    if moment.tzinfo is None:
        raise UserError(f"{moment.isoformat()} has no time zone. Say which: {moment.isoformat()}+00:00.")
    # Integer arithmetic: a float timestamp loses microseconds.
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return Micros((delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds)


def moment(at: int) -> datetime:
    """The aware UTC datetime of `at` microseconds."""
    seconds, rest = divmod(at, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def iso(at: int) -> str:
    """`2013-04-12T06:00:00Z`: for people and for JSON."""
    text = moment(at).isoformat(timespec="seconds" if at % SECOND == 0 else "microseconds")
    return text.replace("+00:00", "Z")


def parse_iso(text: str) -> Micros:
    """The instant of an ISO 8601 text; a text without a zone is UTC.

    Raises: UserError if it is not one.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is not a date or time. Write it as 2013-04-12 or 2013-04-12T06:00:00Z.") from None
    return micros(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))
