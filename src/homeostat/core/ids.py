"""Ids of things that happen once: runs, actions, facts, predictions.

An id is a prefix that names its kind, 10 characters of time (milliseconds of event time) and 10 of
chance, in Crockford's base 32: they sort by time and are safe in paths and URLs.
"""

import re
import secrets
from typing import NewType

from homeostat.core.clock import Micros
from homeostat.core.errors import InvalidName

RunId = NewType("RunId", str)
ActionId = NewType("ActionId", str)
FactId = NewType("FactId", int)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def new_id(prefix: str, at: Micros) -> str:
    """A fresh id such as `run-0d6vz81k5q7r9x2m4n8p`."""
    return f"{prefix}-{_base32(at // 1000, 10)}{_base32(secrets.randbits(50), 10)}"


def _base32(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        digits.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(digits))


def check_name(kind: str, name: str) -> str:
    """A name people choose: letters, digits, `.`, `_`, `-`; at most 128; no path can hide in it.

    Raises: InvalidName naming the kind, the name and the rule.
    """
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"{name!r} cannot be the name of a {kind}: use 1 to 128 letters, digits, '.', '_' or '-', beginning with a letter or digit."
        )
    return name


def split_numbered(text: str, *, kind: str, owner: str, example: str) -> tuple[str, int]:
    """Owner and number of a numbered thing written as `owner@number`.

    Args:
        kind, owner: what is numbered, and by whom, for the message: `model version`, `system`.
        example: one that is right.

    Raises: InvalidName if it is not of that form.
    """
    name, _, number = text.rpartition("@")
    if not name or not number.isdecimal():
        raise InvalidName(f"{text!r} names no {kind}. Write {owner}@number, such as {example}.")
    return name, int(number)
