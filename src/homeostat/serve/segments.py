"""Append-only segments of Arrow record batches: `<gateway>-<number>.arrows`, each an Arrow IPC stream.

A batch is one `write` to the kernel, so the death of the process loses nothing that was appended; an fsync makes it
survive the death of the machine. Whatever a crash left half written stays behind as the tail of its segment: a writer always
begins a new segment, and readers take whole messages only.

A gateway writes its own segments and nobody else's; segment n + 1 begins after the last write to segment n. Any number
of processes may read meanwhile.
"""

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pyarrow as pa

from homeostat.core.errors import DiskFull, NotFound

_SEGMENT = re.compile(r"(.+)-(\d{6,})\.arrows")
_HEAD_BYTES = 1 << 18  # more than the schema message of any signature
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A byte offset in a numbered segment of one gateway."""

    segment: int
    offset: int


def segment_path(folder: Path, gateway: str, number: int) -> Path:
    return folder / f"{gateway}-{number:06d}.arrows"


def segments(folder: Path) -> dict[str, list[int]]:
    """The numbers of the segments in `folder`, ascending, by gateway."""
    found: dict[str, list[int]] = {}
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            match = _SEGMENT.fullmatch(path.name)
            if match:
                found.setdefault(match[1], []).append(int(match[2]))
    return {gateway: sorted(numbers) for gateway, numbers in found.items()}


class SegmentWriter:
    """Writes the segments of one gateway in one folder. Belongs to one thread."""

    def __init__(self, folder: Path, gateway: str, *, max_bytes: int = 64 << 20, max_age_s: float = 3600.0) -> None:
        self._folder = folder
        self._gateway = gateway
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        folder.mkdir(parents=True, exist_ok=True)
        self._schema: pa.Schema | None = None
        self._fd = -1
        self._offset = 0
        self._begun_s = 0.0
        self.number = 0
        self.rows = 0

    def begin(self, schema: pa.Schema) -> None:
        """Make sure that the next batch of `schema` goes to a segment of that schema; `number` and `rows` then say where.

        Raises: DiskFull if a new segment is needed and does not fit.
        """
        is_old = self._offset >= self._max_bytes or time.monotonic() - self._begun_s > self._max_age_s
        if self._fd >= 0 and not is_old and schema == self._schema:
            return
        self.close()
        self._open(schema)

    def append(self, batch: pa.RecordBatch) -> None:
        """Hand `batch` to the kernel, whole or not at all. It goes to the segment that `begin` chose.

        Raises: DiskFull if it does not fit; the segment is then as before.
        """
        self._write(batch.serialize())
        self.rows += batch.num_rows

    def sync_handle(self) -> int | None:
        """A duplicate descriptor of the open segment, for an fsync in another thread; the caller closes it."""
        return os.dup(self._fd) if self._fd >= 0 else None

    def close(self) -> None:
        """End the segment."""
        if self._fd < 0:
            return
        with suppress(DiskFull):  # a stream without its end mark is as readable as one with it
            self._write(_END_OF_STREAM)
        os.fsync(self._fd)
        os.close(self._fd)
        self._fd = -1

    def _open(self, schema: pa.Schema) -> None:
        number = max(segments(self._folder).get(self._gateway, [0])) + 1
        path = segment_path(self._folder, self._gateway, number)
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except OSError as error:
            raise self._named(error) from error
        self.number, self.rows, self._offset = number, 0, 0
        self._schema, self._begun_s = schema, time.monotonic()
        try:
            self._write(schema.serialize())
        except BaseException:
            os.close(self._fd)
            self._fd = -1
            path.unlink()
            raise

    def _write(self, message: bytes | pa.Buffer) -> None:
        view = memoryview(message)
        done = 0
        try:
            while done < len(view):
                done += os.write(self._fd, view[done:])
        except OSError as error:
            # Half a message would hide every later one from readers.
            os.ftruncate(self._fd, self._offset)
            os.lseek(self._fd, self._offset, os.SEEK_SET)
            raise self._named(error) from error
        self._offset += len(view)

    def _named(self, error: OSError) -> Exception:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFull(
                f"No space left for the observation log in {self._folder} ({os.strerror(error.errno)}). What cannot be "
                f"logged is not answered: free some space, and answers resume by themselves."
            )
        return error


def read_segment(path: Path, offset: int) -> tuple[list[pa.RecordBatch], int]:
    """The whole record batches of a segment from a byte offset on.

    Args:
        offset: 0, or what an earlier call returned.
    Returns: the batches, and the offset after the last of them.
    Raises: NotFound if the segment was deleted.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        raise NotFound(f"Segment {path} of the observation log is gone; its rows cannot be read any more.") from None
    schema, schema_end = _read_schema(head)
    if schema is None:
        return [], 0
    start, reader = offset, pa.BufferReader(content)
    if start < schema_end:
        reader.seek(schema_end)
        offset = schema_end
    batches = []
    for message in _messages(reader):
        batches.append(pa.ipc.read_record_batch(message, schema))
        offset = start + reader.tell()
    return batches, offset


def _read_schema(head: bytes) -> tuple[pa.Schema | None, int]:
    """The schema at the head of a segment and where it ends; None while it is not whole."""
    reader = pa.BufferReader(head)
    for message in _messages(reader):
        return pa.ipc.read_schema(message), reader.tell()
    return None, 0


def _messages(reader: pa.BufferReader) -> Iterator[pa.Message]:
    """Whole messages; ends silently at the end mark, at the end of the bytes and at half a message."""
    while True:
        try:
            yield pa.ipc.read_message(reader)
        except (EOFError, OSError, pa.ArrowInvalid):
            return
