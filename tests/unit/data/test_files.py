"""Reading tables from files: the suffix decides, and what cannot be read says why."""

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from homeostat.core.errors import BadData, NotFound
from homeostat.data.files import read_batches, read_file


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
    (tmp_path / "rows.doc").touch()

    with pytest.raises(BadData, match=r"\.csv, \.tsv, \.jsonl"):
        read_file(tmp_path / "rows.doc")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "jsonl"])
def test_other_content_is_refused(tmp_path: Path, suffix: str) -> None:
    """A file that is not of its kind is never taken for an empty one."""
    (tmp_path / f"rows.{suffix}").write_bytes(b"\x00\x01\x02{" if suffix != "csv" else b"")

    with pytest.raises(BadData, match=rf"rows\.{suffix} cannot be read as \.{suffix}"):
        read_file(tmp_path / f"rows.{suffix}")


def test_the_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    """A broken line in a long file is found without a search."""
    (tmp_path / "rows.jsonl").write_text('{"n": 1}\n{"n": 2\n{"n": 3}\n')

    with pytest.raises(BadData, match=r"rows\.jsonl cannot be read as \.jsonl: line 2 is not JSON"):
        read_file(tmp_path / "rows.jsonl")


def test_a_line_must_be_an_object(tmp_path: Path) -> None:
    """A list of values has no column names."""
    (tmp_path / "rows.jsonl").write_text('{"n": 1}\n[2]\n')

    with pytest.raises(BadData, match="line 2 is no JSON object"):
        read_file(tmp_path / "rows.jsonl")


def test_an_arrow_stream_is_read_as_an_arrow_file(tmp_path: Path) -> None:
    """Both are called .arrow."""
    rows = pa.table({"n": [1, 2]})
    with pa.ipc.new_stream(tmp_path / "stream.arrow", rows.schema) as stream:
        stream.write_table(rows)
    with pa.ipc.new_file(tmp_path / "file.arrow", rows.schema) as file:
        file.write_table(rows)

    assert read_file(tmp_path / "file.arrow").digest == read_file(tmp_path / "stream.arrow").digest


def test_the_first_sheet_of_a_workbook_is_a_table(tmp_path: Path) -> None:
    """Numbers come as numbers and text as text."""
    pytest.importorskip("fastexcel", reason="needs the extra `excel`")
    cells = (("n", "s"), (1, "a"), (2, "b"))
    rows = "".join(f"<row>{''.join(_cell(value) for value in row)}</row>" for row in cells)
    with zipfile.ZipFile(tmp_path / "rows.xlsx", "w") as book:
        book.writestr("[Content_Types].xml", _CONTENT_TYPES)
        book.writestr("_rels/.rels", _relation("officeDocument", "xl/workbook.xml"))
        book.writestr("xl/_rels/workbook.xml.rels", _relation("worksheet", "worksheets/sheet1.xml"))
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        book.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )

    table = read_file(tmp_path / "rows.xlsx")

    assert [{"n": 1, "s": "a"}, {"n": 2, "s": "b"}] == table.polars().to_dicts()


def test_a_workbook_that_is_none_is_refused(tmp_path: Path) -> None:
    """The reader's complaint comes with the path."""
    pytest.importorskip("fastexcel", reason="needs the extra `excel`")
    (tmp_path / "rows.xlsx").write_bytes(b"no workbook")

    with pytest.raises(BadData, match=r"rows\.xlsx cannot be read as \.xlsx"):
        read_file(tmp_path / "rows.xlsx")


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_CONTENT_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types">'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEETS}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEETS}.worksheet+xml"/></Types>'
)


def _relation(kind: str, target: str) -> str:
    return (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_OFFICE}/{kind}" Target="{target}"/></Relationships>'
    )


def _cell(value: object) -> str:
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>' if isinstance(value, str) else f"<c><v>{value}</v></c>"


def test_a_damaged_page_of_parquet_is_named(tmp_path: Path) -> None:
    """Damage that shows only while batches are read is an error of the file too."""
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": [float(row % 977) for row in range(100_000)]}), path)
    content = bytearray(path.read_bytes())
    content[40:100] = b"\xff" * 60
    path.write_bytes(content)

    with pytest.raises(BadData, match=r"rows\.parquet cannot be read as \.parquet"):
        read_batches(path).read_all()
