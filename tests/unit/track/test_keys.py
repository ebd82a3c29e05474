"""Which keys there are, by jumps over an index."""

import pytest

from homeostat.store.db import Database
from homeostat.track import keys
from homeostat.track.service import Runs


@pytest.fixture
def ids(runs: Runs) -> list[str]:
    found: list[str] = []
    for number in range(6):
        params = {"lr": number, "net": "cnn", f"rare{number}": 1}
        with runs.start(f"n{number}", params=params, tags={"team": "ab"[number % 2]}) as run:
            run.log(loss=1.0)
            if number < 2:
                run.log(auc=float(number))
        found.append(run.id)
    return found


def test_every_key_is_found_once(database: Database, ids: list[str]) -> None:
    """The scan meets each key of all runs, sorted, and stops at its limit."""
    with database.read() as connection:
        assert ["lr", "net", *(f"rare{number}" for number in range(6))] == keys.everywhere(connection, "param", 100)
        assert ["auc"] == keys.everywhere(connection, "metric", 1)
        assert ["team"] == keys.everywhere(connection, "tag", 100)


def test_nothing_tracked_has_no_keys(database: Database) -> None:
    """Without runs there is no key."""
    with database.read() as connection:
        assert [] == keys.everywhere(connection, "metric", 10)


def test_keys_of_a_page_are_counted(database: Database, ids: list[str]) -> None:
    """How many runs have a key and how many values it takes, the commonest first."""
    with database.read() as connection:
        found = keys.counted(connection, "param", ids[:3])
        assert [("lr", 3, 3), ("net", 3, 1), ("rare0", 1, 1), ("rare1", 1, 1), ("rare2", 1, 1)] == found
        assert {"auc", "loss"} == keys.of_runs(connection, "metric", ids)
