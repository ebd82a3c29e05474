"""A selection of runs as CSV, JSON and a notebook."""

import csv
import io
import json
import math
import shlex

import pytest

from homeostat.core.clock import SECOND, FixedClock
from homeostat.core.errors import InvalidFilter
from homeostat.store.db import Database
from homeostat.track import export
from homeostat.track.export import Form
from homeostat.track.search.selection import Selection
from homeostat.track.service import Runs

COUNT = 7


@pytest.fixture
def ids(runs: Runs, clock: FixedClock) -> list[str]:
    """Runs that do not all have the same metrics and params, oldest first."""
    found: list[str] = []
    for number in range(COUNT):
        clock.advance(SECOND)
        with runs.start(f"n{number}", params={"lr": number / 10, f"only{number}": "x, y"}, tags={"team": "a"}) as run:
            run.log(loss=math.nan if number == 3 else float(number))
        found.append(run.id)
    return found


def text(database: Database, selection: Selection, form: Form) -> str:
    with database.read() as connection:
        return "".join(export.written(connection, selection, form))


def test_csv_has_every_column_of_the_selection_and_no_other(database: Database, ids: list[str]) -> None:
    """The head names the keys of the runs that were selected, and each run is a line in the order asked for."""
    found = text(database, Selection(text="params.lr >= 0.4", order_by=("metrics.loss ASC",)), "csv")
    rows = list(csv.DictReader(io.StringIO(found)))

    assert ids[4:] == [row["run_id"] for row in rows]
    assert [
        *export.ATTRIBUTES,
        "params.lr",
        "params.only4",
        "params.only5",
        "params.only6",
        "tags.team",
        "metrics.loss",
    ] == [*rows[0]]
    assert ("x, y", "") == (rows[0]["params.only4"], rows[1]["params.only4"])


def test_json_is_one_array_with_nan_as_text(database: Database, ids: list[str]) -> None:
    """JSON has no NaN, so it is a text; everything else keeps its type."""
    rows = json.loads(text(database, Selection(order_by=("start_time ASC",)), "json"))

    assert ids == [row["run_id"] for row in rows]
    assert ("nan", 4.0, 0.4) == (rows[3]["metrics.loss"], rows[4]["metrics.loss"], rows[4]["params.lr"])


@pytest.mark.parametrize("form", ["csv", "json"])
def test_nothing_found_is_still_a_file(database: Database, ids: list[str], form: Form) -> None:
    """An empty selection is a head without lines, or an empty array."""
    found = text(database, Selection(text="status = 'nothing'"), form)

    assert (",".join(export.ATTRIBUTES) + "\r\n" if form == "csv" else "[]\n") == found


@pytest.mark.parametrize("size", [1, 2, 3, COUNT, 100])
def test_pages_meet_each_run_once(database: Database, ids: list[str], size: int) -> None:
    """Whatever the size of a page, the pages together are the selection, and none is larger."""
    with database.read() as connection:
        pages = list(Selection(order_by=("metrics.loss DESC",)).pages(connection, size))

    assert sorted(ids) == sorted(one.run.id for page in pages for one in page)
    assert max(map(len, pages)) <= size


def test_a_filter_that_cannot_be_read_is_refused_before_anything_is_written(database: Database) -> None:
    """The error comes with the first part, so that no half of a file is left."""
    with database.read() as connection, pytest.raises(InvalidFilter, match="position 1 "):
        next(export.written(connection, Selection(text="this is no filter"), "csv"))


def test_a_notebook_asks_for_the_same_runs() -> None:
    """Its code is a call of `hs.runs` with filter, experiments, order and life, and is Python."""
    selection = Selection(
        text="params.a = 'it''s'", experiment_ids=(3,), order_by=("metrics.loss ASC",), life="deleted"
    )
    made = json.loads(export.notebook(selection))
    code = "".join(made["cells"][1]["source"])

    compile(code, "cell", "exec")
    assert "hs.runs(\"params.a = 'it''s'\", experiment=['3'], order_by=['metrics.loss ASC'], life='deleted')" in code
    assert (4, 5) == (made["nbformat"], made["nbformat_minor"])


@pytest.mark.parametrize(
    "text", ["params.a = 'b'", "params.a = '$HOME'", "params.\"a b\" = 'c'", "tags.a = 'it''s'", "metrics.a < 3", ""]
)
def test_a_selection_is_a_command(text: str) -> None:
    """The line beside a list is taken apart by a shell into the very words of the search."""
    selection = Selection(text=text, experiment_ids=(3,), order_by=("metrics.loss ASC",), life="deleted")
    words = ["homeostat", "runs", "list", *([text] if text else []), "--experiment", "3"]

    assert [*words, "--order", "metrics.loss ASC", "--deleted"] == shlex.split(selection.command("list"))
