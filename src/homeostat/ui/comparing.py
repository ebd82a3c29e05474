"""The address of a comparison: what is asked, read from it and written into it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args
from urllib.parse import quote

import msgspec

from homeostat.core.errors import UserError
from homeostat.ui.charts.run_records import Axis
from homeostat.ui.contexts.comparison import Brush, Goal, View

Query = Sequence[tuple[str, str]]  # names and values of an address, in its order

MOST_RUNS = 200
NONE = "none"  # takes back what stands before it
_MOST_SMOOTH = 0.999
# What the address calls each field of a view.
_LISTS = {"run": "runs", "metric": "metrics", "pick": "pick"}
_WORDS = {
    "x": "x",
    "group": "group",
    "objective": "objective",
    "goal": "goal",
    "across": "across",
    "up": "up",
    "colour": "colour",
    "left": "left",
    "right": "right",
}
_RANGE = ("span", "from", "to")
_FLAGS = {"xlog": "is_x_log", "ylog": "is_y_log", "all": "is_whole"}


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{name}={text!r} in the address is not a number. Follow the links of a page.")
    return value


def _ends(name: str, text: str) -> tuple[float, float]:
    low, _, high = text.partition("..")
    return _number(name, low), _number(name, high)


def _span(given: Mapping[str, str], axis: str) -> tuple[int, int] | None:
    """A range is one of an axis: of another axis it says nothing. Steps may be given by themselves, as a form does."""
    if given.get("span") == NONE:
        return None
    if axis == "step" and "from" in given and "to" in given:
        low, high = _number("from", given["from"]), _number("to", given["to"])
    else:
        of, _, ends = given.get("span", "").partition(":")
        if of != axis:
            return None
        low, high = _ends("span", ends)
    return math.floor(min(low, high)), math.ceil(max(low, high))


def _brush(text: str) -> Brush:
    axis, _, ends = text.rpartition(":")
    low, high = _ends("brush", ends)
    return Brush(axis=axis, low=low, high=high)


# How the address says each field that has one value.
_FIELDS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    **{name: (field, lambda _, text: text) for name, field in _WORDS.items()},
    **{name: (field, lambda _, text: text == "1") for name, field in _FLAGS.items()},
    "smooth": ("smooth", lambda name, text: min(max(_number(name, text), 0.0), _MOST_SMOOTH)),
    "first": ("first", lambda name, text: max(int(_number(name, text)), 0)),
}


def asked(query: Query) -> View:
    """The view of an address. What an address does not say is left open; what nobody knows is passed over.

    Raises: UserError for a value that cannot be, or more than 200 runs.
    """
    given: dict[str, Any] = {field: {} for field in _LISTS.values()}
    brushes: list[Brush] = []
    span: dict[str, str] = {}
    for name, text in query:
        if not text:
            continue
        if name in _LISTS:
            given[_LISTS[name]][text] = None
        elif name == "brush":
            brushes = [] if text == NONE else [*brushes, _brush(text)]
        elif name in _RANGE:
            span[name] = text
        elif name in _FIELDS:
            field, read = _FIELDS[name]
            given[field] = read(name, text)
    for field in _LISTS.values():
        given[field] = tuple(given[field])
    _check("x", given.get("x", "step"), get_args(Axis))
    _check("goal", given.get("goal", ""), ("", *get_args(Goal)))
    if len(given["runs"]) > MOST_RUNS:
        raise UserError(
            f"{len(given['runs'])} runs were to be compared; {MOST_RUNS} is the most. Leave some out, or filter the list of runs."
        )
    return View(brush=tuple(brushes), span=_span(span, given.get("x", "step")), **given)


def address(view: View, path: str = "/compare", **changes: Any) -> str:
    """The address of a view, with some fields changed."""
    shown = msgspec.structs.replace(view, **changes)
    pairs: list[tuple[str, str]] = []
    for name, field in _LISTS.items():
        pairs += [(name, value) for value in getattr(shown, field)]
    pairs += [(name, getattr(shown, field)) for name, field in _WORDS.items() if getattr(shown, field)]
    pairs += [(name, "1") for name, field in _FLAGS.items() if getattr(shown, field)]
    if shown.smooth:
        pairs.append(("smooth", f"{shown.smooth:g}"))
    if shown.first:
        pairs.append(("first", str(shown.first)))
    if shown.span is not None:
        pairs.append(("span", f"{shown.x}:{shown.span[0]}..{shown.span[1]}"))
    pairs += [("brush", f"{brush.axis}:{brush.low!r}..{brush.high!r}") for brush in shown.brush]
    return f"{path}?" + "&".join(
        f"{name}={quote(value, safe='')}" for name, value in pairs if (name, value) != ("x", "step")
    )


def _check(name: str, text: str, known: Sequence[str]) -> None:
    if text not in known:
        raise UserError(f"{name}={text!r} in the address is not known. There are: {', '.join(filter(None, known))}.")
