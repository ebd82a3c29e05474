"""A contract checked in one pass over the rows of an append, whatever the dataset has grown to.

Each expectation compiles to polars expressions: what to measure, and which rows fail. All measures are taken in one
select; rows are looked for only where a measure says that some fail. What is compared with the dataset's past is
compared with profiles of its segments, never with its rows (see `past`).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from msgspec.structs import replace
from numpy.typing import NDArray

from homeostat.codec.tables import Table
from homeostat.data.contracts import row_checks, whole_checks
from homeostat.data.contracts.check import Check, Context, Measured, Rows, unchecked
from homeostat.data.contracts.contract import (
    Ascending,
    Contract,
    Expectation,
    Forbidden,
    Fresh,
    HasColumn,
    InDomain,
    InRange,
    Matches,
    NoDrift,
    NoPersonalData,
    NoSkew,
    NullsAtMost,
    OnlyColumns,
    RowChange,
    RowCount,
    SameScale,
    TextLength,
    UniqueBy,
)
from homeostat.data.contracts.report import Report, Result
from homeostat.data.contracts.verdict import Verdict, stretches

_FIRST_ROWS = 10
_NO_CONTEXT = Context()


def validate(rows: Table, contract: Contract, context: Context = _NO_CONTEXT) -> Verdict:
    """Hold `rows` to `contract`.

    Returns: the report, and the rows parted into accepted and rejected. If an expectation about the append as a whole
        fails with severity block, or more rows fail than the contract tolerates, everything is rejected.
    Raises: InvalidDeclaration if the contract does not know the environment. NotFound if it compares with a version
        that is not there.
    Cost: O(rows × expectations), one pass.
    """
    held = Rows(frame=rows.polars(), types=rows.types, context=context)
    absent = contract.absent(context.environment)
    checks = [_compiled(expectation, held, absent) for expectation in contract.expectations]
    measured = _measure(held.frame, checks)
    masks = _failing(held.frame, checks, measured)
    results = [
        _result(check, values, masks.get(index))
        for index, (check, values) in enumerate(zip(checks, measured, strict=True))
    ]
    rejecting = [
        index for index, check in enumerate(checks) if check.rejects_rows and results[index].status == "blocked"
    ]
    failing = np.zeros(len(rows), dtype=np.bool_)
    for index in rejecting:
        failing |= masks[index]
    if int(failing.sum()) <= contract.tolerance * len(rows):
        for index in rejecting:
            results[index] = replace(results[index], status="quarantined")
    is_blocked = any(result.status == "blocked" for result in results)
    accepted, rejected = _parted(rows, np.ones(len(rows), dtype=np.bool_) if is_blocked else failing)
    report = Report(contract=contract.name, rows=len(rows), rejected=len(rejected), results=tuple(results))
    return Verdict(report=report, accepted=accepted, rejected=rejected, failing_rows=np.flatnonzero(failing))


def _parted(rows: Table, is_rejected: NDArray[np.bool_]) -> tuple[Table, Table]:
    nothing = Table(rows.arrow().slice(0, 0), origin=rows.origin)
    if not is_rejected.any():
        return rows, nothing
    if is_rejected.all():
        return nothing, rows
    accepted, rejected = (
        Table(rows.arrow().filter(pa.array(mask)), origin=rows.origin) for mask in (~is_rejected, is_rejected)
    )
    return accepted, rejected


def _measure(frame: pl.DataFrame, checks: Sequence[Check]) -> list[Measured]:
    wanted = [
        expression.alias(f"{index}.{name}")
        for index, check in enumerate(checks)
        for name, expression in check.measures.items()
    ]
    row = frame.select(wanted).row(0, named=True) if wanted else {}
    return [{name: row[f"{index}.{name}"] for name in check.measures} for index, check in enumerate(checks)]


def _failing(
    frame: pl.DataFrame, checks: Sequence[Check], measured: Sequence[Measured]
) -> dict[int, NDArray[np.bool_]]:
    """Which rows fail, by number of the check, for checks that some rows fail."""
    wanted = [
        check.failing.alias(str(index))
        for index, check in enumerate(checks)
        if check.failing is not None and measured[index].get("failing")
    ]
    return {int(mask.name): mask.to_numpy() for mask in frame.select(wanted)} if wanted else {}


def _result(check: Check, measured: Measured, mask: NDArray[np.bool_] | None) -> Result:
    status, observed = check.judge(measured)
    if status == "blocked" and check.severity == "warn":
        status = "warned"
    found = np.zeros(0, dtype=np.intp) if mask is None else np.flatnonzero(mask)
    return Result(
        expectation=check.name,
        column=check.column,
        severity=check.severity,
        status=status,
        observed=observed,
        expected=check.expected,
        failing=int(measured.get("failing") or 0),
        first_rows=tuple(found[:_FIRST_ROWS].tolist()),
        stretches=stretches(found),
    )


def _compiled(expectation: Expectation, rows: Rows, absent: frozenset[str]) -> Check:
    """The compiled check, or one that says why it could not be checked: a missing column is `HasColumn`'s to refuse."""
    name, column = str(expectation.__struct_config__.tag), ", ".join(expectation.needs)
    if isinstance(expectation, HasColumn):
        if expectation.column in absent:
            return whole_checks.absent(expectation.column, rows.context.environment, rows)
        return whole_checks.has_column(expectation, rows)
    missing = [needed for needed in expectation.needs if needed not in rows.types]
    if missing:
        is_plain = expectation.needs == tuple(missing) and len(missing) == 1
        return unchecked(
            name, column, expectation.severity, "no such column" if is_plain else f"no column {', '.join(missing)}"
        )
    check = _of_rows(expectation, rows) or _of_whole(expectation, rows)
    if check is not None:
        return check
    return unchecked(name, column, expectation.severity, f"a column of type {rows.types[column]}")


def _of_rows(expectation: Expectation, rows: Rows) -> Check | None:
    match expectation:
        case NullsAtMost():
            return row_checks.nulls(expectation, rows)
        case InRange():
            return row_checks.in_range(expectation, rows)
        case InDomain():
            return row_checks.in_domain(expectation, rows)
        case Matches():
            return row_checks.matches(expectation, rows)
        case TextLength():
            return row_checks.text_length(expectation, rows)
        case UniqueBy():
            return row_checks.unique(expectation, rows)
        case Ascending():
            return row_checks.ascending(expectation, rows)
        case _:
            return None


def _of_whole(expectation: Expectation, rows: Rows) -> Check | None:
    match expectation:
        case OnlyColumns():
            return whole_checks.only_columns(expectation, rows)
        case Forbidden():
            return whole_checks.forbidden(expectation, rows)
        case NoPersonalData():
            return whole_checks.personal(expectation, rows)
        case SameScale():
            return whole_checks.scale(expectation, rows)
        case Fresh():
            return whole_checks.fresh(expectation, rows)
        case RowCount():
            return whole_checks.row_count(expectation, rows)
        case RowChange():
            return whole_checks.row_change(expectation, rows)
        case NoDrift():
            return whole_checks.drift(expectation, rows)
        case NoSkew():
            return whole_checks.skew(expectation, rows)
        case _:
            return None
