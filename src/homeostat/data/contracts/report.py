"""What a contract said of some rows, for the database, the terminal and the page."""

from collections.abc import Iterator
from typing import Literal

import msgspec

Severity = Literal["warn", "block"]
Status = Literal["met", "warned", "quarantined", "blocked", "unchecked"]


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

    def lines(self) -> Iterator[str]:
        """The report for a terminal, what failed first."""
        verdict = "blocked" if self.is_blocked else f"{self.rows - self.rejected} accepted, {self.rejected} quarantined"
        met = len(self.results) - len(self.notable())
        yield f"contract {self.contract}: {self.rows} rows, {verdict}; {met} of {len(self.results)} expectations met"
        order: tuple[Status, ...] = ("blocked", "quarantined", "warned", "unchecked")
        for result in sorted(self.notable(), key=lambda result: order.index(result.status)):
            yield f"  {result.status:<11} {result.sentence}"
