"""The report as a page."""

import re

import polars as pl

from homeostat.codec.tables import Table
from homeostat.data.contracts.contract import Contract, InRange
from homeostat.data.contracts.page import page
from homeostat.data.contracts.profile import profile
from homeostat.data.contracts.validate import validate

ROWS = pl.DataFrame({"x": [1.0, 2.0, 99.0], "<s>": ["a", "b", None], "none": [None, None, None]})


def test_the_page_names_what_failed() -> None:
    """Verdict, expectation, number of failing rows and their numbers are there; names are no markup."""
    report = validate(Table.of(ROWS), Contract(name="c", expectations=(InRange(column="x", high=9),))).report

    found = page(report, profile(ROWS), None)

    assert "The contract blocks these 3 rows" in found
    assert re.search(r'blocked</b></td><td>range</td><td>x</td>.*<td class="n">1</td><td class="muted">2</td>', found)
    assert "&lt;s&gt;" in found
    assert "<s>" not in found


def test_the_page_draws_each_column_beside_its_reference() -> None:
    """A column with values has a chart: filled for the rows, outlined for the reference, with its drift."""
    report = validate(Table.of(ROWS), Contract(name="c", expectations=())).report

    found = page(report, profile(ROWS), profile(ROWS))

    assert 2 == found.count("<svg")
    assert found.count('class="ref"') >= 4
    assert 2 == found.count("<td>drift</td>")


def test_the_page_needs_nothing_else() -> None:
    """No scripts, no requests, both themes."""
    report = validate(Table.of(ROWS), Contract(name="c", expectations=())).report

    found = page(report, profile(ROWS), None)

    assert not re.search(r"<script|<link|src=|https?://", found)
    assert "prefers-color-scheme:dark" in found
