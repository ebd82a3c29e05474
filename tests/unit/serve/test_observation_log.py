"""The observation log: what was acknowledged is there, once, in order, whatever was cut off."""

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from homeostat.core.errors import DiskFull, InvalidName, NotFound
from homeostat.serve import segments
from homeostat.serve.log import LABELS, GroupCommit, ObservationLog, PredictionId, predictions_schema
from homeostat.serve.segments import SegmentWriter, read_segment, segment_path

SYSTEM = "late-flights"
SCHEMA = pa.schema([pa.field("n", pa.int64())])


def batch(*numbers: int) -> pa.RecordBatch:
    return pa.record_batch([pa.array(numbers, pa.int64())], schema=SCHEMA)


def written(folder: Path, *batches: pa.RecordBatch, gateway: str = "g1", **limits: Any) -> SegmentWriter:
    writer = SegmentWriter(folder, gateway, **limits)
    for each in batches:
        writer.begin(each.schema)
        writer.append(each)
    return writer


def numbers(path: Path, offset: int = 0) -> list[int]:
    return [n for each in read_segment(path, offset)[0] for n in each["n"].to_pylist()]


def label_columns(*ids: str) -> list[list[Any]]:
    count = len(ids)
    return [list(ids), [1.0] * count, [5] * count, [0.5] * count]


def prediction_columns(*scores: float) -> list[list[Any]]:
    """A request of as many rows, with one raw input."""
    fixed: list[Any] = ["r", 7, 0.5, 1, 3, "champion", 1.0, "e"]
    columns = [[value] * len(scores) for value in fixed]
    return [*columns, list(scores), *([value] * len(scores) for value in (None, None, 1.5)), [10] * len(scores)]


def test_half_a_message_hides_nothing_before_it(tmp_path: Path) -> None:
    """Wherever a crash cuts a segment, a reader gets the whole batches before the cut, and an offset from which it can go on."""
    writer = written(tmp_path, batch(1, 2), batch(3))
    whole = segment_path(tmp_path, "g1", 1).read_bytes()
    torn = tmp_path / "torn.arrows"

    for cut in range(len(whole) + 1):
        torn.write_bytes(whole[:cut])
        found = numbers(torn)
        offset = read_segment(torn, 0)[1]
        torn.write_bytes(whole)
        assert found == [1, 2, 3][: len(found)]
        assert [1, 2, 3] == found + numbers(torn, offset)
    writer.close()


def test_a_new_writer_begins_a_new_segment(tmp_path: Path) -> None:
    """After a crash the torn segment stays as it is, and readers go on with the next one."""
    root = tmp_path / SYSTEM / "labels"
    labels = pa.record_batch([pa.array(c, f.type) for c, f in zip(label_columns("a"), LABELS, strict=True)], LABELS)
    written(root, labels)
    with segment_path(root, "g1", 1).open("ab") as file:
        file.write(labels.serialize().to_pybytes()[:-20])
    written(root, labels)

    table, cursor = ObservationLog(tmp_path).labels(SYSTEM)

    assert {"g1": [1, 2]} == segments.segments(root)
    assert ["a", "a"] == table["id"].to_pylist()
    assert 0 == len(ObservationLog(tmp_path).labels(SYSTEM, cursor)[0])


def test_segments_rotate_by_size_and_by_schema(tmp_path: Path) -> None:
    """A segment holds one schema and ends when it is large enough."""
    other = pa.record_batch([pa.array(["x"])], names=["s"])

    writer = written(tmp_path, batch(1), batch(2), other, batch(3), max_bytes=1)

    writer.close()
    assert {"g1": [1, 2, 3, 4]} == segments.segments(tmp_path)


def test_a_full_disk_leaves_no_half_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is refused whole; when there is room again, writing goes on in the same segment."""
    writer = written(tmp_path, batch(1))
    real_write = os.write
    calls = []

    def half_then_full(fd: int, data: memoryview) -> int:
        calls.append(fd)
        if len(calls) == 1:
            return real_write(fd, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", half_then_full)
        with pytest.raises(DiskFull, match="not answered"):
            writer.append(batch(2))
    writer.append(batch(3))

    assert [1, 3] == numbers(segment_path(tmp_path, "g1", 1))
    writer.close()


def test_what_comes_in_one_turn_is_one_batch_and_each_gets_its_ids(tmp_path: Path) -> None:
    """Group commit: one message for all requests of a turn; ids say where each row stands."""
    schema = predictions_schema([("hour", "int")])

    async def two_requests() -> tuple[list[str], list[str]]:
        log = GroupCommit(tmp_path, SYSTEM, "predictions", "g1")
        first, second = await asyncio.gather(
            log.append(schema, prediction_columns(0.1, 0.2)), log.append(schema, prediction_columns(0.3))
        )
        await log.close()
        return first, second

    ids = asyncio.run(two_requests())

    assert (["late-flights:g1:1:0", "late-flights:g1:1:1"], ["late-flights:g1:1:2"]) == ids
    path = segment_path(tmp_path / SYSTEM / "predictions", "g1", 1)
    assert [3] == [each.num_rows for each in read_segment(path, 0)[0]]
    assert (0.3, 10) == tuple(ObservationLog(tmp_path).find(ids[1][0])[name] for name in ("score", "in_hour"))


def test_a_request_that_arrow_cannot_hold_fails_alone(tmp_path: Path) -> None:
    """One request with a value of the wrong kind does not fail those that are written with it."""

    async def good_and_bad() -> tuple[Any, Any, Any]:
        log = GroupCommit(tmp_path, SYSTEM, "labels", "g1")
        wrong = label_columns("b")
        wrong[1] = ["not a number"]
        good, bad, also_good = await asyncio.gather(
            log.append(LABELS, label_columns("a")),
            log.append(LABELS, wrong),
            log.append(LABELS, label_columns("c")),
            return_exceptions=True,
        )
        await log.close()
        return good, bad, also_good

    good, bad, also_good = asyncio.run(good_and_bad())

    assert (["a"], ["c"]) == (good, also_good)
    assert isinstance(bad, pa.ArrowInvalid)
    assert ["a", "c"] == ObservationLog(tmp_path).labels(SYSTEM)[0]["id"].to_pylist()


def test_a_full_disk_refuses_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be logged is refused, also the first row of all; with room again, rows are taken."""

    def full(fd: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def refused_then_taken() -> tuple[list[Any], list[str]]:
        log = GroupCommit(tmp_path, SYSTEM, "labels", "g1")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            pending = [log.append(LABELS, label_columns("a")), log.append(LABELS, label_columns("b"))]
            await asyncio.wait(pending)
        taken = await log.append(LABELS, label_columns("c"))
        await log.close()
        return [each.exception() for each in pending], taken

    refused, taken = asyncio.run(refused_then_taken())

    assert ([DiskFull, DiskFull], ["c"]) == ([type(each) for each in refused], taken)
    assert ["c"] == ObservationLog(tmp_path).labels(SYSTEM)[0]["id"].to_pylist()


def test_a_cursor_sees_each_row_once_over_gateways_and_segments(tmp_path: Path) -> None:
    """Reading on from the last cursor gives what was added meanwhile by any gateway, and nothing twice."""
    log = ObservationLog(tmp_path)

    async def add(gateway: str, *ids: str) -> None:
        commit = GroupCommit(tmp_path, SYSTEM, "labels", gateway)
        await commit.append(LABELS, label_columns(*ids))
        await commit.close()

    asyncio.run(add("g1", "a", "b"))
    first, cursor = log.labels(SYSTEM)
    asyncio.run(add("g2", "c"))
    asyncio.run(add("g1", "d"))
    second, cursor = log.labels(SYSTEM, cursor)
    third, _ = log.labels(SYSTEM, cursor)

    assert (["a", "b"], ["c", "d"], []) == tuple(sorted(table["id"].to_pylist()) for table in (first, second, third))


def test_a_large_backlog_comes_in_parts(tmp_path: Path) -> None:
    """A reader that asks for few rows gets them segment by segment, and all in the end."""
    for _ in range(3):
        written(tmp_path / SYSTEM / "predictions", batch(1, 2)).close()
    log = ObservationLog(tmp_path)
    cursor, sizes = "", []

    for _ in range(4):
        table, cursor = log.predictions(SYSTEM, cursor, max_rows=1)
        sizes.append(len(table))

    assert [2, 2, 2, 0] == sizes


def test_the_inputs_of_segments_are_joined_by_name(tmp_path: Path) -> None:
    """After a model with another signature came, older rows have null in its new columns."""

    async def two_models() -> None:
        log = GroupCommit(tmp_path, SYSTEM, "predictions", "g1")
        await log.append(predictions_schema([("hour", "int")]), prediction_columns(0.1))
        await log.append(predictions_schema([("wind", "float")]), prediction_columns(0.2))
        await log.close()

    asyncio.run(two_models())

    table, _ = ObservationLog(tmp_path).predictions(SYSTEM)
    assert ([10, None], [None, 10.0]) == (table["in_hour"].to_pylist(), table["in_wind"].to_pylist())


def test_a_system_without_rows_has_the_columns_all_the_same(tmp_path: Path) -> None:
    """Before the first prediction there is an empty table, not an error."""
    table, cursor = ObservationLog(tmp_path).predictions(SYSTEM)

    assert (predictions_schema(), "{}") == (table.schema, cursor)


@pytest.mark.parametrize("text", ["", "late-flights", "a:b:c:d", "a:b:1", "../x:g1:1:2", "a:b:1:2:3"])
def test_an_id_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """Text that is no prediction id raises, and never becomes a path."""
    with pytest.raises(InvalidName):
        ObservationLog(tmp_path).find(text)


def test_an_id_of_no_row_is_not_found(tmp_path: Path) -> None:
    """Ids past the end of a segment, or of no segment, are not found."""
    written(tmp_path / SYSTEM / "predictions", batch(1))
    for text in (f"{SYSTEM}:g1:1:5", f"{SYSTEM}:g1:9:0"):
        with pytest.raises(NotFound):
            ObservationLog(tmp_path).find(text)


def test_ids_survive_their_text() -> None:
    """An id reads back as what it was."""
    known = PredictionId("late-flights", "g-1.a", 12, 345)

    assert known == PredictionId.parse(str(known))
