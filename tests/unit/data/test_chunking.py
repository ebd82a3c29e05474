"""Chunks are cut by content: a change moves the cuts near it and no others."""

import random

from homeostat.data.chunking import LARGEST_BYTES, SMALLEST_BYTES, chunks

CONTENT = random.Random(13).randbytes(2_000_000)


def parts(content: bytes, size: int) -> list[bytes]:
    return [content[first : first + size] for first in range(0, len(content), size)]


def test_chunks_are_the_stream() -> None:
    """Nothing is lost, and every chunk but the last keeps to the limits."""
    cut = list(chunks([CONTENT]))

    assert b"".join(cut) == CONTENT
    assert {True} == {SMALLEST_BYTES <= len(chunk) <= LARGEST_BYTES for chunk in cut[:-1]}


def test_cuts_do_not_depend_on_the_parts() -> None:
    """However the stream comes, it is cut at the same places."""
    assert list(chunks([CONTENT])) == list(chunks(parts(CONTENT, 70_001)))


def test_an_insertion_changes_the_chunks_beside_it() -> None:
    """What lies before and after an insertion is cut as it was."""
    before = set(chunks([CONTENT]))

    after = set(chunks([CONTENT[:777_777] + b"inserted" + CONTENT[777_777:]]))

    assert 1 <= len(after - before) <= 3


def test_a_run_of_one_byte_is_cut_at_the_largest_size() -> None:
    """Content that says nothing is cut by size; none of the 256 runs has a cut at every place."""
    for byte in (0, 32, 255):
        assert [LARGEST_BYTES, LARGEST_BYTES, 5] == [
            len(chunk) for chunk in chunks([bytes([byte]) * (2 * LARGEST_BYTES + 5)])
        ]


def test_an_empty_stream_has_no_chunks() -> None:
    """Of nothing there are no parts."""
    assert [] == list(chunks([b"", b""]))
