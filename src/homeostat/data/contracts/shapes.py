"""The shape of texts: of which kinds of letters, in what order. Identifiers of one system most often have one."""

import re
from itertools import takewhile

import polars as pl

_CLASSES = {"A": "[A-Z]", "a": "[a-z]", "0": "[0-9]"}
_MOST_LETTERS = 64  # longer texts are no identifiers


def shape_of(texts: pl.Series) -> str | None:
    """The regular expression of the one shape that all texts have, such as `N[0-9]{5}`; None if they have several, or none.

    Digits and letters stand for others of their kind, but for letters that all texts begin with; anything else stands for itself.
    """
    shapes = texts.str.replace_all("[A-Z]", "A").str.replace_all("[a-z]", "a").str.replace_all("[0-9]", "0").unique()
    if len(shapes) != 1 or not shapes[0] or len(shapes[0]) > _MOST_LETTERS:
        return None
    fixed = _letters_of_both(str(texts.min()), str(texts.max()))
    runs = [found.group() for found in re.finditer(r"A+|a+|0+|[^Aa0]", shapes[0][len(fixed) :])]
    return _literal(fixed) + "".join(map(_regex, runs))


def _letters_of_both(low: str, high: str) -> str:
    """The letters that both begin with, and so does whatever lies between them."""
    same = takewhile(lambda pair: pair[0] == pair[1] and pair[0].isalpha(), zip(low, high, strict=False))
    return "".join(letter for letter, _ in same)


def _regex(run: str) -> str:
    known = _CLASSES.get(run[0])
    if known is None:
        return _literal(run)
    return known if len(run) == 1 else f"{known}{{{len(run)}}}"


def _literal(text: str) -> str:
    """With a backslash before what means something else: `re.escape` writes more of them than people want to read."""
    return re.sub(r"[][\\.^$*+?{}|()]", r"\\\g<0>", text)
