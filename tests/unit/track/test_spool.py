"""The spool: whole frames or nothing."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.ids import RunId
from homeostat.track.records import Event, Noted
from homeostat.track.spool import Spool, frame, spools

RUN = RunId("run-1")


def notes(spool: Spool, offset: int = 0, most_bytes: int = 1 << 20) -> list[Event]:
    return spool.read(offset, most_bytes).events


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Events come back in order, from any frame on."""
    spool = Spool.create(tmp_path, RUN)
    said = [Noted(text=text) for text in ("a", "b" * 100, "")]
    spool.append(b"".join(frame(event) for event in said))
    first = spool.read(0, len(frame(said[0])))

    assert (said[:1], said[1:]) == (first.events, notes(spool, first.end))
    spool.close(delete=True)


@given(texts=st.lists(st.text(), min_size=1, max_size=5), data=st.data())
def test_a_torn_tail_costs_only_the_torn_frame(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    """Cut anywhere, a spool reads as the frames that are whole."""
    frames = [frame(Noted(text=text)) for text in texts]
    cut = data.draw(st.integers(0, sum(map(len, frames))))
    spool = Spool.create(tmp_path_factory.mktemp("spool"), RUN)
    spool.append(b"".join(frames)[:cut])

    whole = sum(sum(map(len, frames[: index + 1])) <= cut for index in range(len(frames)))
    assert [Noted(text=text) for text in texts[:whole]] == notes(spool)
    spool.close(delete=True)


def test_a_flipped_bit_ends_the_reading(tmp_path: Path) -> None:
    """A frame that is not what was written is not believed."""
    spool = Spool.create(tmp_path, RUN)
    good, bad = frame(Noted(text="good")), bytearray(frame(Noted(text="bad")))
    bad[-1] ^= 1
    spool.append(good + bad)

    assert [Noted(text="good")] == notes(spool)
    spool.close(delete=True)


def test_a_frame_larger_than_the_batch_is_read_whole(tmp_path: Path) -> None:
    """A small batch never stands still before a large frame."""
    spool = Spool.create(tmp_path, RUN)
    spool.append(frame(Noted(text="x" * 1000)))

    assert [Noted(text="x" * 1000)] == notes(spool, most_bytes=16)
    spool.close(delete=True)


def test_failed_append_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills in the middle of a write, the spool is as before and goes on later."""
    spool = Spool.create(tmp_path, RUN)
    spool.append(frame(Noted(text="before")))
    whole_write = os.pwrite
    writes = iter([3])

    def filling(descriptor: int, content: bytes, offset: int) -> int:
        if (room := next(writes, None)) is None:
            raise OSError(28, "No space left on device")
        return whole_write(descriptor, content[:room], offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", filling)
        with pytest.raises(OSError, match="No space"):
            spool.append(frame(Noted(text="lost")))
    spool.append(frame(Noted(text="after")))

    assert [Noted(text="before"), Noted(text="after")] == notes(spool)
    spool.close(delete=True)


def test_a_living_owner_is_left_alone(tmp_path: Path) -> None:
    """A spool is adopted only after its owner let go."""
    owner = Spool.create(tmp_path, RUN)
    (path,) = spools(tmp_path)
    assert Spool.adopt(path) is None

    owner.close(delete=False)
    heir = Spool.adopt(path)

    assert heir is not None
    assert heir.run_id == RUN
    heir.close(delete=True)


def test_a_spool_that_is_gone_is_nobodys(tmp_path: Path) -> None:
    """Two recoveries at once do not trip over each other."""
    assert Spool.adopt(tmp_path / "run-1.s-1.spool") is None
