"""An expectation compiled for the columns at hand, and what it may know beside them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from homeostat.core.clock import Micros
from homeostat.data.contracts.ports import Past, Serving
from homeostat.data.contracts.report import Severity, Status

ENOUGH_ROWS = 30  # fewer say nothing of a share or a quartile: one row alone is half above the median
FLOATS = ("float16", "float32", "float64")
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
NUMBERS = frozenset(_INTEGERS + FLOATS)

Measured = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known beside the rows. What an expectation needs and is not given leaves it unchecked.

    Attributes:
        now: event time at which the rows come.
        environment: of the contract; empty where every column is asked for.
        past: what the dataset held before.
        serving: what systems were asked in production.
    """

    now: Micros | None = None
    environment: str = ""
    past: Past | None = None
    serving: Serving | None = None


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows at hand, with the types of their columns and the context they come in."""

    frame: pl.DataFrame
    types: Mapping[str, str]
    context: Context


@dataclass(frozen=True, kw_only=True)
class Check:
    """An expectation, compiled for the columns at hand.

    Attributes:
        measures: scalar expressions by name; `failing` is the number of rows that fail.
        judge: what the measures come to: does it hold, and what was observed.
        failing: which rows fail, if it speaks of rows.
        rejects_rows: failing rows may be quarantined one by one.
    """

    name: str
    column: str
    severity: Severity
    expected: str
    judge: Callable[[Measured], tuple[Status, str]]
    measures: Mapping[str, pl.Expr] = field(default_factory=dict)
    failing: pl.Expr | None = None
    rejects_rows: bool = False


def unchecked(name: str, column: str, severity: Severity, observed: str) -> Check:
    """A check that says that it could not be made, and why."""
    return Check(
        name=name,
        column=column,
        severity=severity,
        expected="a column that can be checked",
        judge=lambda _: ("unchecked", observed),
    )


def blocked_if(broken: object) -> Status:
    return "blocked" if broken else "met"


def share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"
