"""The spool: append-only files, the crash-safe middle between a training loop and the database.

A process that speaks for a run has a spool of its own, and another when that one is full; so a run may go on in another
process, or be written to by several. A spool's id is the run's and a part by which spools sort in the order they were made.

A frame is its length and CRC-32 (little-endian uint32 each) and the MessagePack of one event. A reader stops at the
first frame that is not whole: after a crash that is where the writer died. What was written survives `kill -9` at once
and a power cut once it is shipped, half a second later.

The owner holds a lock (`flock`) on the file as long as it lives, so that recovery can tell a dead owner from a busy one.
"""

import fcntl
import os
import struct
import time
import zlib
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from homeostat.core.clock import Micros
from homeostat.core.errors import NotFound
from homeostat.core.ids import RunId, new_id
from homeostat.track.records import Event

_HEAD = struct.Struct("<II")
_SUFFIX = ".spool"
_decoder = msgspec.msgpack.Decoder(Event)
_encoder = msgspec.msgpack.Encoder()


class Batch(NamedTuple):
    """Whole frames, and the offset behind the last of them."""

    events: list[Event]
    end: int


class Spool:
    """One spool, locked. One thread may append while another reads."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self.size_bytes = os.fstat(descriptor).st_size

    @classmethod
    def create(cls, folder: Path, run_id: RunId) -> Self:
        """A new spool; it appears under its name only when it is locked, so that recovery never takes it for dead."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{run_id}.{new_id('s', Micros(time.time_ns() // 1000))}"
        hidden = folder / f"{name}.new"
        descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        hidden.rename(folder / f"{name}{_SUFFIX}")
        return cls(folder / f"{name}{_SUFFIX}", descriptor)

    @classmethod
    def adopt(cls, path: Path) -> Self | None:
        """The spool of a dead owner; None if the owner lives, or another process adopted it first."""
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    @property
    def id(self) -> str:
        return self.path.name.removesuffix(_SUFFIX)

    @property
    def run_id(self) -> RunId:
        return run_of(self.path)

    def append(self, frames: bytes | bytearray) -> None:
        """Write whole `frames`, all or none.

        Raises: OSError if they cannot be written (a full disk); the spool is then as before.
        """
        try:
            written = 0
            while written < len(frames):
                written += os.pwrite(self._descriptor, memoryview(frames)[written:], self.size_bytes + written)
        except OSError:
            os.ftruncate(self._descriptor, self.size_bytes)
            raise
        self.size_bytes += written

    def read(self, offset: int, most_bytes: int) -> Batch:
        """Whole frames from `offset` on: some `most_bytes`, and one at least if there is one."""
        raw = os.pread(self._descriptor, most_bytes, offset)
        batch = whole_frames(raw)
        if not batch.events and len(raw) >= _HEAD.size:  # the first is longer
            raw = os.pread(self._descriptor, _HEAD.size + _HEAD.unpack_from(raw)[0], offset)
            batch = whole_frames(raw)
        return Batch(batch.events, offset + batch.end)

    def between(self, start: int, end: int) -> bytes:
        """The frames from one offset to another, as they stand here."""
        return os.pread(self._descriptor, end - start, start)

    def close(self, *, delete: bool) -> None:
        """Let go of the file; `delete` it when the database holds all of it."""
        if delete:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def frame(event: Event) -> bytes:
    """One event as it stands in a spool.

    Raises: TypeError or ValueError if it holds something that cannot be written.
    """
    body = _encoder.encode(event)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def whole_frames(raw: bytes) -> Batch:
    """The frames that `raw` begins with, up to one that is not whole.

    Raises: msgspec.MsgspecError if one is none of ours.
    """
    events: list[Event] = []
    position = 0
    while len(head := raw[position : position + _HEAD.size]) == _HEAD.size:
        length, checksum = _HEAD.unpack(head)
        body = raw[position + _HEAD.size : position + _HEAD.size + length]
        if len(body) < length or zlib.crc32(body) != checksum:
            break
        events.append(_decoder.decode(body))
        position += _HEAD.size + length
    return Batch(events, position)


def run_of(path: Path) -> RunId:
    """Whose spool it is."""
    return RunId(path.name.partition(".")[0])


def spools_of(offline: Path) -> Path:
    """Where the spools of an offline folder are. Raises: NotFound if it holds no runs."""
    if not (offline / "spool").is_dir():
        raise NotFound(f"{offline} holds no runs: it has no folder 'spool'. Give the folder that offline= named.")
    return offline / "spool"


def spools(folder: Path) -> list[Path]:
    """Every spool in `folder`, by run, oldest first."""
    return sorted(folder.glob(f"*{_SUFFIX}"))
