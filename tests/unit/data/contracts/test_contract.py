"""Contracts as files: written for review, read as edited, refused where they contradict themselves."""

import msgspec
import pytest

from homeostat.core.errors import InvalidDeclaration
from homeostat.data.contracts.contract import (
    Contract,
    Expectation,
    HasColumn,
    InDomain,
    InRange,
    NullsAtMost,
    RowCount,
    SameScale,
    UniqueBy,
    read_contract,
    write_contract,
)

ALL = Contract(
    name="flights",
    expectations=(
        HasColumn(column="distance", type="float64"),
        NullsAtMost(column="delay", share=0.2, severity="warn"),
        InRange(column="distance", low=0, high=5000),
        InDomain(column="carrier", values=("AA", "UA"), unseen_at_most=0.1),
        SameScale(column="distance", quartiles=(400.0, 800.0, 1400.0), factor=1.33),
        UniqueBy(columns=("scheduled", "carrier")),
        RowCount(low=1, high=2000),
    ),
    reference="24 rows",
)


def test_a_contract_survives_its_file() -> None:
    """What was written is what is read."""
    assert ALL == read_contract(write_contract(ALL))


def test_the_file_is_made_for_diffs() -> None:
    """One line for each fact, and a kind that says what is expected."""
    lines = write_contract(ALL).decode().splitlines()

    assert '      "expect": "range",' in lines


@pytest.mark.parametrize(
    "expectation",
    [
        {"expect": "range", "column": "x", "low": 2.0, "high": 1.0},
        {"expect": "rows", "low": 2, "high": 1},
        {"expect": "nulls", "column": "x", "share": 1.5},
        {"expect": "domain", "column": "x", "values": [], "unseen_at_most": -0.1},
        {"expect": "scale", "column": "x", "quartiles": [1.0, 2.0, 3.0], "factor": 1.0},
        {"expect": "scale", "column": "x", "quartiles": [0.0, 2.0, 3.0], "factor": 1.5},
        {"expect": "unique", "columns": []},
    ],
)
def test_a_contradiction_is_refused(expectation: dict[str, object]) -> None:
    """A contract that cannot hold is refused when it is read, not when data comes."""
    with pytest.raises(InvalidDeclaration, match="contradicts itself"):
        Contract(name="x", expectations=(_read(expectation),))


def _read(expectation: dict[str, object]) -> Expectation:
    found: Expectation = msgspec.convert(expectation, Expectation)
    return found


def test_tolerance_is_a_share() -> None:
    """All rows failing can never be tolerable."""
    with pytest.raises(InvalidDeclaration, match="tolerance 1"):
        Contract(name="x", expectations=(), tolerance=1.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Not JSON"),
        ('{"name": "x"}', "expectations"),
        ('{"name": "x", "expectations": [{"expect": "luck"}]}', "luck"),
        ('{"name": "x", "expectations": [{"expect": "range", "column": "a", "low": 1, "hihg": 5}]}', "hihg"),
        ('{"name": "x", "expectations": [], "tolerence": 0.5}', "tolerence"),
        ('{"name": "x", "expectations": [], "environments": {"serving": {"abcent": ["late"]}}}', "abcent"),
    ],
)
def test_what_is_no_contract_says_where(text: str, says: str) -> None:
    """An edited file that cannot be read names the place."""
    with pytest.raises(InvalidDeclaration, match=says):
        read_contract(text)
