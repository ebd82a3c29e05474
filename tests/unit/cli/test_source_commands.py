"""`homeostat data import-url` and `update`."""

import sqlite3
from pathlib import Path

import pytest

from command_line import Call
from homeostat.workspace import Workspace


def test_import_and_update_say_what_they_did(call: Call, project: Path) -> None:
    """A new version, nothing changed, and the same rows in other words."""
    Path("feed.csv").write_text("n,s\n1,a\n")

    said = [call("data", "import-url", "feed", "feed.csv").out, call("data", "update", "feed").out]
    Path("feed.csv").write_text("n,s\r\n1,a\r\n")
    said.append(call("data", "update").out)

    assert said[0].startswith("feed@1: 1 rows from feed.csv, id ")
    assert [
        "feed@1 is what feed.csv holds: nothing has changed.\n",
        "feed@1 holds the rows of feed.csv already: no new version.\n",
    ] == said[1:]


def test_json_is_one_object(call: Call, project: Path) -> None:
    """With the version, its id, and the state of the source."""
    Path("feed.csv").write_text("n\n1\n2\n")

    done = call("data", "import-url", "feed", "feed.csv", "--json").json
    again = call("data", "update", "--json").json

    assert ("feed", "new version", 1, 2) == tuple(done[key] for key in ("dataset", "outcome", "version", "rows"))
    assert done["bytes_added"] > 0
    assert {"updates": [{**done, "outcome": "not changed", "bytes_added": 0}], "failed": {}} == again


def test_a_query_is_imported(call: Call, project: Path) -> None:
    """By --sql and --url."""
    connection = sqlite3.connect("feed.db")
    connection.execute("CREATE TABLE feed AS SELECT 1 AS n")
    connection.commit()
    connection.close()

    done = call("data", "import-url", "feed", "--sql", "SELECT n FROM feed", "--url", "sqlite:///feed.db", "--json")

    assert 1 == done.json["rows"]


@pytest.mark.parametrize("arguments", [(), ("feed.csv", "--url", "sqlite:///x"), ("feed.csv", "--sql", "SELECT 1")])
def test_what_to_import_must_be_said_once(call: Call, project: Path, arguments: tuple[str, ...]) -> None:
    """A URI, or a query with its database."""
    answer = call("data", "import-url", "feed", *arguments)

    assert answer.code
    assert "Give a URI, or --sql together with --url." in answer.err


def test_one_source_that_fails_does_not_stop_the_others(call: Call, project: Path) -> None:
    """They are updated, and the command still fails, naming it."""
    for name in ("a", "b", "c"):
        Path(f"{name}.csv").write_text("n\n1\n")
        call("data", "import-url", name, f"{name}.csv")
    Path("a.csv").unlink()
    Path("c.csv").write_text("n\n2\n")

    answer = call("data", "update")

    assert answer.code
    assert "a could not be updated" in answer.err
    with Workspace.find() as workspace:
        assert 2 == workspace.datasets.version("c").number


def test_an_update_without_sources_says_so(call: Call, project: Path) -> None:
    """Rather than nothing."""
    assert "No dataset has a source to update from.\n" == call("data", "update").out
