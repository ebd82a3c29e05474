"""Schemas of pandera, taken for contracts."""

from typing import Any

import pytest

from homeostat.codec.tables import Table
from homeostat.core.errors import InvalidDeclaration
from homeostat.data.contracts.contract import Contract, HasColumn, InDomain, InRange, NullsAtMost, UniqueBy
from homeostat.data.contracts.from_pandera import from_pandera
from homeostat.data.contracts.validate import validate

pa = pytest.importorskip("pandera.polars")


def contract(**columns: Any) -> Contract:
    return from_pandera(pa.DataFrameSchema(columns), name="flights")


def test_a_schema_becomes_expectations() -> None:
    """Type, nulls, uniqueness, ranges and domains have counterparts; open bounds begin at the next number."""
    found = contract(
        id=pa.Column(int, [pa.Check.gt(0), pa.Check.lt(9)], unique=True),
        carrier=pa.Column(str, pa.Check.isin(["b", "a"]), nullable=True),
    )

    assert (
        HasColumn(column="id", type="int64"),
        NullsAtMost(column="id", share=0.0),
        UniqueBy(columns=("id",)),
        InRange(column="id", low=1.0),
        InRange(column="id", high=8.0),
        HasColumn(column="carrier", type="string"),
        InDomain(column="carrier", values=("a", "b"), unseen_at_most=0.0),
    ) == found.expectations


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (pa.Check.str_matches("a[0-9]"), "a1x", "xa1"),
        (pa.Check.str_contains("b"), "abc", "ac"),
        (pa.Check.str_startswith("a."), "a.b", "ab."),
        (pa.Check.str_endswith("z"), "az", "za"),
        (pa.Check.str_length(2, 3), "abc", "abcd"),
        (pa.Check.isin(["a", "b"]), "a", "c"),
        (pa.Check.eq("a"), "a", "b"),
    ],
)
def test_a_check_fails_the_rows_that_fail_in_pandera(check: Any, good: str, bad: str) -> None:
    """The same row fails here and there."""
    held_to = contract(x=pa.Column(str, check))

    assert [1] == validate(Table.of({"x": [good, bad]}), held_to).failing_rows.tolist()


def test_a_model_is_a_schema() -> None:
    """Models are taken like schemas, with what their configuration asks of the whole frame."""
    model = type(
        "Model",
        (pa.DataFrameModel,),
        {"__annotations__": {"a": int}, "Config": type("Config", (), {"strict": True, "unique": ["a"]})},
    )

    assert ["column", "nulls", "columns", "unique"] == [
        str(one.__struct_config__.tag) for one in from_pandera(model, name="m").expectations
    ]


def test_what_cannot_be_said_is_refused_by_name() -> None:
    """Nothing is left out silently: each part without counterpart is named."""
    with pytest.raises(InvalidDeclaration, match=r"check 'odd' of 'x'; coerce of 'y'"):
        contract(x=pa.Column(int, pa.Check(lambda x: x, name="odd")), y=pa.Column(int, coerce=True))
