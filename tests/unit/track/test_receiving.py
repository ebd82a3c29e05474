"""Frames of a spool that lies with a client: each is taken once, in order, or refused by name."""

import struct
import zlib

import msgspec
import numpy as np
import pytest

from homeostat.core.clock import Micros
from homeostat.core.errors import BadData
from homeostat.core.ids import RunId
from homeostat.store.db import Database
from homeostat.track import queries
from homeostat.track.records import Curve, Started
from homeostat.track.service import Runs
from homeostat.track.spool import frame

NOON = Micros(1_366_027_200_000_000)
RUN = RunId("run-1")
SPOOL = f"{RUN}.s-1"


def started(run_id: RunId = RUN) -> bytes:
    return frame(
        Started(id=run_id, at=NOON, name="away", kind="run", system="", parent="", surroundings={}, user="ann")
    )


def points(*values: float) -> bytes:
    steps = np.arange(len(values), dtype=np.int64).tobytes()
    return frame(Curve(key="loss", steps=steps, at=steps, values=np.array(values).tobytes()))


def kept(database: Database) -> list[float]:
    with database.read() as connection:
        return list(queries.series(connection, RUN, "loss").values)


def test_what_is_sent_twice_is_taken_once(runs: Runs, database: Database) -> None:
    """A client whose answer was lost sends again, and is told how far it is."""
    first, second = started(), points(0.5, 0.4)

    ends = [
        runs.receive(SPOOL, 0, first),
        runs.receive(SPOOL, len(first), second),
        runs.receive(SPOOL, len(first), second),
        runs.receive(SPOOL, 0, first + second),
    ]

    assert [len(first), *[len(first + second)] * 3] == ends
    assert [0.5, 0.4] == kept(database)


def test_what_comes_too_early_is_not_taken(runs: Runs, database: Database) -> None:
    """The answer says from where on to send; nothing between is lost."""
    first, second, third = started(), points(1.0), points(2.0)
    runs.receive(SPOOL, 0, first)

    assert len(first) == runs.receive(SPOOL, len(first + second), third)
    runs.receive(SPOOL, len(first), second + third)
    assert [1.0, 2.0] == kept(database)


def test_half_a_frame_waits_for_its_rest(runs: Runs, database: Database) -> None:
    """Whole frames before it are taken; it is sent again from its beginning."""
    whole, half = started(), points(1.0)[:-3]

    assert len(whole) == runs.receive(SPOOL, 0, whole + half)
    with pytest.raises(BadData, match="no whole frame of run run-1"):
        runs.receive(SPOOL, len(whole), half)


@pytest.mark.parametrize(
    "wrong",
    [
        started(RunId("run-2")),
        frame(Curve(key="loss", steps=b"", at=bytes(8), values=bytes(8))),
        b"",
        b"no frame at all",
    ],
)
def test_what_is_not_of_the_run_is_refused(runs: Runs, database: Database, wrong: bytes) -> None:
    """Frames of another run, or that are none, change nothing."""
    with pytest.raises(BadData):
        runs.receive(SPOOL, 0, wrong)
    with database.read() as connection:
        assert [] == queries.recent(connection)


def test_a_later_version_is_named(runs: Runs) -> None:
    """An event this version does not know is said to be that."""
    body = msgspec.msgpack.encode(["unheard-of", 1])

    with pytest.raises(BadData, match="does not know"):
        runs.receive(SPOOL, 0, struct.pack("<II", len(body), zlib.crc32(body)) + body)


def test_a_run_whose_process_died_ends_as_killed(runs: Runs, database: Database) -> None:
    """Once, and only if it was running."""
    runs.receive(SPOOL, 0, started())

    assert [True, False] == [runs.mark_killed(RUN), runs.mark_killed(RUN)]
