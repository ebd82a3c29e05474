"""Schemas of pandera as contracts. What has no counterpart is refused by name, so that nothing is silently unchecked.

pandera is not imported: whoever hands a schema over has it.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from homeostat.core.errors import InvalidDeclaration
from homeostat.data.contracts.contract import (
    Contract,
    Expectation,
    HasColumn,
    InDomain,
    InRange,
    Matches,
    NullsAtMost,
    OnlyColumns,
    TextLength,
    UniqueBy,
)

_TYPES = {
    "boolean": "bool",
    "string": "string",
    "str": "string",
    "object": "string",
    "category": "string",
    "date": "date",
}
_LONGEST = 2**31 - 1
_TIME = re.compile(
    r"datetime(?:64\[(ns|us)(?:, (.+))?\]|\(time_unit='(ns|us)', time_zone=(?:None|'(.+)')\))", re.IGNORECASE
)

Statistics = Mapping[str, Any]


def from_pandera(schema: Any, *, name: str) -> Contract:
    """The contract that expects what a `DataFrameSchema` or `DataFrameModel` does.

    Raises: InvalidDeclaration naming every part that has no counterpart.
    """
    schema = schema.to_schema() if hasattr(schema, "to_schema") else schema
    refused = [f"check {check.name!r} of the whole frame" for check in schema.checks or ()]
    refused += ["coerce of the schema"] if schema.coerce else []
    refused += ["an index"] if getattr(schema, "index", None) is not None else []
    refused += ["strict='filter'"] if schema.strict == "filter" else []
    expectations: list[Expectation] = []
    for column in schema.columns.values():
        expectations += _column(column, refused)
    if schema.strict is True or schema.ordered:
        columns, is_ordered = tuple(schema.columns), bool(schema.ordered)
        expectations.append(
            OnlyColumns(columns=columns, is_ordered=is_ordered, allows_others=schema.strict is not True)
        )
    if schema.unique:
        keys = [schema.unique] if isinstance(schema.unique, str) else schema.unique
        expectations.append(UniqueBy(columns=tuple(keys)))
    if refused:
        raise InvalidDeclaration(
            f"The pandera schema for {name!r} has what a contract cannot say: {'; '.join(refused)}. Take that out and check "
            f"it in a step; types are cast anyway where no value is lost."
        )
    return Contract(name=name, expectations=tuple(expectations), tolerance=0.0, reference="a pandera schema")


def _column(column: Any, refused: list[str]) -> Iterator[Expectation]:
    name = column.name
    if column.regex:
        refused.append(f"regex column {name!r}")
        return
    refused += [f"{what} of {name!r}" for what in ("coerce", "parsers") if getattr(column, what, None)]
    if column.default is not None:
        refused.append(f"default of {name!r}")
    if column.dtype is None or not column.required:
        refused.append(f"{'an optional column' if column.dtype is not None else 'no type'} of {name!r}")
        return
    kind = _type(str(column.dtype))
    if kind is None:
        refused.append(f"type {column.dtype} of {name!r}")
        return
    yield HasColumn(column=name, type=kind)
    if not column.nullable:
        yield NullsAtMost(column=name, share=0.0)
    if column.unique:
        yield UniqueBy(columns=(name,))
    for check in column.checks:
        translate = _CHECKS.get(str(check.name))
        expectation = None if translate is None else translate(name, kind, check.statistics or {})
        if expectation is None:
            refused.append(f"check {check.name!r} of {name!r}")
        else:
            yield expectation


def _type(spelled: str) -> str | None:
    if match := _TIME.fullmatch(spelled):
        unit, tz = match[1] or match[3], match[2] or match[4]
        return f"timestamp[{unit}, {tz}]" if tz else f"timestamp[{unit}]"
    plain = spelled.lower()
    if re.fullmatch(r"u?int(8|16|32|64)|float(32|64)|bool", plain):
        return plain
    return _TYPES.get(plain.partition("[")[0])


def _at_least(kind: str, low: float | None, *, is_open: bool) -> float | None:
    """The smallest number that is allowed: beyond an open bound comes the next integer, or the next float."""
    if low is None or not is_open:
        return low
    return low + 1 if "int" in kind else math.nextafter(low, math.inf)


def _range(
    column: str, kind: str, low: float | None, high: float | None, *, opens: tuple[bool, bool]
) -> Expectation | None:
    if not all(value is None or isinstance(value, int | float) for value in (low, high)):
        return None
    least = _at_least(kind, low, is_open=opens[0])
    most = _at_least(kind, None if high is None else -high, is_open=opens[1])
    return InRange(column=column, low=least, high=None if most is None else -most)


def _in_range(column: str, kind: str, of: Statistics) -> Expectation | None:
    opens = (not of.get("include_min", True), not of.get("include_max", True))
    return _range(column, kind, of["min_value"], of["max_value"], opens=opens)


def _isin(column: str, kind: str, of: Statistics) -> Expectation:
    del kind
    values = sorted(of["allowed_values"], key=str)
    return InDomain(column=column, values=tuple(values), unseen_at_most=0.0)


def _length(column: str, kind: str, of: Statistics) -> Expectation:
    del kind
    exact, low, high = of.get("exact_value"), of.get("min_value"), of.get("max_value")
    if exact is not None:
        low = high = exact
    return TextLength(column=column, low=low or 0, high=_LONGEST if high is None else high)


def _pattern(column: str, before: str, pattern: str, after: str) -> Expectation:
    return Matches(column=column, regex=f"(?s:{before})(?:{pattern})(?s:{after})")


_CHECKS: Mapping[str, Callable[[str, str, Statistics], Expectation | None]] = {
    "greater_than_or_equal_to": lambda c, k, of: _range(c, k, of["min_value"], None, opens=(False, False)),
    "greater_than": lambda c, k, of: _range(c, k, of["min_value"], None, opens=(True, False)),
    "less_than_or_equal_to": lambda c, k, of: _range(c, k, None, of["max_value"], opens=(False, False)),
    "less_than": lambda c, k, of: _range(c, k, None, of["max_value"], opens=(False, True)),
    "in_range": _in_range,
    "isin": _isin,
    "equal_to": lambda c, _, of: InDomain(column=c, values=(of["value"],), unseen_at_most=0.0),
    "str_matches": lambda c, _, of: _pattern(c, "", str(of["pattern"]), ".*"),  # pandera's holds at the beginning
    "str_contains": lambda c, _, of: _pattern(c, ".*", str(of["pattern"]), ".*"),
    "str_startswith": lambda c, _, of: _pattern(c, "", re.escape(str(of["string"])), ".*"),
    "str_endswith": lambda c, _, of: _pattern(c, ".*", re.escape(str(of["string"])), ""),
    "str_length": _length,
}
