"""Reading tables from files: the suffix decides, and what cannot be read says why."""

from pathlib import Path

import pytest

from homeostat.core.errors import BadData, NotFound
from homeostat.data.files import read_file


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", "n,at,s\n1,2013-01-01,a\n2,2013-01-02,\n"),
        ("rows.TSV", "n\tat\ts\n1\t2013-01-01\ta\n2\t2013-01-02\t\n"),
    ],
)
def test_text_is_read_with_its_types(tmp_path: Path, name: str, text: str) -> None:
    """Numbers, dates and missing values are recognised."""
    (tmp_path / name).write_text(text)

    table = read_file(tmp_path / name)

    assert {"n": "int64", "at": "date", "s": "string"} == table.types
    assert ["a", None] == table.polars()["s"].to_list()


def test_the_whole_file_decides_a_type(tmp_path: Path) -> None:
    """A decimal in the last line makes the column one of decimals."""
    (tmp_path / "rows.csv").write_text("n\n" + "1\n" * 2000 + "0.5\n")

    assert {"n": "float64"} == read_file(tmp_path / "rows.csv").types


def test_json_lines(tmp_path: Path) -> None:
    """A line is a row."""
    (tmp_path / "rows.jsonl").write_text('{"n": 1, "s": "a"}\n{"n": 2, "s": null}\n')

    assert [(1, "a"), (2, None)] == read_file(tmp_path / "rows.jsonl").polars().rows()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message holds the path."""
    with pytest.raises(NotFound, match=r"no\.csv"):
        read_file(tmp_path / "no.csv")


def test_an_unknown_suffix_names_the_known(tmp_path: Path) -> None:
    """The message says what can be read."""
    (tmp_path / "rows.xls").touch()

    with pytest.raises(BadData, match=r"\.csv, \.tsv, \.jsonl"):
        read_file(tmp_path / "rows.xls")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "jsonl"])
def test_other_content_is_refused(tmp_path: Path, suffix: str) -> None:
    """A file that is not of its kind is never taken for an empty one."""
    (tmp_path / f"rows.{suffix}").write_bytes(b"\x00\x01\x02{" if suffix != "csv" else b"")

    with pytest.raises(BadData, match=rf"rows\.{suffix} cannot be read as \.{suffix}"):
        read_file(tmp_path / f"rows.{suffix}")
