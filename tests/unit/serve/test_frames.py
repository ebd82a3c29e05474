"""The protocol between gateway and worker."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.errors import StateError
from homeostat.serve.frames import (
    Frame,
    FrameReader,
    Kind,
    decode_batch,
    decode_scores,
    encode,
    encode_batch,
    encode_columns,
    encode_scores,
)

frames = st.lists(
    st.builds(Frame, st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=40)), max_size=6
)


@given(frames, st.integers(1, 30))
def test_frames_survive_any_cutting(sent: list[Frame], piece: int) -> None:
    """However the socket cuts the stream, the same frames come out in the same order."""
    stream = b"".join(encode(frame.kind, frame.id, frame.payload) for frame in sent)
    reader = FrameReader()

    received = [frame for start in range(0, len(stream), piece) for frame in reader.feed(stream[start : start + piece])]

    assert sent == received


def test_another_protocol_is_refused() -> None:
    """Bytes of another protocol or version raise and are never taken for a frame."""
    with pytest.raises(StateError, match="not version 1"):
        list(FrameReader().feed(b"GET / HTTP/1.1\r\n"))


def test_requests_of_a_batch_are_joined_column_by_column() -> None:
    """A batch is the rows of its requests, one after the other."""
    requests = [encode_columns([[1, 2], ["a", None]]), encode_columns([[3], ["c"]])]
    [frame] = FrameReader().feed(encode_batch(7, requests))

    assert (7, [[1, 2, 3], ["a", None, "c"]]) == (frame.id, decode_batch(frame.payload))


@given(st.lists(st.floats(allow_nan=False)))
def test_scores_cross_bit_by_bit(scores: list[float]) -> None:
    """No score is rounded on its way."""
    [frame] = FrameReader().feed(encode_scores(1, np.array(scores, dtype=np.float64)))

    assert scores == decode_scores(frame.payload)
