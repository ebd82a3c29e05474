"""The project of the current directory, in scripts: `hs.dataset` and `hs.sql`."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import homeostat as hs
from homeostat.core.errors import NotFound, NoWorkspace, UserError
from homeostat.current import datasets as current
from homeostat.data.diffs.files import FilesDiff
from homeostat.store.objects.remote import Location
from homeostat.workspace import Config, Project, Workspace


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new project, which is the current directory."""
    root = tmp_path / "project"
    Workspace.create(root, Config(project=Project(name="example"))).close()
    monkeypatch.chdir(root)
    yield root
    while current._opened:
        current._opened.popitem()[1].close()


@pytest.fixture
def rows() -> pl.DataFrame:
    return pl.DataFrame({"id": [1, 2, 3], "value": [0.5, 1.5, 2.5]})


def test_rows_come_in_every_form(rows: pl.DataFrame) -> None:
    """Arrow, polars, a scan: the same rows."""
    flights = hs.dataset("flights").append(rows)

    assert (
        rows.rows()
        == flights.polars().rows()
        == pl.DataFrame(flights.arrow()).rows()
        == flights.scan().collect().rows()
    )
    assert flights.version.id == flights.table().digest


def test_rows_come_as_pandas(rows: pl.DataFrame) -> None:
    """For those who have pandas."""
    pytest.importorskip("pandas", reason="pandas is an extra")

    assert [0.5, 1.5, 2.5] == list(hs.dataset("flights").append(rows).pandas()["value"])


def test_versions_are_reached_and_compared(rows: pl.DataFrame) -> None:
    """By number and tag; a diff goes from the handle's version to the other."""
    first = hs.dataset("flights").append(rows)
    first.tag("gold")
    latest = first.append({"id": [4], "value": [9.0]})

    assert [1, 1, 2] == [hs.dataset(named).version.number for named in ("flights@1", "flights@gold", "flights")]
    assert 1 == len(first.diff(latest, key="id").added) == len(latest.diff("gold").removed)
    assert [2, 1] == [version.number for version in latest.versions()]


def test_files_are_a_dataset_too(tmp_path: Path) -> None:
    """`add` takes a directory, and a diff of two such versions is one of paths."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a").write_text("a")
    first = hs.dataset("photos").add(folder)
    (folder / "b").write_text("b")

    diff = first.diff(hs.dataset("photos").add(str(folder)))

    assert isinstance(diff, FilesDiff)
    assert ["b"] == [entry.path for entry in diff.added]


def test_a_table_file_is_its_rows_unless_asked_otherwise(rows: pl.DataFrame, tmp_path: Path) -> None:
    """`add` takes what `homeostat data add` takes."""
    path = tmp_path / "flights.csv"
    rows.write_csv(path)

    flights, file = hs.dataset("flights").add(path), hs.dataset("file").add(path, as_file=True)

    assert rows.rows() == flights.polars().rows()
    assert (False, True) == (flights.version.is_files, file.version.is_files)


def test_branches_are_begun_and_merged(rows: pl.DataFrame) -> None:
    """What was appended on a branch is on the main line once it is merged."""
    flights = hs.dataset("flights").append(rows)
    trial = flights.branch("trial").append({"id": [4], "value": [9.0]}, branch="trial")

    assert [3, 4, 4] == [one.polars().height for one in (flights, trial, flights.merge("trial"))]


def test_versions_are_written_out_and_checked(rows: pl.DataFrame, tmp_path: Path) -> None:
    """`checkout` writes the rows of the handle's version, `verify` reads them again."""
    first = hs.dataset("flights").append(rows)
    first.append({"id": [4], "value": [9.0]})

    first.verify()
    first.checkout(tmp_path / "out.parquet")

    assert rows.rows() == pl.read_parquet(tmp_path / "out.parquet").rows()


def test_sources_are_remembered_and_asked_again(rows: pl.DataFrame, tmp_path: Path) -> None:
    """`import_url`, then `update` when the source has changed."""
    path = tmp_path / "flights.parquet"
    rows.write_parquet(path)
    flights = hs.dataset("flights").import_url(str(path))
    rows.head(1).write_parquet(path)

    assert [3, 1, 1] == [one.polars().height for one in (flights, flights.update(), flights.update())]


def test_versions_travel_to_a_remote_and_back(rows: pl.DataFrame, tmp_path: Path) -> None:
    """`push` sends the handle's version; a clone of the project pulls it."""
    (tmp_path / "shared").mkdir()
    current.workspace().add_remote("team", Location(url=f"file://{tmp_path / 'shared'}"))
    flights = hs.dataset("flights").append(rows)

    assert ("flights@1",) == flights.push().versions == flights.pull().versions


def test_a_handle_says_what_it_is(rows: pl.DataFrame) -> None:
    """Its name, version and size; or that there is no version yet."""
    empty = hs.dataset("flights")

    assert "<dataset flights: no version yet>" == repr(empty)
    assert repr(empty.append(rows)).startswith("<dataset flights@1: 3 rows × 2 columns, id ")


def test_what_is_not_there_is_answered_by_what_is(rows: pl.DataFrame) -> None:
    """A name, a version, a dataset that are not there."""
    hs.dataset("flights").append(rows)

    with pytest.raises(NotFound, match=r"No dataset is named 'fligths'. There are: flights"):
        hs.dataset("fligths").polars()
    with pytest.raises(NotFound, match="has no version 7"):
        hs.dataset("flights").at(7)
    with pytest.raises(UserError, match="of two datasets"):
        hs.dataset("flights").diff(hs.dataset("other").append(rows))


def test_sql_reads_the_project(rows: pl.DataFrame) -> None:
    """A query over its datasets."""
    hs.dataset("flights").append(rows)

    assert [(4.5,)] == hs.sql("SELECT sum(value) FROM flights").polars().rows()


def test_a_project_is_opened_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also from a directory inside it; another project is another."""
    (project / "inside").mkdir()
    first = current.workspace()
    monkeypatch.chdir(project / "inside")

    assert first is current.workspace()

    monkeypatch.chdir("/")
    with pytest.raises(NoWorkspace, match="homeostat init"):
        hs.dataset("flights")
