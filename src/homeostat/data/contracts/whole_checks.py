"""Expectations about the append as a whole, or about a column of it."""

import math
from fnmatch import fnmatchcase
from functools import partial

import polars as pl

from homeostat.core.durations import duration_us
from homeostat.data.contracts.check import (
    ENOUGH_ROWS,
    FLOATS,
    NUMBERS,
    Check,
    Measured,
    Rows,
    blocked_if,
    share,
    unchecked,
)
from homeostat.data.contracts.contract import (
    Forbidden,
    Fresh,
    HasColumn,
    NoDrift,
    NoPersonalData,
    NoSkew,
    OnlyColumns,
    RowChange,
    RowCount,
    SameScale,
)
from homeostat.data.contracts.personal import FORMS, Form, count_by_kind, looks_like
from homeostat.data.contracts.profile import Profile, overlay, profile
from homeostat.data.contracts.report import Status

QUARTILES = (0.25, 0.5, 0.75)


def has_column(expectation: HasColumn, rows: Rows) -> Check:
    found = rows.types.get(expectation.column)
    return Check(
        name="column",
        column=expectation.column,
        severity=expectation.severity,
        expected=expectation.type,
        judge=lambda _: (blocked_if(found != expectation.type), found or "no such column"),
    )


def absent(column: str, environment: str, rows: Rows) -> Check:
    """A column that an environment is without: where it is there all the same, somebody should know."""
    return Check(
        name="column",
        column=column,
        severity="warn",
        expected=f"absent in {environment}",
        judge=lambda _: (blocked_if(column in rows.types), rows.types.get(column, "absent")),
    )


def only_columns(expectation: OnlyColumns, rows: Rows) -> Check:
    others = [name for name in rows.types if name not in expectation.columns]
    order = [name for name in rows.types if name in expectation.columns]
    is_disordered = expectation.is_ordered and order != [name for name in expectation.columns if name in rows.types]
    found = [f"others: {', '.join(others)}"] if others and not expectation.allows_others else []
    found += [f"in the order {', '.join(order)}"] if is_disordered else []
    return Check(
        name="columns",
        column="",
        severity=expectation.severity,
        expected=f"{'at least' if expectation.allows_others else 'only'} {', '.join(expectation.columns)}"
        f"{' in this order' if expectation.is_ordered else ''}",
        judge=lambda _: (blocked_if(found), "; ".join(found) or "these"),
    )


def forbidden(expectation: Forbidden, rows: Rows) -> Check:
    found = [
        name
        for name in rows.types
        if any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in expectation.columns)
    ]
    return Check(
        name="forbidden",
        column="",
        severity=expectation.severity,
        expected=f"no column named {', '.join(expectation.columns)}",
        judge=lambda _: (blocked_if(found), ", ".join(found) or "none"),
    )


def personal(expectation: NoPersonalData, rows: Rows) -> Check:
    forms: dict[str, Form] = {kind: FORMS[kind] for kind in expectation.kinds}
    forms |= {name: Form(pattern) for name, pattern in expectation.patterns.items()}
    looked_at = [
        name
        for name, kind in rows.types.items()
        if kind == "string" and name not in expectation.exempt and name in (expectation.columns or rows.types)
    ]

    def judge(measured: Measured) -> tuple[Status, str]:
        found = []
        for index, name in enumerate(looked_at):
            texts, alike = measured[f"texts {index}"], measured[f"alike {index}"]
            if alike <= expectation.share * texts:
                continue
            candidates = rows.frame.lazy().select(name).filter(looks_like(forms, pl.col(name))).collect()[name]
            found += [
                f"{name!r} holds {kind} in {share(count, texts)}"
                for kind, count in count_by_kind(forms, candidates).items()
                if count > expectation.share * texts
            ]
        return blocked_if(found), ", ".join(found) or "none"

    measures = {f"texts {index}": pl.col(name).count() for index, name in enumerate(looked_at)}
    measures |= {f"alike {index}": looks_like(forms, pl.col(name)).sum() for index, name in enumerate(looked_at)}
    return Check(
        name="personal",
        column=", ".join(expectation.columns),
        severity=expectation.severity,
        expected=f"at most {expectation.share:.1%} like {', '.join(forms)}",
        measures=measures if forms else {},
        judge=judge if forms else lambda _: ("unchecked", "no kind to look for"),
    )


def scale(expectation: SameScale, rows: Rows) -> Check | None:
    kind = rows.types[expectation.column]
    if kind not in NUMBERS:
        return None
    column = pl.col(expectation.column)
    values = column.drop_nulls().drop_nans() if kind in FLOATS else column.drop_nulls()

    def judge(measured: Measured) -> tuple[Status, str]:
        found = tuple(measured[str(quartile)] for quartile in QUARTILES)
        if measured["known"] < ENOUGH_ROWS:
            return "unchecked", f"{measured['known']} values are too few"
        moved = scale_moved(expectation.quartiles, found)
        if moved is None:
            return "unchecked", "no positive quartiles"
        by = math.exp(moved)
        return blocked_if(abs(moved) > math.log(expectation.factor)), f"×{by:.3g} of the reference"

    return Check(
        name="scale",
        column=expectation.column,
        severity=expectation.severity,
        expected=f"within ×{1 / expectation.factor:.2f} to ×{expectation.factor:.2f}",
        measures={
            "known": values.len(),
            **{str(quartile): values.quantile(quartile, "linear") for quartile in QUARTILES},
        },
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


def fresh(expectation: Fresh, rows: Rows) -> Check | None:
    now, limit = rows.context.now, duration_us(expectation.within)
    if not rows.types[expectation.column].startswith(("timestamp", "date")):
        return None

    def judge(measured: Measured) -> tuple[Status, str]:
        if now is None:
            return "unchecked", "no clock"
        if measured["newest"] is None:
            return "blocked", "no values"
        age = now - measured["newest"]
        return blocked_if(abs(age) > limit), f"newest {_spoken_age(abs(age))} {'old' if age >= 0 else 'ahead'}"

    newest = pl.col(expectation.column).max().cast(pl.Datetime("us")).dt.epoch("us")
    return Check(
        name="fresh",
        column=expectation.column,
        severity=expectation.severity,
        expected=f"newest at most {expectation.within} old",
        measures={"newest": newest},
        judge=judge,
    )


def row_count(expectation: RowCount, rows: Rows) -> Check:
    del rows
    return Check(
        name="rows",
        column="",
        severity=expectation.severity,
        expected=f"{expectation.low} to {expectation.high} rows",
        measures={"rows": pl.len()},
        judge=lambda measured: (
            blocked_if(not expectation.low <= measured["rows"] <= expectation.high),
            f"{measured['rows']} rows",
        ),
    )


def row_change(expectation: RowChange, rows: Rows) -> Check:
    past = rows.context.past
    before = None if past is None else past.rows_before

    def judge(measured: Measured) -> tuple[Status, str]:
        if not before:
            return "unchecked", "no rows before"
        change = measured["rows"] / before
        observed = f"×{change:.3g}: {measured['rows']} rows after {before}"
        return blocked_if(not expectation.low <= change <= expectation.high), observed

    return Check(
        name="row_change",
        column="",
        severity=expectation.severity,
        expected=f"×{expectation.low:g} to ×{expectation.high:g} of the rows before",
        measures={"rows": pl.len()},
        judge=judge,
    )


def drift(expectation: NoDrift, rows: Rows) -> Check:
    past = rows.context.past
    if past is None:
        return unchecked("drift", expectation.column, expectation.severity, "no reference to compare with")
    reference = past.profile((expectation.column,), expectation.against)
    return _distance("drift", expectation, reference, rows)


def skew(expectation: NoSkew, rows: Rows) -> Check:
    serving = rows.context.serving
    if serving is None:
        return unchecked("skew", expectation.column, expectation.severity, "no serving log to compare with")
    reference = serving.profile(expectation.system, (expectation.column,), duration_us(expectation.last))
    return _distance("skew", expectation, reference, rows)


def _distance(name: str, expectation: NoDrift | NoSkew, reference: Profile, rows: Rows) -> Check:
    column = expectation.column
    live = profile(rows.frame, (column,)).columns[column]
    known = reference.columns.get(column)
    refuse = partial(unchecked, name, column, expectation.severity)
    if known is None or min(known.rows, live.rows) < ENOUGH_ROWS:
        return refuse(f"{live.rows} rows against {0 if known is None else known.rows} are too few")
    laid = overlay(known, live)
    if laid is None:
        return refuse(f"{live.distinct} values of a kind that has no distribution to compare")
    found = laid.distance()
    effect: float | None = getattr(found, expectation.distance)
    if effect is None:
        return refuse(f"{expectation.distance} is for numbers only")
    return Check(
        name=name,
        column=column,
        severity=expectation.severity,
        expected=f"{expectation.distance} at most {expectation.at_most:g}, unless by chance",
        judge=lambda _: (
            blocked_if(effect > expectation.at_most and found.p_value < expectation.alpha),
            f"{expectation.distance} {effect:.3f}, p {found.p_value:.2g}, against {known.rows} rows",
        ),
    )


def _spoken_age(age_us: int) -> str:
    hours = age_us / 3_600_000_000
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
