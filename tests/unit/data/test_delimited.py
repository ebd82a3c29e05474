"""Tables from CSV: types by rule, whatever the blocks; what cannot be read is named by file and row."""

import datetime as dt
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.core.errors import BadData
from homeostat.data.delimited import OtherTypes, delimited_batches, guessed_batches, read_delimited
from homeostat.data.files import read_file

SPELLINGS = (
    "", '""', "NA", "null", "0", "7", "-7", "007", "+7", "0x1f", " 7", "1,5", "1.5", "1e3", "nan", "inf",
    "9007199254740993", "9223372036854775807", "9223372036854775808", "true", "False", "x", "2013-01-31", "2013-02-30",
    "1500-01-01 10:00", "2013-01-31T10:00:00.5", "2013-01-31 10:00:00.123456789", "2013-01-31T10:00Z", "2013-01-31T10:00:00.0000001+01:00",
)  # fmt: skip


def types(*values: str, folder: Path) -> tuple[str, list[object]]:
    """Type and values of a column of these fields."""
    lines = [f'"{value}",1' if "," in value else f"{value},1" for value in values]
    (folder / "rows.csv").write_text("\n".join(["v,n", *lines]) + "\n")
    table = read_file(folder / "rows.csv")
    return table.types["v"], table.polars()["v"].to_list()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("1", "-20", ""), "int64"),
        (("007", "008"), "string"),
        (("-007", "8"), "string"),
        (("0x1f",), "string"),
        (("+4912345", "4912345"), "string"),
        (("1", "0.5"), "float64"),
        (("1e-3", "nan", "-inf"), "float64"),
        (("1,5", "2,5"), "string"),
        (("0.50", "00.5"), "string"),
        (("9223372036854775807",), "int64"),
        (("9223372036854775808",), "string"),
        (("1234567890123456", "0.5"), "string"),
        (("true", "False", "TRUE"), "bool"),
        (("true", "1"), "string"),
        (("2013-01-31", ""), "date"),
        (("31.01.2013",), "string"),
        (("2013-02-30",), "string"),
        (("2013-01-31", "2013-01-31 10:00"), "timestamp[us]"),
        (("2013-01-31T10:00:00.123456789",), "timestamp[ns]"),
        (("2013-01-31T10:00Z", "2013-01-31T10:00:00+01:00"), "timestamp[us, UTC]"),
        (("2013-01-31T10:00Z", "2013-01-31T10:00"), "string"),
        (("10:30", "11:00"), "string"),
        ((" 1", "2"), "string"),
        (("", ""), "string"),
    ],
)
def test_a_columns_type_follows_the_rule(tmp_path: Path, values: tuple[str, ...], kind: str) -> None:
    """Each kind is recognised, and what a kind would not hold without loss stays text."""
    assert kind == types(*values, folder=tmp_path)[0]


def test_words_for_missing_values_do_not_make_numbers_text(tmp_path: Path) -> None:
    """`NA` among numbers is missing."""
    assert ("int64", [1, None, None, None]) == types("1", "NA", "null", '""', folder=tmp_path)


def test_words_for_missing_values_stay_in_text(tmp_path: Path) -> None:
    """NA is Namibia among countries; an empty field is missing and an empty text is not."""
    assert ("string", ["DE", "NA", None, ""]) == types("DE", "NA", "", '""', folder=tmp_path)


def test_zones_are_held_in_utc(tmp_path: Path) -> None:
    """An offset moves the hour."""
    nine = dt.datetime(2013, 1, 31, 9, tzinfo=dt.UTC)

    assert ("timestamp[us, UTC]", [nine]) == types("2013-01-31T10:00:00+01:00", folder=tmp_path)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.sampled_from(SPELLINGS), min_size=1, max_size=12), block=st.integers(48, 200))
def test_types_do_not_depend_on_blocks(tmp_path_factory: pytest.TempPathFactory, values: list[str], block: int) -> None:
    """Read in blocks of a row or as a whole, as one table or in batches: the same types and the same values."""
    path = tmp_path_factory.mktemp("blocks") / "rows.csv"
    lines = [f'"{value}",1' if "," in value else f"{value},1" for value in values]
    path.write_text("\n".join(["v,n", *lines]) + "\n")

    whole = read_delimited(path, ",")
    schema, batches = delimited_batches(path, ",", block_bytes=block)
    streamed = pl.concat([pl.DataFrame(schema.empty_table()), *(pl.DataFrame(batch) for batch in batches)])

    assert whole.schema == read_delimited(path, ",", block_bytes=block).schema == schema
    assert pl.DataFrame(whole).equals(streamed)
    assert pl.DataFrame(whole).equals(pl.DataFrame(read_delimited(path, ",", block_bytes=block)))


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.sampled_from(SPELLINGS), min_size=1, max_size=12), block=st.integers(48, 200))
def test_guessed_types_are_right_or_refused(
    tmp_path_factory: pytest.TempPathFactory, values: list[str], block: int
) -> None:
    """In one pass there are the same types and values, or none."""
    path = tmp_path_factory.mktemp("guessed") / "rows.csv"
    lines = [f'"{value}",1' if "," in value else f"{value},1" for value in values]
    path.write_text("\n".join(["v,n", *lines]) + "\n")
    whole = pl.DataFrame(read_delimited(path, ","))

    schema, batches = guessed_batches(path, ",", block_bytes=block)

    try:
        guessed = pl.concat([pl.DataFrame(schema.empty_table()), *(pl.DataFrame(batch) for batch in batches)])
    except OtherTypes:
        guessed = whole
    assert whole.equals(guessed)
    assert whole.schema == guessed.schema


def test_a_type_that_changes_late_is_noticed_in_one_pass(tmp_path: Path) -> None:
    """Where no sample shows it: a text after many numbers, and numbers after."""
    path = tmp_path / "rows.csv"
    path.write_text("v,n\n" + "1,1\n" * 315_000 + "x,1\n" + "1,1\n" * 485_000)

    schema, batches = guessed_batches(path, ",")

    assert pa.int64() == schema.field("v").type
    with pytest.raises(OtherTypes):
        list(batches)


def test_a_type_that_a_sample_shows_is_known_before(tmp_path: Path) -> None:
    """Nothing is read, and written, in types that will not last."""
    path = tmp_path / "rows.csv"
    path.write_text("v,n\n" + "1,1\n" * 300_000 + "x,1\n")

    assert pa.large_string() == guessed_batches(path, ",")[0].field("v").type


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    """As Excel writes UTF-8."""
    (tmp_path / "rows.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n")

    assert ("a", "b") == read_file(tmp_path / "rows.csv").columns


def test_quotes_hold_separators_lines_and_quotes(tmp_path: Path) -> None:
    """RFC 4180."""
    (tmp_path / "rows.csv").write_text('"a\nname",b\n"x, ""y""\nz",1\n')

    assert [{"a\nname": 'x, "y"\nz', "b": 1}] == read_file(tmp_path / "rows.csv").polars().to_dicts()


def test_an_empty_line_is_a_missing_value_of_the_only_column(tmp_path: Path) -> None:
    """With one column nothing else would be."""
    (tmp_path / "rows.csv").write_text("a\n1\n\n2\n")

    assert [1, None, 2] == read_file(tmp_path / "rows.csv").polars()["a"].to_list()


@pytest.mark.parametrize("text", ["a,b", "a,b\n"])
def test_a_header_without_rows_is_an_empty_table(tmp_path: Path, text: str) -> None:
    """The columns are there, as text."""
    (tmp_path / "rows.csv").write_text(text)

    table = read_file(tmp_path / "rows.csv")

    assert (0, {"a": "string", "b": "string"}) == (table.rows, table.types)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "its first line is empty"),
        (b"\na,b\n", "its first line is empty"),
        (b"a,a\n1,2\n", r"names columns twice in its header: 'a'"),
        (b"a,b\n1,2\n3\n", r"Row #3: Expected 2 columns, got 1: 3\. Rows are counted from the header"),
        (b"a,b\n1,2,3\n", r"Row #2: Expected 2 columns, got 3"),
        (
            b"a,b\n1,2\n3,M\xfcnchen\n",
            r"line 3 is not UTF-8: byte 0xfc at place 4\. .*iconv -f LATIN1 -t UTF-8 rows\.csv",
        ),
        ("a,b\n1,2\n".encode("utf-16"), "it is UTF-16. Convert it: iconv -f UTF-16 -t UTF-8"),
        (b"\x1f\x8b\x08\x00", "it is a gzip archive. Unpack it"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    """The message says which file, where in it, and what to do."""
    (tmp_path / "rows.csv").write_bytes(content)

    with pytest.raises(BadData, match=rf"rows\.csv .*{says}"):
        read_file(tmp_path / "rows.csv")


def test_a_quote_that_is_never_closed_is_noticed(tmp_path: Path) -> None:
    """Rather than taking the rest of a large file for one field."""
    (tmp_path / "rows.csv").write_text('a,b\n1,"open\n' + "2,3\n" * 100)

    with pytest.raises(BadData, match=r"longer than 128 bytes\. Look for a quote"):
        read_delimited(tmp_path / "rows.csv", ",", block_bytes=128)
