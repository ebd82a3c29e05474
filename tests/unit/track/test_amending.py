"""What people change of many runs at once, and what the ledger says of it."""

import json

import pytest

from homeostat.core.clock import SECOND, FixedClock
from homeostat.core.errors import NotFound, UserError
from homeostat.store import ledger
from homeostat.store.db import Database
from homeostat.track import amending, queries, retention
from homeostat.track.records import NOTE
from homeostat.track.service import Runs

from .conftest import NOON


@pytest.fixture
def ids(runs: Runs, clock: FixedClock) -> list[str]:
    """Ids sort by the time they were given."""
    found: list[str] = []
    for number in range(3):
        clock.advance(SECOND)
        with runs.start(f"n{number}", tags={"team": "a"} if number else {}) as run:
            pass
        found.append(run.id)
    return found


def told(database: Database, kind: str) -> list[dict[str, object]]:
    with database.read() as connection:
        return [json.loads(entry.body) for entry in ledger.entries(connection, kinds=[kind])]


def tags(database: Database, ids: list[str]) -> list[dict[str, str]]:
    with database.read() as connection:
        return [one.tags for one in queries.summaries(connection, queries.records(connection, ids))]


def test_a_tag_takes_the_place_of_the_one_before(database: Database, ids: list[str]) -> None:
    """Runs with and without the tag have the new value after it, and one fact says so."""
    with database.write() as connection:
        amending.tag(connection, ids, "team", "b", NOON)

    assert [{"team": "b"}] * 3 == tags(database, ids)
    assert [(ids, "team", "b")] == [
        (fact["run_ids"], fact["key"], fact["value"]) for fact in told(database, "runs-tagged")
    ]


def test_a_tag_is_taken_from_those_that_have_it(database: Database, ids: list[str]) -> None:
    """The fact names the runs that had it, and nobody is named when nobody had it."""
    with database.write() as connection:
        amending.untag(connection, ids, "team", NOON)
        amending.untag(connection, ids, "team", NOON)

    assert [{}] * 3 == tags(database, ids)
    assert [(ids[1:], None)] == [(fact["run_ids"], fact["value"]) for fact in told(database, "runs-tagged")]


@pytest.mark.parametrize(
    ("key", "of", "error"), [("", [], UserError), ("k" * 257, [], UserError), ("a", ["no"], NotFound)]
)
def test_a_tag_that_cannot_be_changes_nothing(
    database: Database, ids: list[str], key: str, of: list[str], error: type[Exception]
) -> None:
    """A key without letters or with too many, or a run that is not there, is refused whole."""
    with pytest.raises(error), database.write() as connection:
        amending.tag(connection, [*ids, *of], key, "b", NOON)

    assert [{}, {"team": "a"}, {"team": "a"}] == tags(database, ids)


def test_throwing_away_and_restoring_are_told_once(database: Database, ids: list[str]) -> None:
    """The ledger names the runs whose state changed, and is silent when none did."""
    with database.write() as connection:
        retention.throw_away(connection, ids[:1], NOON)
        retention.throw_away(connection, ids[:2], NOON)
        retention.restore(connection, ids, NOON)
        retention.restore(connection, ids, NOON)

    assert [ids[:1], ids[1:2]] == [fact["run_ids"] for fact in told(database, "runs-deleted")]
    assert [ids[:2]] == [fact["run_ids"] for fact in told(database, "runs-restored")]


def test_a_note_is_one_wherever_it_was_written(database: Database, runs: Runs) -> None:
    """A note that a person writes takes the place of the run's and of a client's alike, and stands in the ledger."""
    made: list[str] = []
    for of_client in (False, True):
        with runs.start("noted", tags={NOTE: "client's"} if of_client else {}) as run:
            run.note("its own")
        made.append(run.id)
    with database.write() as connection:
        for run_id in made:
            amending.note(connection, run_id, "a person's", NOON)
    with database.read() as connection:
        notes = [one.note for one in queries.records(connection, made)]

    assert ["a person's"] * 2 == notes
    assert [{}, {NOTE: "a person's"}] == tags(database, made)
    assert [(run_id, "a person's") for run_id in made] == [
        (fact["run_id"], fact["text"]) for fact in told(database, "run-noted")
    ]


def test_a_run_gets_another_name(database: Database, ids: list[str]) -> None:
    """The ledger holds both names; a name that cannot be one, and a run that is not there, change nothing."""
    with database.write() as connection:
        amending.rename(connection, ids[0], "better", NOON)
    for run_id, name, error in ((ids[0], "", UserError), ("nobody", "x", NotFound)):
        with pytest.raises(error), database.write() as connection:
            amending.rename(connection, run_id, name, NOON)
    with database.read() as connection:
        assert ["better"] == [one.name for one in queries.records(connection, ids[:1])]

    assert [(ids[0], "better", "n0")] == [
        (fact["run_id"], fact["name"], fact["before"]) for fact in told(database, "run-named")
    ]
