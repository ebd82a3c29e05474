"""Expectations that name the rows that fail them."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from homeostat.data.contracts.check import (
    ENOUGH_ROWS,
    FLOATS,
    NUMBERS,
    Check,
    Measured,
    Rows,
    blocked_if,
    share,
)
from homeostat.data.contracts.contract import Ascending, InDomain, InRange, Matches, NullsAtMost, TextLength, UniqueBy
from homeostat.data.contracts.report import Status

_UNSEEN_SHOWN = 5


def nulls(expectation: NullsAtMost, rows: Rows) -> Check:
    column = pl.col(expectation.column)
    is_float = rows.types[expectation.column] in FLOATS
    is_null = column.is_null() | column.is_nan().fill_null(value=False) if is_float else column.is_null()
    is_never = expectation.share == 0

    def judge(measured: Measured) -> tuple[Status, str]:
        count, failing = measured["rows"], measured["failing"]
        if failing and not is_never and count < ENOUGH_ROWS:
            return "unchecked", f"{share(failing, count)} null, of too few rows"
        return blocked_if(failing > expectation.share * count), f"{share(failing, count)} null"

    return Check(
        name="nulls",
        column=expectation.column,
        severity=expectation.severity,
        expected="none" if is_never else f"at most {expectation.share:.1%}",
        measures={"failing": is_null.sum(), "rows": pl.len()},
        judge=judge,
        failing=is_null,
        rejects_rows=is_never,
    )


def in_range(expectation: InRange, rows: Rows) -> Check | None:
    kind = rows.types[expectation.column]
    if kind not in NUMBERS:
        return None
    column = pl.col(expectation.column)
    low, high = expectation.low, expectation.high
    broken = [column < low] if low is not None else []
    broken += [column > high] if high is not None else []
    broken += [column.is_nan()] if kind in FLOATS else []
    outside = pl.any_horizontal(broken).fill_null(value=False)

    def judge(measured: Measured) -> tuple[Status, str]:
        least, most = measured["low"], measured["high"]
        observed = "no values" if least is None else f"{least:g} to {most:g}"
        return blocked_if(measured["failing"]), f"{observed}, {measured['failing']} rows outside"

    expected = f"{low:g} to {high:g}" if low is not None and high is not None else _one_sided(low, high)
    return Check(
        name="range",
        column=expectation.column,
        severity=expectation.severity,
        expected=expected,
        measures={"failing": outside.sum(), "low": column.min(), "high": column.max()},
        judge=judge,
        failing=outside,
        rejects_rows=True,
    )


def in_domain(expectation: InDomain, rows: Rows) -> Check | None:
    values = list(expectation.values)
    kind = rows.types[expectation.column]
    wanted = {str: ("string",), bool: ("bool",)}.get(type(values[0]) if values else str, tuple(NUMBERS))
    if kind not in wanted:
        return None
    column = pl.col(expectation.column)
    unseen = (~column.is_in(values)).fill_null(value=False)
    is_never = expectation.unseen_at_most == 0

    def judge(measured: Measured) -> tuple[Status, str]:
        count, failing = measured["rows"], measured["failing"]
        if not failing:
            return "met", "only known values"
        names = ", ".join(map(repr, sorted(measured["unseen"])))
        is_rare = not is_never and (count < ENOUGH_ROWS or failing <= expectation.unseen_at_most * count)
        return "warned" if is_rare else "blocked", f"{share(failing, count)} unseen: {names}"

    return Check(
        name="domain",
        column=expectation.column,
        severity=expectation.severity,
        expected=f"one of {len(values)} values, at most {expectation.unseen_at_most:.0%} unseen",
        measures={
            "failing": unseen.sum(),
            "rows": pl.len(),
            "unseen": column.filter(unseen).unique(maintain_order=True).head(_UNSEEN_SHOWN).implode(),
        },
        judge=judge,
        failing=unseen,
        rejects_rows=is_never,
    )


def matches(expectation: Matches, rows: Rows) -> Check | None:
    if rows.types[expectation.column] != "string":
        return None
    other = ~pl.col(expectation.column).str.contains(rf"\A(?:{expectation.regex})\z")
    return _of_rows("pattern", expectation, other, f"texts that match {expectation.regex}", "match another")


def text_length(expectation: TextLength, rows: Rows) -> Check | None:
    if rows.types[expectation.column] != "string":
        return None
    other = ~pl.col(expectation.column).str.len_chars().is_between(expectation.low, expectation.high)
    expected = f"{expectation.low} to {expectation.high} characters"
    return _of_rows("length", expectation, other, expected, "are shorter or longer")


def ascending(expectation: Ascending, rows: Rows) -> Check | None:
    kind = rows.types[expectation.column]
    if kind not in NUMBERS and not kind.startswith(("timestamp", "date")):
        return None
    column = pl.col(expectation.column)
    # A row is held to the greatest value before it: one that lies far ahead makes all after it fail, which blocks.
    before = column.cum_max().forward_fill().shift(1)
    past = rows.context.past if expectation.with_history else None
    if past is not None:
        newest = past.newest(expectation.column)
        if newest is not None:
            start = pl.lit(newest) if kind in NUMBERS else pl.from_epoch(pl.lit(int(newest)), "us")
            before = pl.max_horizontal(before, start.cast(rows.frame.schema[expectation.column]))
    back = column <= before if expectation.is_strict else column < before
    expected = "values that only rise" if expectation.is_strict else "values that never fall"
    return _of_rows("ascending", expectation, back, expected, "go back")


def unique(expectation: UniqueBy, rows: Rows) -> Check:
    keys = rows.frame.select(expectation.columns)
    mask = repeated(keys)
    past = rows.context.past if expectation.with_history else None
    if past is not None:
        mask |= past.seen(keys)
    failing = pl.lit(pl.Series(mask, dtype=pl.Boolean))
    return Check(
        name="unique",
        column=", ".join(expectation.columns),
        severity=expectation.severity,
        expected="no repeated key, here or before" if expectation.with_history else "no repeated key",
        measures={"failing": pl.lit(int(mask.sum()))},
        judge=lambda measured: (blocked_if(measured["failing"]), f"{measured['failing']} rows repeat a key"),
        failing=failing,
        rejects_rows=True,
    )


def repeated(keys: pl.DataFrame) -> NDArray[np.bool_]:
    """(n,) which rows agree with one before them.

    Cost: a sort of n hashes; rows are compared only where hashes repeat.
    """
    mask = np.zeros(len(keys), dtype=np.bool_)
    hashes = key_hashes(keys)
    ordered = np.sort(hashes)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if len(twice):
        candidates = np.flatnonzero(np.isin(hashes, twice))
        mask[candidates] = ~keys[candidates].select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()
    return mask


def key_hashes(keys: pl.DataFrame) -> NDArray[np.uint64]:
    """(n,) 64-bit hash of each row, the same for equal rows in any process of one version of polars."""
    return keys.select(pl.struct(pl.all()).hash()).to_series().to_numpy()


def _of_rows(
    name: str, expectation: Matches | TextLength | Ascending, broken: pl.Expr, expected: str, what: str
) -> Check:
    failing = broken.fill_null(value=False)
    return Check(
        name=name,
        column=expectation.column,
        severity=expectation.severity,
        expected=expected,
        measures={"failing": failing.sum()},
        judge=lambda measured: (
            blocked_if(measured["failing"]),
            f"{measured['failing']} rows {what}" if measured["failing"] else "no other",
        ),
        failing=failing,
        rejects_rows=True,
    )


def _one_sided(low: float | None, high: float | None) -> str:
    return f"at least {low:g}" if low is not None else f"at most {high:g}"
