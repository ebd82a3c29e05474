"""What a click in the list of runs does to what the list is asked for: only these, not these, sort, pin.

No I/O here: the page is asked for anew, at the address that comes out.
"""

import contextlib
from collections.abc import Sequence

from msgspec.structs import replace

from homeostat.core.errors import InvalidFilter, UserError
from homeostat.track.search.grammar import Comparison, key_text, parse, parse_orders, written
from homeostat.ui.contexts.runs_query import RunsQuery, column_key
from homeostat.ui.reading.run.metrics import direction

# Names of clicks in an address. `shown` are the columns that the clicks count.
ONLY, NOT, SORT, PIN, SHOWN = "only", "not", "sort", "toggle", "shown"
CLICKS = frozenset({ONLY, NOT, SORT, PIN})


def clicked(asked: RunsQuery, pairs: Sequence[tuple[str, str]]) -> RunsQuery:
    """The list after the clicks in `pairs`.

    Raises: UserError for a click on a column that is not there.
    """
    shown = [value for name, value in pairs if name == SHOWN]
    for name, value in pairs:
        if name in {ONLY, NOT}:
            asked = replace(asked, text=_narrowed(asked.text, _comparison(value, shown, is_not=name == NOT)), page="")
        elif name == SORT:
            asked = replace(asked, order=_sorted(asked.order, value), page="")
        elif name == PIN:
            pins = [pin for pin in asked.pins if pin != value]
            asked = replace(asked, pins=tuple(pins if value in asked.pins else [*pins, value]))
    return asked


def without(text: str, comparison: Comparison) -> str:
    """A filter without one of its comparisons."""
    return written([one for one in parse(text) if one != comparison])


def _narrowed(text: str, comparison: Comparison) -> str:
    """A filter and a comparison more; what cannot be read is given up."""
    before: Sequence[Comparison] = ()
    with contextlib.suppress(InvalidFilter):
        before = parse(text)
    if comparison in before:
        return text
    return f"{text.strip()} AND {written([comparison])}" if before else written([comparison])


def _comparison(click: str, shown: Sequence[str], *, is_not: bool) -> Comparison:
    """That of `3.cnn`: the value cnn in the column 3 of those that are shown."""
    number, _, value = click.partition(".")
    if not number.isdecimal() or int(number) >= len(shown):
        raise UserError(f"{click[:40]!r} is no value of a column of the list. Go back and click again.")
    kind, key = column_key(shown[int(number)])
    if key == "experiment_id" and kind == "attribute":
        return Comparison(kind=kind, key=key, operator="!=" if is_not else "=", value=float(value))
    return Comparison(kind=kind, key=key, operator="!=" if is_not else "=", value=value)


def _sorted(order: Sequence[str], id_: str) -> tuple[str, ...]:
    """By a column, the better end first; the other way if it is sorted by it already."""
    kind, key = column_key(id_)
    is_descending = kind == "metric" and direction(key) != "lower"
    with contextlib.suppress(InvalidFilter):
        first = parse_orders(order)[:1]
        if first and (first[0].kind, first[0].key) == (kind, key):
            is_descending = not first[0].is_descending
        elif id_ == "start_time" and first:
            return ()
        elif id_ == "start_time":
            is_descending = False  # newest first is how it is without an order
    return (f"{key_text(kind, key)} {'DESC' if is_descending else 'ASC'}",)
