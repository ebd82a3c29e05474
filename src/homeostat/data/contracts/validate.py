"""A contract checked in one pass over the rows of an append, whatever the dataset has grown to.

Each expectation compiles to polars expressions: what to measure, and which rows fail. All measures are taken in one
select; rows are looked for only where a measure says that some fail.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from homeostat.codec.tables import Table
from homeostat.data.contracts.contract import (
    Contract,
    Expectation,
    HasColumn,
    InDomain,
    InRange,
    NullsAtMost,
    RowCount,
    SameScale,
    Severity,
    UniqueBy,
)
from homeostat.data.contracts.report import Report, Result, Status, Verdict

QUARTILES = (0.25, 0.5, 0.75)
ENOUGH_ROWS = 30  # fewer say nothing of a share or a quartile: one row alone is half above the median
_FIRST_ROWS = 10
_UNSEEN_SHOWN = 5
_FLOATS = ("float16", "float32", "float64")
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
NUMBERS = frozenset(_INTEGERS + _FLOATS)

Measured = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Check:
    """An expectation, compiled for the columns at hand.

    Attributes:
        measures: scalar expressions by name.
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


def validate(rows: Table, contract: Contract) -> Verdict:
    """Hold `rows` to `contract`.

    Returns: the report, and the rows parted into accepted and rejected. If an expectation about the append as a whole
        fails with severity block, or more rows fail than the contract tolerates, everything is rejected.
    Cost: O(rows × expectations), one pass.
    """
    frame = rows.polars()
    checks = [_compiled(expectation, rows.types) for expectation in contract.expectations]
    measured = _measure(frame, checks)
    results = [_result(frame, check, values) for check, values in zip(checks, measured, strict=True)]
    rejecting = [
        index for index, check in enumerate(checks) if check.rejects_rows and results[index].status == "blocked"
    ]
    masks = [mask for index in rejecting if (mask := checks[index].failing) is not None]
    failing = frame.select(pl.any_horizontal(masks).alias("failing"))["failing"] if masks else None
    is_tolerable = failing is None or int(failing.sum()) <= contract.tolerance * len(rows)
    if is_tolerable:
        for index in rejecting:
            results[index] = msgspec.structs.replace(results[index], status="quarantined")
    is_blocked = any(result.status == "blocked" for result in results)
    nothing = Table(rows.arrow().slice(0, 0), origin=rows.origin)
    if is_blocked:
        accepted, rejected = nothing, rows
    elif failing is None:
        accepted, rejected = rows, nothing
    else:
        mask = failing.to_arrow()
        rejected = Table(rows.arrow().filter(mask), origin=rows.origin)
        accepted = Table(rows.arrow().filter((~failing).to_arrow()), origin=rows.origin)
    report = Report(contract=contract.name, rows=len(rows), rejected=len(rejected), results=tuple(results))
    return Verdict(report=report, accepted=accepted, rejected=rejected)


def _measure(frame: pl.DataFrame, checks: list[_Check]) -> list[Measured]:
    wanted = [
        expression.alias(f"{index}.{name}")
        for index, check in enumerate(checks)
        for name, expression in check.measures.items()
    ]
    row = frame.select(wanted).row(0, named=True) if wanted else {}
    return [{name: row[f"{index}.{name}"] for name in check.measures} for index, check in enumerate(checks)]


def _result(frame: pl.DataFrame, check: _Check, measured: Measured) -> Result:
    status, observed = check.judge(measured)
    failing = int(measured.get("failing", 0))
    first: tuple[int, ...] = ()
    if failing and check.failing is not None:
        first = tuple(frame.select(check.failing.arg_true().head(_FIRST_ROWS)).to_series().to_list())
    if status == "blocked" and check.severity == "warn":
        status = "warned"
    return Result(
        expectation=check.name,
        column=check.column,
        severity=check.severity,
        status=status,
        observed=observed,
        expected=check.expected,
        failing=failing,
        first_rows=first,
    )


def _compiled(expectation: Expectation, types: Mapping[str, str]) -> _Check:
    match expectation:
        case HasColumn():
            return _column(expectation, types)
        case NullsAtMost():
            return _unless_absent(
                expectation.column, types, "nulls", expectation, lambda kind: _nulls(expectation, kind)
            )
        case InRange():
            return _unless_absent(
                expectation.column, types, "range", expectation, lambda kind: _range(expectation, kind)
            )
        case InDomain():
            return _unless_absent(
                expectation.column, types, "domain", expectation, lambda kind: _domain(expectation, kind)
            )
        case SameScale():
            return _unless_absent(
                expectation.column, types, "scale", expectation, lambda kind: _scale(expectation, kind)
            )
        case UniqueBy():
            return _unique(expectation, types)
        case RowCount():
            return _row_count(expectation)


def _unless_absent(
    column: str,
    types: Mapping[str, str],
    name: str,
    expectation: Expectation,
    compile_it: Callable[[str], _Check | None],
) -> _Check:
    """The compiled check, or one that says that it could not be checked: a missing column is `HasColumn`'s to refuse."""
    check = compile_it(types[column]) if column in types else None
    if check is not None:
        return check
    observed = f"a column of type {types[column]}" if column in types else "no such column"
    return _Check(
        name=name,
        column=column,
        severity=expectation.severity,
        expected="a column that can be checked",
        judge=lambda _: ("unchecked", observed),
    )


def _blocked_if(broken: object) -> Status:
    return "blocked" if broken else "met"


def _column(expectation: HasColumn, types: Mapping[str, str]) -> _Check:
    found = types.get(expectation.column)
    return _Check(
        name="column",
        column=expectation.column,
        severity=expectation.severity,
        expected=expectation.type,
        judge=lambda _: (_blocked_if(found != expectation.type), found or "no such column"),
    )


def _nulls(expectation: NullsAtMost, kind: str) -> _Check:
    column = pl.col(expectation.column)
    is_null = column.is_null() | column.is_nan().fill_null(value=False) if kind in _FLOATS else column.is_null()
    is_never = expectation.share == 0

    def judge(measured: Measured) -> tuple[Status, str]:
        rows, nulls = measured["rows"], measured["failing"]
        if nulls and not is_never and rows < ENOUGH_ROWS:
            return "unchecked", f"{_share(nulls, rows)} null, of too few rows"
        return _blocked_if(nulls > expectation.share * rows), f"{_share(nulls, rows)} null"

    return _Check(
        name="nulls",
        column=expectation.column,
        severity=expectation.severity,
        expected="none" if is_never else f"at most {expectation.share:.1%}",
        measures={"failing": is_null.sum(), "rows": pl.len()},
        judge=judge,
        failing=is_null,
        rejects_rows=is_never,
    )


def _range(expectation: InRange, kind: str) -> _Check | None:
    if kind not in NUMBERS:
        return None
    column = pl.col(expectation.column)
    outside = ((column < expectation.low) | (column > expectation.high)).fill_null(value=False)
    if kind in _FLOATS:
        outside = outside | column.is_nan().fill_null(value=False)

    def judge(measured: Measured) -> tuple[Status, str]:
        low, high = measured["low"], measured["high"]
        observed = "no values" if low is None else f"{low:g} to {high:g}"
        return _blocked_if(measured["failing"]), f"{observed}, {measured['failing']} rows outside"

    return _Check(
        name="range",
        column=expectation.column,
        severity=expectation.severity,
        expected=f"{expectation.low:g} to {expectation.high:g}",
        measures={"failing": outside.sum(), "low": column.min(), "high": column.max()},
        judge=judge,
        failing=outside,
        rejects_rows=True,
    )


def _domain(expectation: InDomain, kind: str) -> _Check | None:
    if kind != "string":
        return None
    column = pl.col(expectation.column)
    unseen = (~column.is_in(list(expectation.values))).fill_null(value=False)

    def judge(measured: Measured) -> tuple[Status, str]:
        rows, failing = measured["rows"], measured["failing"]
        if not failing:
            return "met", "only known values"
        names = ", ".join(map(repr, sorted(measured["unseen"])))
        is_rare = rows < ENOUGH_ROWS or failing <= expectation.unseen_at_most * rows
        status: Status = "warned" if is_rare else "blocked"
        return status, f"{_share(failing, rows)} unseen: {names}"

    return _Check(
        name="domain",
        column=expectation.column,
        severity=expectation.severity,
        expected=f"one of {len(expectation.values)} values, at most {expectation.unseen_at_most:.0%} unseen",
        measures={
            "failing": unseen.sum(),
            "rows": pl.len(),
            "unseen": column.filter(unseen).unique(maintain_order=True).head(_UNSEEN_SHOWN).implode(),
        },
        judge=judge,
        failing=unseen,
    )


def _scale(expectation: SameScale, kind: str) -> _Check | None:
    if kind not in NUMBERS:
        return None
    column = pl.col(expectation.column)
    values = column.drop_nulls().drop_nans() if kind in _FLOATS else column.drop_nulls()

    def judge(measured: Measured) -> tuple[Status, str]:
        found = tuple(measured[str(share)] for share in QUARTILES)
        if measured["known"] < ENOUGH_ROWS:
            return "unchecked", f"{measured['known']} values are too few"
        moved = scale_moved(expectation.quartiles, found)
        if moved is None:
            return "unchecked", "no positive quartiles"
        by = math.exp(moved)
        return _blocked_if(abs(moved) > math.log(expectation.factor)), f"×{by:.3g} of the reference"

    return _Check(
        name="scale",
        column=expectation.column,
        severity=expectation.severity,
        expected=f"within ×{1 / expectation.factor:.2f} to ×{expectation.factor:.2f}",
        measures={"known": values.len(), **{str(share): values.quantile(share, "linear") for share in QUARTILES}},
        judge=judge,
    )


def scale_moved(reference: tuple[float, ...], found: tuple[float | None, ...]) -> float | None:
    """By how much all quartiles moved together, at least.

    Returns: the logarithm of the smallest common factor, 0 if some moved up and some down; None without values above 0.
    """
    if any(value is None or value <= 0 for value in found):
        return None
    moves = [math.log(value / known) for known, value in zip(reference, found, strict=True) if value is not None]
    if min(moves) > 0:
        return min(moves)
    return max(moves) if max(moves) < 0 else 0.0


def _unique(expectation: UniqueBy, types: Mapping[str, str]) -> _Check:
    name = ", ".join(expectation.columns)
    absent = [column for column in expectation.columns if column not in types]
    if absent:
        return _Check(
            name="unique",
            column=name,
            severity=expectation.severity,
            expected="columns that can be checked",
            judge=lambda _: ("unchecked", f"no column {', '.join(absent)}"),
        )
    repeated = ~pl.struct(expectation.columns).is_first_distinct()
    return _Check(
        name="unique",
        column=name,
        severity=expectation.severity,
        expected="no repeated key",
        measures={"failing": repeated.sum()},
        judge=lambda measured: (_blocked_if(measured["failing"]), f"{measured['failing']} rows repeat a key"),
        failing=repeated,
        rejects_rows=True,
    )


def _row_count(expectation: RowCount) -> _Check:
    return _Check(
        name="rows",
        column="",
        severity=expectation.severity,
        expected=f"{expectation.low} to {expectation.high} rows",
        measures={"rows": pl.len()},
        judge=lambda measured: (
            _blocked_if(not expectation.low <= measured["rows"] <= expectation.high),
            f"{measured['rows']} rows",
        ),
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"
