"""What a contract said of some rows, for the database, the terminal and the page."""

from typing import Literal

import msgspec

Severity = Literal["warn", "block"]
Status = Literal["met", "warned", "quarantined", "blocked", "unchecked"]

_ORDER: tuple[Status, ...] = ("blocked", "quarantined", "warned", "unchecked")
_SHOWN = 6


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How one expectation fared.

    Attributes:
        failing: number of rows that fail it; 0 where it does not speak of rows.
        first_rows: their first row numbers in the append, counted from 0.
        stretches: all their row numbers as (first, after the last), as far as 1,000 stretches go.
    """

    expectation: str
    column: str
    severity: Severity
    status: Status
    observed: str
    expected: str
    failing: int = 0
    first_rows: tuple[int, ...] = ()
    stretches: tuple[tuple[int, int], ...] = ()

    @property
    def sentence(self) -> str:
        where = f"{self.expectation} of {self.column!r}" if self.column else self.expectation
        rows = f" (rows {', '.join(map(str, self.first_rows))}{', ...' if self.failing > len(self.first_rows) else ''})"
        return f"{where}: observed {self.observed}, expected {self.expected}{rows if self.first_rows else ''}"

    @property
    def where(self) -> str:
        """Numbers of the failing rows for people: single ones and stretches, the first few of them."""
        known = self.stretches or tuple((row, row + 1) for row in self.first_rows)
        shown = [str(first) if end == first + 1 else f"{first}-{end - 1}" for first, end in known[:_SHOWN]]
        rest = self.failing - sum(end - first for first, end in known[:_SHOWN])
        return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of a contract on an append."""

    contract: str
    rows: int
    rejected: int
    results: tuple[Result, ...]

    @property
    def is_blocked(self) -> bool:
        return any(result.status == "blocked" for result in self.results)

    @property
    def reason(self) -> str:
        """What blocked it, in a sentence; empty if nothing did."""
        return "; ".join(result.sentence for result in self.results if result.status == "blocked")

    def notable(self) -> tuple[Result, ...]:
        """Results that are not simply met."""
        return tuple(result for result in self.results if result.status != "met")

    def worst_first(self) -> list[Result]:
        """Results that are not simply met, what blocks first; else in the order of the contract."""
        return sorted(self.notable(), key=lambda result: _ORDER.index(result.status))

    @property
    def summary(self) -> str:
        """The verdict in a line."""
        verdict = (
            "blocked" if self.is_blocked else f"{self.rows - self.rejected:,} accepted, {self.rejected:,} quarantined"
        )
        met = len(self.results) - len(self.notable())
        return f"contract {self.contract}: {self.rows:,} rows, {verdict}; {met} of {len(self.results)} expectations met"
