"""Names of immutable things: BLAKE3-256 of their content, written as 64 lower-case hexadecimal characters.

Two things with the same digest are the same thing. Whatever is hashed from structured values goes through
`digest_of`, whose encoding is canonical: equal values give equal bytes whatever the order of dictionary keys.
"""

import re
from collections.abc import Iterable
from typing import Any, NewType

import msgspec
from blake3 import blake3

from homeostat.core.errors import InvalidDigest

# A NewType, so that a digest is never taken for a name or an id by mistake.
Digest = NewType("Digest", str)

DIGEST_LENGTH = 64
SHORT_LENGTH = 8
_PATTERN = re.compile(r"[0-9a-f]{64}")
_canonical = msgspec.json.Encoder(order="deterministic")


def digest_bytes(content: bytes | bytearray | memoryview) -> Digest:
    """BLAKE3-256 of `content`."""
    return Digest(blake3(content).hexdigest())


def digest_chunks(chunks: Iterable[bytes]) -> Digest:
    """BLAKE3-256 of the concatenation of `chunks`, without holding it in memory."""
    hasher = blake3()
    for chunk in chunks:
        hasher.update(chunk)
    return Digest(hasher.hexdigest())


def digest_of(value: Any) -> Digest:
    """Digest of a JSON-like value (dicts, lists, strings, numbers, msgspec structs), independent of key order.

    Raises: TypeError if `value` holds something msgspec cannot encode.
    """
    return digest_bytes(canonical_json(value))


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes. Fields of a struct stay in their order.

    JSON has no infinities and no NaN: each is spelled null. Who must tell them apart spells them first, as pipelines do.
    """
    return _canonical.encode(value)


def parse_digest(text: str) -> Digest:
    """Check that `text` is a whole digest.

    Raises: InvalidDigest naming the text.
    """
    if not _PATTERN.fullmatch(text):
        raise InvalidDigest(f"{text!r} is not a digest: 64 lower-case hexadecimal characters are needed.")
    return Digest(text)


def short(digest: str) -> str:
    """The first characters of a digest, for people."""
    return digest[:SHORT_LENGTH]
