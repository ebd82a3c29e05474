"""Rows of SQL queries, from a real database file."""

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from homeostat.core.errors import BadData, NotFound, UserError
from homeostat.data.service import Datasets
from homeostat.data.sources import query
from homeostat.data.sources.records import Origin
from homeostat.data.sources.service import Sources

ALL = "SELECT n, s FROM rows ORDER BY n"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a database with the table `rows`."""
    execute(tmp_path / "rows.db", "CREATE TABLE rows (n, s)", "INSERT INTO rows VALUES (1, 'a'), (2, NULL)")
    return f"sqlite:///{tmp_path / 'rows.db'}"


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_query_is_imported(sources: Sources, datasets: Datasets, url: str) -> None:
    """Its rows are a version; its text is remembered, and its place is in the lineage."""
    done = sources.import_url("rows", Origin(uri=url, sql=ALL))

    assert [(1, "a"), (2, None)] == datasets.read(datasets.version("rows")).polars().rows()
    assert ALL == sources.source("rows").origin.sql
    assert datasets.version("rows").source.startswith(f"{done.uri} rows=")


def test_the_same_rows_are_no_version(sources: Sources, url: str) -> None:
    """The query runs again; its answer is what is there."""
    sources.import_url("rows", Origin(uri=url, sql=ALL))

    done = sources.update("rows")

    assert ("not changed", 1) == (done.outcome, done.version)


def test_other_rows_are_a_version_and_so_are_the_first_again(
    sources: Sources, datasets: Datasets, url: str, tmp_path: Path
) -> None:
    """What a dataset held once before is not what it holds now."""
    sources.import_url("rows", Origin(uri=url, sql=ALL))
    execute(tmp_path / "rows.db", "INSERT INTO rows VALUES (3, 'c')")
    second = sources.update("rows")
    execute(tmp_path / "rows.db", "DELETE FROM rows WHERE n = 3")

    third = sources.update("rows")

    assert [("new version", 2, 3), ("new version", 3, 2)] == [
        (done.outcome, done.version, done.rows) for done in (second, third)
    ]
    assert datasets.version("rows", 1).id == datasets.version("rows").id


def test_types_do_not_depend_on_batches(
    sources: Sources, datasets: Datasets, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column whose first batch is empty or whole is of the type that holds all of it."""
    execute(tmp_path / "rows.db", "INSERT INTO rows VALUES (2.5, 'c'), (4, 'd')")
    sources.import_url("whole", Origin(uri=url, sql="SELECT s, n FROM rows ORDER BY rowid"))
    monkeypatch.setattr(query, "_BATCH_ROWS", 1)
    sources.import_url("batches", Origin(uri=url, sql="SELECT s, n FROM rows ORDER BY rowid"))

    assert datasets.version("whole").id == datasets.version("batches").id
    assert ["string", "float64"] == [column.type for column in datasets.version("whole").columns]


def test_a_query_without_rows_is_an_empty_table(sources: Sources, datasets: Datasets, url: str) -> None:
    """Its columns are there; a column without values is text."""
    sources.import_url("rows", Origin(uri=url, sql="SELECT n, s FROM rows WHERE n > 9"))

    assert [("n", "string"), ("s", "string")] == [(one.name, one.type) for one in datasets.version("rows").columns]


def test_decimals_stay_decimals(
    sources: Sources, datasets: Datasets, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several widths, from a driver that gives them."""
    sqlite3.register_converter("PRICE", lambda text: Decimal(text.decode()))
    sql = "SELECT n AS \"n [PRICE]\" FROM (SELECT '1.5' AS n UNION ALL SELECT '20.25' AS n)"

    sources.import_url("rows", Origin(uri=f"{url}?detect_types={sqlite3.PARSE_COLNAMES}", sql=sql))

    assert [Decimal("1.50"), Decimal("20.25")] == datasets.read(datasets.version("rows")).polars().to_series().to_list()


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT n FROM nowhere", "cannot answer 'SELECT n FROM nowhere': no such table: nowhere"),
        ("DELETE FROM rows", "answers no rows, and what it did is undone. Give a SELECT"),
        ("SELECT n, n FROM rows", "names columns twice: n. Rename them with AS"),
        ("SELECT 1 AS n UNION ALL SELECT 'x'", "Column 'n' of the query cannot be held"),
    ],
)
def test_a_query_that_gives_no_table_is_refused(
    sources: Sources, url: str, tmp_path: Path, sql: str, says: str
) -> None:
    """With its text and the database's complaint; the database is as it was."""
    with pytest.raises(BadData, match=says):
        sources.import_url("rows", Origin(uri=url, sql=sql))

    connection = sqlite3.connect(tmp_path / "rows.db")
    assert [(2,)] == connection.execute("SELECT count(*) FROM rows").fetchall()
    connection.close()


def test_a_database_that_is_not_there_is_not_made(sources: Sources, tmp_path: Path) -> None:
    """SQLite would open a new one."""
    with pytest.raises(NotFound, match=r"There is no database .*no\.db"):
        sources.import_url("rows", Origin(uri=f"sqlite:///{tmp_path / 'no.db'}", sql=ALL))

    assert not (tmp_path / "no.db").exists()


def test_a_password_is_refused(sources: Sources) -> None:
    """It would be kept in records; the message does not repeat it."""
    with pytest.raises(UserError, match=r"'postgresql://me:\$\{NAME\}@host/db'") as refused:
        sources.import_url("rows", Origin(uri="postgresql://me:sesame@host/db", sql=ALL))

    assert "sesame" not in refused.value.message


def test_what_is_no_database_url_is_refused(sources: Sources) -> None:
    """With how to write one."""
    with pytest.raises(UserError, match="Write DIALECT://USER@HOST/DATABASE"):
        sources.import_url("rows", Origin(uri="nosuch://host/db", sql=ALL))
