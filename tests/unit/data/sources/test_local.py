"""Files and directories as sources."""

from pathlib import Path

import polars as pl
import pytest

from homeostat.core.errors import BadData, NotFound
from homeostat.data.service import Datasets
from homeostat.data.sources.records import Origin
from homeostat.data.sources.service import Sources


def part(folder: Path, name: str, *numbers: int) -> None:
    folder.mkdir(exist_ok=True)
    pl.DataFrame({"n": numbers}).write_parquet(folder / name)


def test_a_path_in_the_project_is_remembered_relative_to_it(
    sources: Sources, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the project can be moved, and update runs from anywhere in it."""
    (root / "raw").mkdir()
    (root / "raw" / "rows.csv").write_text("n\n1\n")
    monkeypatch.chdir(root / "raw")

    sources.import_url("rows", Origin(uri="rows.csv"))
    monkeypatch.chdir(root)

    assert "raw/rows.csv" == sources.source("rows").origin.uri
    assert "not changed" == sources.update("rows").outcome


def test_a_changed_file_is_the_next_version(sources: Sources, root: Path) -> None:
    """Its digest decides, not its times."""
    (root / "rows.csv").write_text("n\n1\n")
    sources.import_url("rows", Origin(uri=str(root / "rows.csv")))
    (root / "rows.csv").write_text("n\n2\n")

    assert ("new version", 2) == ((done := sources.update("rows")).outcome, done.version)


def test_new_files_of_a_directory_are_appended(sources: Sources, datasets: Datasets, root: Path) -> None:
    """Only their rows are new, and the id is that of importing all of them at once."""
    part(root / "days", "1.parquet", 1, 2)
    sources.import_url("days", Origin(uri=str(root / "days")))
    part(root / "days", "2.parquet", 3)

    sources.update("days")
    sources.import_url("at-once", Origin(uri=str(root / "days")))

    assert (2, 1) == ((version := datasets.version("days")).number, version.rows_added)
    assert version.id == datasets.version("at-once").id


@pytest.mark.parametrize(
    ("name", "numbers", "expected"),
    [("0.parquet", (0,), [0, 1, 2]), ("1.parquet", (7,), [7])],
)
def test_other_changes_of_a_directory_replace_all(
    sources: Sources, datasets: Datasets, root: Path, name: str, numbers: tuple[int, ...], expected: list[int]
) -> None:
    """A file before the others or another content: rows stay in the order of the files' names."""
    part(root / "days", "1.parquet", 1, 2)
    sources.import_url("days", Origin(uri=str(root / "days")))
    part(root / "days", name, *numbers)

    sources.update("days")

    assert expected == datasets.read(datasets.version("days")).polars()["n"].to_list()


def test_a_dataset_that_others_added_to_is_replaced(sources: Sources, datasets: Datasets, root: Path) -> None:
    """Afterwards it holds what the source holds."""
    part(root / "days", "1.parquet", 1)
    sources.import_url("days", Origin(uri=str(root / "days")))
    datasets.append("days", {"n": [100]})
    part(root / "days", "2.parquet", 2)

    sources.update("days")

    assert [1, 2] == datasets.read(datasets.version("days")).polars()["n"].to_list()


def test_files_with_other_columns_are_refused(sources: Sources, root: Path) -> None:
    """The one that differs is named."""
    part(root / "days", "1.parquet", 1)
    pl.DataFrame({"m": [1]}).write_parquet(root / "days" / "2.parquet")

    with pytest.raises(BadData, match=r"2\.parquet has other columns than 1\.parquet"):
        sources.import_url("days", Origin(uri=str(root / "days")))


def test_an_append_is_not_remembered(sources: Sources, datasets: Datasets, root: Path) -> None:
    """Rows of a source can be added once, to others."""
    (root / "rows.csv").write_text("n\n1\n")
    datasets.append("rows", {"n": [0]})

    sources.append("rows", Origin(uri=str(root / "rows.csv")))

    assert [0, 1] == datasets.read(datasets.version("rows")).polars()["n"].to_list()
    assert [] == sources.sources()


@pytest.mark.parametrize("uri", ["no.csv", "delta+no", "lance+no.lance", "iceberg+no"])
def test_a_path_that_is_not_there_is_named(sources: Sources, uri: str) -> None:
    """Whatever is looked for there."""
    for extra in ("deltalake", "lance", "pyiceberg"):
        pytest.importorskip(extra, reason="needs the extras `delta`, `lance` and `iceberg`")

    with pytest.raises(NotFound, match=uri.replace("+", r"\+").partition("no")[0] + ".*no"):
        sources.import_url("rows", Origin(uri=uri))


@pytest.mark.parametrize("uri", ["ftp://host/rows.csv", "s3://bucket"])
def test_an_address_of_no_known_kind_is_refused(sources: Sources, uri: str) -> None:
    """With those that are known."""
    with pytest.raises(BadData, match=uri):
        sources.import_url("rows", Origin(uri=uri))


def test_a_dataset_without_a_source_is_named(sources: Sources, datasets: Datasets) -> None:
    """With how to give it one."""
    datasets.append("rows", {"n": [0]})

    with pytest.raises(NotFound, match=r"has no source\. Give it one: homeostat data import-url rows URI"):
        sources.update("rows")
