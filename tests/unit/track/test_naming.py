"""Runs by what people type."""

import pytest

from homeostat.core.errors import NotFound, UserError
from homeostat.store.db import Database
from homeostat.track import naming, retention
from homeostat.track.service import Runs

from .conftest import NOON


@pytest.fixture
def ids(runs: Runs) -> list[str]:
    found: list[str] = []
    for name in ("one", "two", "two"):
        with runs.start(name) as run:
            pass
        found.append(run.id)
    return found


def test_an_id_a_part_of_it_or_a_name(database: Database, ids: list[str]) -> None:
    """An id, its end, and the name of one run lead to that run, also when it is deleted."""
    with database.write() as connection:
        retention.throw_away(connection, ids[:1], NOON)
        found = [naming.resolve(connection, text) for text in (ids[0], ids[0][-8:], "one")]

    assert ids[:1] * 3 == found


def test_what_could_be_several_is_refused_by_name(database: Database, ids: list[str]) -> None:
    """A name or part that several runs have is an error that lists them."""
    with database.read() as connection:
        for text in ("two", "run-"):
            with pytest.raises(UserError, match=ids[2]):
                naming.resolve(connection, text)


@pytest.mark.parametrize("text", ["nobody", "", "xyz", "%%%%", "____"])
def test_what_names_nothing_says_so(database: Database, ids: list[str], text: str) -> None:
    """Fewer than four characters are no part of an id, and signs of patterns mean themselves."""
    with database.read() as connection, pytest.raises(NotFound):
        naming.resolve(connection, text)


def test_latest_is_the_newest_that_is_not_deleted(database: Database, runs: Runs) -> None:
    """`latest` is the run that began last, unless a run has that name."""
    made: list[str] = []
    for name in ("a", "b"):
        with runs.start(name) as run:
            made.append(run.id)
    newest = max(made)
    with database.write() as connection:
        assert newest == naming.resolve(connection, "latest")
        retention.throw_away(connection, [newest], NOON)
        assert min(made) == naming.resolve(connection, "latest")
    with runs.start("latest") as named:
        pass
    with database.read() as connection:
        assert named.id == naming.resolve(connection, "latest")
