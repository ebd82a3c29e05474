"""Segments in memory: a bound that holds, and bytes that are checked."""

import numpy as np
import pytest

from homeostat.codec.tables import Table
from homeostat.core.errors import CorruptObject
from homeostat.data.records import Segment
from homeostat.data.segments import Segments
from homeostat.store.objects import FileObjects

ROWS = 1000
SEGMENT_BYTES = 8 * ROWS + ROWS // 8  # values and validity


def write(segments: Segments, seed: int) -> Segment:
    """Write a segment, and read it once."""
    segment = segments.write(Table.of({"x": np.random.default_rng(seed).random(ROWS)}).arrow()).segment
    segments.read(segment)
    return segment


def spoil(objects: FileObjects, segment: Segment) -> None:
    objects.path(segment.parts[0].object).write_bytes(b"bit rot")


def test_the_last_ones_are_kept(objects: FileObjects) -> None:
    """What was used last is read from memory; what was pushed out is read, and checked, from the store."""
    segments = Segments(objects, capacity_bytes=10 * SEGMENT_BYTES)
    first, *others = [write(segments, seed) for seed in range(11)]

    for segment in (first, *others):
        spoil(objects, segment)

    assert [ROWS] * 10 == [segments.read(segment).num_rows for segment in others]
    with pytest.raises(CorruptObject):
        segments.read(first)


def test_use_keeps_a_segment(objects: FileObjects) -> None:
    """The segment that goes is the one that was not used for longest."""
    segments = Segments(objects, capacity_bytes=10 * SEGMENT_BYTES)
    first, second, *_ = [write(segments, seed) for seed in range(10)]

    segments.read(first)
    write(segments, 10)
    spoil(objects, first)
    spoil(objects, second)

    assert ROWS == segments.read(first).num_rows
    with pytest.raises(CorruptObject):
        segments.read(second)


def test_a_large_segment_pushes_nothing_out(objects: FileObjects) -> None:
    """One import larger than an eighth of the room is not kept."""
    segments = Segments(objects, capacity_bytes=4 * SEGMENT_BYTES)

    segment = write(segments, 0)
    spoil(objects, segment)

    with pytest.raises(CorruptObject):
        segments.read(segment)


def test_what_was_only_written_is_not_kept(objects: FileObjects) -> None:
    """An import larger than memory holds nothing of what it wrote."""
    segments = Segments(objects)
    segment = segments.write(Table.of({"x": [0.5] * ROWS}).arrow()).segment
    spoil(objects, segment)

    with pytest.raises(CorruptObject):
        segments.read(segment)
