import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.codec.signatures import Column, Signature, Type
from homeostat.core.clock import micros
from homeostat.core.errors import BadData, MissingColumn, WrongType

DEPARTURE = dt.datetime(2013, 4, 12, 6, tzinfo=dt.UTC)
ALL = Signature(
    (
        Column("wind", "float"),
        Column("seats", "int"),
        Column("carrier", "string"),
        Column("holiday", "bool"),
        Column("scheduled", "timestamp", "UTC"),
    )
)
ROW: dict[str, Any] = {
    "wind": 3.5,
    "seats": 180,
    "carrier": "UA",
    "holiday": False,
    "scheduled": "2013-04-12T06:00:00Z",
}

rows = st.lists(
    st.fixed_dictionaries(
        {
            "wind": st.none() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53),
            "seats": st.none() | st.integers(-(2**63), 2**63 - 1),
            "carrier": st.none() | st.text(max_size=5),
            "holiday": st.none() | st.booleans(),
            "scheduled": st.none() | st.integers(0, 2**51),
        }
    ),
    max_size=5,
)


@given(rows)
def test_rows_become_the_frame_of_the_signature(given_rows: list[dict[str, Any]]) -> None:
    """Every value arrives where it belongs, and the frame's own signature is the one asked for."""
    frame = ALL.frame(ALL.check(given_rows))

    assert ALL == Signature.of(frame)
    assert given_rows == frame.with_columns(pl.col("scheduled").dt.timestamp("us")).to_dicts()


def test_extra_columns_are_ignored() -> None:
    """A caller may send more than is needed."""
    assert ALL.check([ROW]) == ALL.check([{**ROW, "gate": {"any": "thing"}}])


def test_a_timestamp_is_text_or_microseconds() -> None:
    """Both name the same instant; text without a zone is UTC."""
    column = Signature((Column("at", "timestamp"),))
    written = ["2013-04-12T06:00:00Z", "2013-04-12T06:00:00", "2013-04-12T08:00:00+02:00", micros(DEPARTURE)]

    assert [[micros(DEPARTURE)] * 4] == column.check([{"at": value} for value in written])


def test_the_zone_of_the_training_rows_comes_back() -> None:
    """A transform meets aware times in serving if it met them in training, and naive ones if not."""
    for zone in ("UTC", ""):
        signature = Signature((Column("at", "timestamp", zone),))

        assert pl.Datetime("us", zone or None) == signature.frame(signature.check([{"at": 0}])).schema["at"]


@pytest.mark.parametrize(
    ("column", "value", "needed"),
    [
        ("wind", "3.5", "a number"),
        ("wind", True, "a number"),
        pytest.param("wind", 10**400, "a number", id="beyond-float"),
        ("seats", 180.0, "a whole number"),
        ("seats", True, "a whole number"),
        ("carrier", 7, "a text"),
        ("holiday", 1, "true or false"),
        ("scheduled", "noon", "an ISO 8601 text"),
        ("scheduled", 1.5, "an ISO 8601 text"),
    ],
)
def test_a_wrong_value_is_named(column: str, value: Any, needed: str) -> None:
    """Column, row, value and need: enough to mend the request without reading our code."""
    with pytest.raises(WrongType, match=f"Column '{column}' of row 1 is .*, but the model needs {needed}"):
        ALL.check([ROW, {**ROW, column: value}])


def test_a_missing_value_is_named() -> None:
    """Left out is not the same as null: a misspelt column must not pass for unknown."""
    with pytest.raises(MissingColumn, match=r"Row 2 has no 'carrier'; the model needs a text"):
        ALL.check([ROW, ROW, {name: value for name, value in ROW.items() if name != "carrier"}])


def test_a_number_beyond_64_bits_is_refused() -> None:
    """JSON knows no bounds; a column does."""
    with pytest.raises(WrongType, match=r"Column 'seats' needs a whole number of at most 64 bits"):
        ALL.frame(ALL.check([{**ROW, "seats": 2**64}]))


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pl.Series([1], dtype=pl.Int8), "int"),
        (pl.Series([1], dtype=pl.UInt32), "int"),
        (pl.Series([1], dtype=pl.Float32), "float"),
        (pl.Series([1], dtype=pl.Decimal(5, 2)), "float"),
        (pl.Series(["a"], dtype=pl.Categorical), "string"),
        (pl.Series(["a"], dtype=pl.Enum(["a"])), "string"),
        (pl.Series([True]), "bool"),
        (pl.Series([dt.date(2013, 4, 12)]), "timestamp"),
        (pl.Series([DEPARTURE.replace(tzinfo=None)], dtype=pl.Datetime("ns")), "timestamp"),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_storage_types_widen_to_five(series: pl.Series, expected: Type) -> None:
    """How wide a number is stored is no business of a caller; `conform` gives the model one type for each."""
    frame = pl.DataFrame({"x": series})
    signature = Signature.of(frame)

    assert Signature((Column("x", expected),)) == signature == Signature.of(signature.conform(frame))
    assert frame.height == signature.conform(frame).drop_nulls().height


def test_a_list_is_no_input() -> None:
    """Refused when the model is trained."""
    with pytest.raises(WrongType, match=r"Column 'tags' is of type List"):
        Signature.of(pl.DataFrame({"tags": [["a"]]}))


def reads_in_passing(frame: pl.DataFrame) -> pl.DataFrame:
    """Works without `wind`, but not to the same effect."""
    wind = frame["wind"] if "wind" in frame.columns else pl.Series([0.0] * frame.height)
    return pl.DataFrame({"x": frame["seats"] + wind})


def test_a_column_that_changes_the_features_is_needed() -> None:
    """Also if the transform can do without it."""
    frame = pl.DataFrame({"wind": [1.0], "seats": [2.0], "late": [True]})

    assert ["wind", "seats"] == Signature.needed(frame, reads_in_passing).names


def test_a_transform_to_an_array_is_compared_with_its_nans() -> None:
    """Missing values do not make every column needed."""
    frame = pl.DataFrame({"wind": [1.0, None], "late": [True, False]})

    assert ["wind"] == Signature.needed(frame, lambda given: given.select("wind").to_numpy()).names


def test_a_transform_that_fails_on_whole_rows_is_heard() -> None:
    """Its own error, not ours."""
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        Signature.needed(pl.DataFrame({"wind": [1.0]}), lambda frame: frame.select("seats"))


@given(
    st.lists(st.dictionaries(st.sampled_from(ALL.names), st.none() | st.integers() | st.text(max_size=3)), max_size=4)
)
def test_whatever_comes_it_is_a_frame_or_bad_data(given_rows: list[dict[str, Any]]) -> None:
    """The gateway answers 4xx, never 500."""
    try:
        height = ALL.frame(ALL.check(given_rows)).height
    except BadData:
        return

    assert len(given_rows) == height
