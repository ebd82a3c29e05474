"""Runs in groups, against plain Python."""

import math
import statistics
from collections import defaultdict
from typing import Any

import pytest

from homeostat.core.clock import Micros
from homeostat.core.errors import InvalidFilter
from homeostat.core.ids import RunId
from homeostat.store.db import Database
from homeostat.track import points, queries, recording
from homeostat.track.blocks import Points
from homeostat.track.records import RunSummary, Started
from homeostat.track.search.grammar import Kind, written
from homeostat.track.search.groups import groups
from homeostat.track.search.selection import Selection

RUNS = 60
AT = Micros(1_366_027_200_000_000)


@pytest.fixture
def filled(database: Database) -> Database:
    with database.write() as connection:
        for number in range(RUNS):
            run = RunId(f"run-{number:02}")
            event = Started(
                id=run, at=AT, name=f"n{number}", kind="run", system="", parent="", surroundings={}, user="ab"[number % 2],
                experiment="odd" if number % 2 else "Default",
            )  # fmt: skip
            recording.start(connection, event)
            if number % 3:
                recording.put_params(connection, run, {"net": f'"c\'{number % 5}"', "lr": str(number % 4)})
            if number % 4:
                value = math.nan if number % 7 == 0 else float(number)
                points.add(connection, run, "loss", Points.of([0], [AT], [value]))
    return database


def key_of(run: RunSummary, kind: Kind, key: str) -> Any:
    if kind == "param":
        value = run.params.get(key)
        return value if value is None or isinstance(value, str) else str(value)
    return {"user_id": run.run.user, "experiment_id": run.run.experiment_id}[key]


@pytest.mark.parametrize(
    "by",
    [("param", "net"), ("param", "lr"), ("param", "nobody"), ("attribute", "user_id"), ("attribute", "experiment_id")],
)
@pytest.mark.parametrize("text", ["", "metrics.loss < 30", "status = 'nothing'"])
def test_groups_are_those_of_plain_python(filled: Database, by: tuple[Kind, str], text: str) -> None:
    """Counts, means and ranges of each group, those without the param among them, NaN left out; largest first."""
    with filled.read() as connection:
        selection = Selection(text=text)
        expected: dict[Any, list[RunSummary]] = defaultdict(list)
        for page in selection.pages(connection):
            for run in page:
                expected[key_of(run, *by)].append(run)
        found, are_more = groups(selection.search(connection), by, ["loss"], 100)

        assert {value: len(runs) for value, runs in expected.items()} == {group.value: group.runs for group in found}
        assert sorted((group.runs for group in found), reverse=True) == [group.runs for group in found]
        assert not are_more
        for group in found:
            runs = expected[group.value]
            values = [one.value for run in runs for one in run.metrics if not math.isnan(one.value)]
            figure = group.figures[0]
            assert (min(values, default=None), max(values, default=None)) == (figure.least, figure.greatest)
            assert figure.mean == (pytest.approx(statistics.mean(values)) if values else None)


@pytest.mark.parametrize("by", [("param", "net"), ("attribute", "user_id"), ("attribute", "experiment_id")])
def test_the_filter_of_a_group_finds_its_runs(filled: Database, by: tuple[Kind, str]) -> None:
    """What opens a group is a filter that holds for as many runs as the group counts."""
    with filled.read() as connection:
        found, _ = groups(Selection().search(connection), by, [], 100)
        counted = [Selection(text=written([group.comparison(*by)])).search(connection).count(1000) for group in found]

    assert [group.runs for group in found] == counted


def test_only_the_largest_groups_are_given(filled: Database) -> None:
    """At a limit there are more, and it is said."""
    with filled.read() as connection:
        found, are_more = groups(Selection().search(connection), ("param", "net"), [], 2)

    assert (2, True) == (len(found), are_more)


def test_a_metric_makes_no_groups(filled: Database) -> None:
    """Values of a metric are nearly all different."""
    with filled.read() as connection, pytest.raises(InvalidFilter, match="cannot be grouped by metric"):
        groups(Selection().search(connection), ("metric", "loss"), [], 2)


@pytest.mark.parametrize("life", ["active", "deleted", "all"])
def test_a_count_is_exact_without_a_filter_and_bounded_with_one(filled: Database, life: Any) -> None:
    """Deleted runs are counted apart; a filter counts no further than it is asked to."""
    with filled.write() as connection:
        connection.exec_driver_sql("UPDATE runs SET deleted_at = 1 WHERE id < 'run-10'")
    with filled.read() as connection:
        expected = {"active": RUNS - 10, "deleted": 10, "all": RUNS}[life]

        assert expected == Selection(life=life).search(connection).count(3)
        assert expected == Selection(life=life, text="run_name LIKE 'n%'").search(connection).count(1000)
        assert 3 == Selection(life=life, text="run_name LIKE 'n%'").search(connection).count(3)
        assert queries.records(connection, ["run-00"])
