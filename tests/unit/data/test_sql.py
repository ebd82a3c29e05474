"""SQL over datasets."""

from collections.abc import Callable

import pytest

from homeostat.codec.tables import Table
from homeostat.core.errors import BadData, NotAllowed, NotFound
from homeostat.data.service import Datasets

Feed = Callable[[int], Table]


@pytest.fixture
def flights(datasets: Datasets, feed: Feed) -> Datasets:
    """Two days of flights, each a version, and the carriers' names."""
    for day in range(2):
        datasets.append("flights", feed(day))
    datasets.append("carriers", {"carrier": ["AA", "B6", "UA"], "name": ["American", "JetBlue", "United"]})
    return datasets


def test_rows_are_selected_grouped_and_joined(flights: Datasets) -> None:
    """A query over two datasets gives what the frames give."""
    found = flights.sql(
        "SELECT name, count(*) AS n FROM flights JOIN carriers USING (carrier) GROUP BY name ORDER BY name"
    )

    assert [("American", 16), ("JetBlue", 16), ("United", 16)] == found.polars().rows()


@pytest.mark.parametrize(("named", "rows"), [("flights", 48), ('"flights@1"', 24), ('"flights@first"', 24)])
def test_versions_are_named_in_quotes(flights: Datasets, named: str, rows: int) -> None:
    """The latest version, one by its number, one by its tag."""
    flights.tag(flights.version("flights", 1), "first")

    assert [(rows,)] == flights.sql(f"SELECT count(*) FROM {named}").polars().rows()


def test_only_rows_that_are_asked_for_come(flights: Datasets) -> None:
    """Conditions and limits hold across segments."""
    found = flights.sql("SELECT distance FROM flights WHERE carrier = 'UA' AND distance > 1200.5 LIMIT 2")

    assert [(1300.0,), (1300.0,)] == found.polars().rows()


@pytest.mark.parametrize(
    ("statement", "error", "says"),
    [
        ("SELECT * FROM flihgts", NotFound, r"'flihgts'.*There are: carriers, flights"),
        ('SELECT * FROM "flights@9"', NotFound, "its versions are 1 to 2"),
        ("SELECT fare FROM flights", BadData, "fare.*flights has scheduled, carrier, distance, delay"),
        ("SELECT FROM", BadData, "cannot be answered"),
        ("DROP TABLE flights", NotAllowed, "only read"),
        ("-- SELECT\nDELETE FROM flights", NotAllowed, "only read"),
        ("SELECT * FROM flights; TRUNCATE flights", BadData, r"only one\) statement"),
    ],
)
def test_what_cannot_be_answered_is_said(flights: Datasets, statement: str, error: type[Exception], says: str) -> None:
    """A wrong name is answered by the right ones; what would change something is refused."""
    with pytest.raises(error, match=says):
        flights.sql(statement)


def test_a_name_in_text_or_comment_is_no_dataset(flights: Datasets) -> None:
    """Only identifiers are looked up."""
    assert [("carriers@7",)] == flights.sql(
        'SELECT \'carriers@7\' AS it /* "carriers@8" */ -- "carriers@9"'
    ).polars().rows()


def test_a_dataset_of_files_in_the_way_of_a_column(flights: Datasets, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A column that is called as a dataset of files is a column."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "a").write_text("a")
    flights.add_files("distance", folder)

    assert [(1301.0,)] == flights.sql("SELECT max(distance) FROM flights").polars().rows()


def test_a_scan_is_the_version(flights: Datasets) -> None:
    """A scan collects the rows of a version, in order; a part of it, that part."""
    version = flights.version("flights")

    scanned = flights.scan(version)

    assert version.id == Table.of(scanned.collect()).digest
    assert flights.read(version).polars().select("delay").slice(20, 10).rows() == (
        scanned.select("delay").slice(20, 10).collect().rows()
    )
