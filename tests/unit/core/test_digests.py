import math
import random
from typing import Any

import msgspec
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.digests import canonical_json, digest_bytes, digest_chunks, digest_of, parse_digest, short
from homeostat.core.errors import InvalidDigest, InvalidName

# The test vector of the empty input in BLAKE3's own suite (github.com/BLAKE3-team/BLAKE3/blob/master/test_vectors).
EMPTY = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


class Point(msgspec.Struct, frozen=True):
    y: int
    x: int


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same value, its dictionaries filled in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(inner, chance)) for key, inner in value.items()]
        chance.shuffle(items)
        return dict(items)
    return [shuffled(inner, chance) for inner in value] if isinstance(value, list) else value


def test_algorithm_is_blake3_256() -> None:
    """Digests are those of the published algorithm, so that other tools can check them."""
    assert EMPTY == digest_bytes(b"")


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_chunks_do_not_matter(chunks: list[bytes]) -> None:
    """Content has one digest, however it is cut into chunks."""
    assert digest_bytes(b"".join(chunks)) == digest_chunks(chunks)


@given(values, st.randoms(use_true_random=False))
def test_key_order_does_not_matter(value: Any, chance: random.Random) -> None:
    """Equal values give equal bytes and equal digests, whatever the order their keys were set in."""
    other = shuffled(value, chance)

    assert canonical_json(value) == canonical_json(other)
    assert digest_of(value) == digest_of(other)


@given(values)
def test_canonical_json_keeps_the_value(value: Any) -> None:
    """What is hashed is the value itself: it comes back from its canonical bytes."""
    assert value == msgspec.json.decode(canonical_json(value))


def test_lists_keep_their_order() -> None:
    """Order is part of a list, so another order is another digest."""
    assert digest_of([1, 2]) != digest_of([2, 1])


def test_canonical_json_has_no_spaces_and_sorted_keys() -> None:
    """The canonical form is fixed: digests on disk depend on each of its bytes. Fields of a struct keep their order."""
    assert b'{"a":[1,null],"b":{"y":2,"x":1}}' == canonical_json({"b": Point(2, 1), "a": [1, None]})


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_is_null(value: float) -> None:
    """JSON has no infinities, and nobody may rely on telling them apart by digest."""
    assert b"null" == canonical_json(value)


def test_what_cannot_be_spelled_is_refused() -> None:
    """A value without a canonical form has no digest, rather than one of its address in memory."""
    with pytest.raises(TypeError):
        digest_of({"model": object()})


def test_whole_digest_is_accepted() -> None:
    """A digest is 64 lower-case hexadecimal characters."""
    text = blake3(b"rows").hexdigest()

    assert text == parse_digest(text)


@pytest.mark.parametrize("text", ["", EMPTY[:-1], EMPTY + "0", EMPTY.upper(), EMPTY[:-1] + "g", EMPTY + "\n", "../etc"])
def test_anything_else_is_not_a_digest(text: str) -> None:
    """What only looks like a digest is refused by name, before it can become part of a path."""
    with pytest.raises(InvalidDigest) as caught:
        parse_digest(text)

    assert repr(text) in caught.value.message
    assert isinstance(caught.value, InvalidName)


def test_short_form() -> None:
    """People see the first eight characters."""
    assert "af1349b9" == short(EMPTY)
