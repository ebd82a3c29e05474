from typing import ClassVar

import msgspec
import pytest

from homeostat.core.clock import Micros
from homeostat.core.facts import Fact
from homeostat.store import ledger
from homeostat.store.db import Database

NOON = Micros(1_366_027_200_000_000)


class Added(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "added"

    rows: int


class Promoted(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "promoted"


@pytest.fixture
def written(database: Database) -> Database:
    """Six facts of two systems, two kinds each, in two transactions."""
    with database.write() as connection:
        ledger.append(connection, NOON, Added(rows=1), Added(rows=2, system="late-flights", actor="ann"))
        ledger.append(connection, NOON)
    with database.write() as connection:
        ledger.append(connection, Micros(NOON + 1), Promoted(system="late-flights"), Added(rows=4, system="fares"))
        ledger.append(connection, Micros(NOON + 2), Added(rows=5), Promoted(system="fares"))
    return database


def test_facts_are_kept_whole_and_in_order(written: Database) -> None:
    """An entry says when, what, where and who; ids count up in the order facts were written."""
    with written.read() as connection:
        found = ledger.entries(connection)

    assert [1, 2, 3, 4, 5, 6] == [entry.id for entry in found]
    assert [0, 0, 1, 1, 2, 2] == [entry.at - NOON for entry in found]
    assert ("added", "late-flights", "ann") == (found[1].kind, found[1].system, found[1].actor)
    assert Added(rows=2, system="late-flights", actor="ann") == msgspec.json.decode(found[1].body, type=Added)


def test_facts_come_and_go_with_their_transaction(written: Database) -> None:
    """A fact of a transaction that failed never happened."""

    def fail() -> None:
        with written.write() as connection:
            ledger.append(connection, NOON, Added(rows=7))
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()

    with written.read() as connection:
        assert 6 == len(ledger.entries(connection))


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"after": 4}, [5, 6]),
        ({"after": 6}, []),
        ({"system": "late-flights"}, [2, 3]),
        ({"system": ""}, [1, 5]),
        ({"system": "nobody"}, []),
        ({"kinds": ["promoted"]}, [3, 6]),
        ({"kinds": ["promoted", "added"], "after": 2, "limit": 2}, [3, 4]),
        ({"newest_first": True, "limit": 2}, [6, 5]),
        ({"system": "fares", "kinds": ["added"], "after": 1}, [4]),
    ],
)
def test_asking_for_some(written: Database, asked: dict[str, object], ids: list[int]) -> None:
    """Every condition narrows, and a limit takes the first of the order asked for."""
    with written.read() as connection:
        assert ids == [entry.id for entry in ledger.entries(connection, **asked)]  # type: ignore[arg-type]  # a table of keyword arguments


def test_cursors_begin_at_zero_and_move_apart(written: Database) -> None:
    """Each consumer has its own place, and it is durable."""
    with written.write() as connection:
        ledger.advance(connection, "controller", 3)
        ledger.advance(connection, "webhooks", 1)
        ledger.advance(connection, "controller", 5)

    with written.read() as connection:
        assert [5, 1, 0] == [ledger.position(connection, name) for name in ("controller", "webhooks", "mail")]


def test_facts_are_seen_at_least_once(written: Database) -> None:
    """A consumer that fails in the middle sees the same facts again: its place moves with what it made of them."""

    def consume(*, fails: bool) -> list[int]:
        with written.write() as connection:
            found = ledger.entries(connection, after=ledger.position(connection, "mail"), limit=2)
            ledger.advance(connection, "mail", found[-1].id)
            if fails:
                raise ConnectionError
            return [entry.id for entry in found]

    first = consume(fails=False)
    with pytest.raises(ConnectionError):
        consume(fails=True)

    assert ([1, 2], [3, 4]) == (first, consume(fails=False))
