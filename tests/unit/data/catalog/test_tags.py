"""Tags name versions, and versions leave as files."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from homeostat.codec.tables import Table
from homeostat.core.errors import BadData, InvalidName, NotFound
from homeostat.data.files import read_file
from homeostat.data.service import Datasets
from homeostat.store import ledger
from homeostat.store.db import Database

Feed = Callable[[int], Table]


@pytest.fixture
def flights(datasets: Datasets, feed: Feed) -> Datasets:
    """A dataset of three versions."""
    for day in range(3):
        datasets.append("flights", feed(day))
    return datasets


@pytest.mark.parametrize(("named", "number"), [("flights", 3), ("flights@1", 1), ("flights@2013-q1", 2)])
def test_versions_are_found_by_number_and_tag(flights: Datasets, named: str, number: int) -> None:
    """The latest, a number, or a tag."""
    flights.tag(flights.version("flights", 2), "2013-q1")

    assert number == flights.find(named).number


def test_a_tag_moves(flights: Datasets, database: Database) -> None:
    """A tag names one version at a time; each move is a fact, a repetition is none."""
    for number in (1, 3, 3):
        flights.tag(flights.version("flights", number), "gold", actor="ana")

    assert {"gold": 3} == flights.tags("flights")
    with database.read() as connection:
        assert [1, 3] == [
            msgspec.json.decode(entry.body)["version"]
            for entry in ledger.entries(connection)
            if entry.kind == "dataset-tagged"
        ]


def test_tags_are_of_one_dataset(flights: Datasets, feed: Feed) -> None:
    """Another dataset, also one whose name differs in case only, has tags of its own."""
    flights.append("Flights", feed(0))
    flights.tag(flights.version("Flights"), "gold")

    assert ({}, {"gold": 1}) == (flights.tags("flights"), flights.tags("Flights"))


def test_an_unknown_tag_names_those_there_are(flights: Datasets) -> None:
    """Who mistypes a tag sees the right ones."""
    flights.tag(flights.version("flights"), "gold")

    with pytest.raises(NotFound, match=r"no tag 'golf'\. Its tags: gold\. Its versions are 1 to 3"):
        flights.find("flights@golf")


@pytest.mark.parametrize("tag", ["12", "a/b", ""])
def test_a_tag_is_no_number_and_no_path(flights: Datasets, tag: str) -> None:
    """A tag can never be taken for a version's number, nor leave its dataset."""
    with pytest.raises(InvalidName, match="cannot be"):
        flights.tag(flights.version("flights"), tag)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv"])
def test_a_checkout_read_again_is_the_version(flights: Datasets, tmp_path: Path, suffix: str) -> None:
    """The rows that leave are the rows of the version."""
    path = tmp_path / f"out{suffix}"

    flights.checkout(flights.version("flights", 2), path)

    wanted = flights.read(flights.version("flights", 2)).polars()
    assert wanted.rows() == read_file(path).polars().cast(wanted.schema).rows()
    assert [path] == [entry for entry in tmp_path.iterdir() if "out" in entry.name]


def test_parquet_keeps_the_id(flights: Datasets, tmp_path: Path) -> None:
    """A table that leaves as Parquet and comes again has the same id."""
    flights.checkout(flights.version("flights"), tmp_path / "out.parquet")

    assert flights.version("flights").id == read_file(tmp_path / "out.parquet").digest


def test_csv_cannot_hold_lists(datasets: Datasets, tmp_path: Path) -> None:
    """What a kind of file cannot hold is refused, nothing is written, and the way out is named."""
    version = datasets.append("lists", {"v": [[1], [2, 3]]}).version

    with pytest.raises(BadData, match=r"Write .parquet"):
        datasets.checkout(version, tmp_path / "out.csv")
    assert [] == [entry for entry in tmp_path.iterdir() if "out" in entry.name]


@pytest.mark.parametrize(("to", "error"), [("out.docx", BadData), ("none/out.csv", NotFound)])
def test_a_checkout_needs_a_place(flights: Datasets, tmp_path: Path, to: str, error: type[Exception]) -> None:
    """An unknown suffix and a directory that is not there are said so."""
    with pytest.raises(error):
        flights.checkout(flights.version("flights"), tmp_path / to)
