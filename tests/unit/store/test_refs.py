import pytest

from homeostat.core.clock import Micros
from homeostat.core.digests import digest_bytes
from homeostat.store import refs
from homeostat.store.db import Database
from homeostat.store.refs import Move

NOON = Micros(1_366_027_200_000_000)
FIRST, SECOND = digest_bytes(b"first"), digest_bytes(b"second")
CHAMPION = "alias/late-flights/champion"


def test_ref_points_where_it_was_moved_last(database: Database) -> None:
    """A ref has one present digest."""
    with database.write() as connection:
        refs.move(connection, CHAMPION, FIRST, NOON)
        refs.move(connection, CHAMPION, SECOND, Micros(NOON + 1))

        assert SECOND == refs.get(connection, CHAMPION)


def test_unknown_ref_points_nowhere(database: Database) -> None:
    """A ref that nobody moved has no digest and no history."""
    with database.read() as connection:
        assert (None, []) == (refs.get(connection, CHAMPION), refs.history(connection, CHAMPION))


def test_history_keeps_every_move(database: Database) -> None:
    """Where a ref pointed, since when and by whom is kept, newest first, a move back included."""
    with database.write() as connection:
        refs.move(connection, CHAMPION, FIRST, NOON)
        refs.move(connection, CHAMPION, SECOND, Micros(NOON + 1), actor="controller")
        refs.move(connection, CHAMPION, FIRST, Micros(NOON + 2), actor="ann")

        assert [
            Move(digest=FIRST, moved_at=Micros(NOON + 2), actor="ann"),
            Move(digest=SECOND, moved_at=Micros(NOON + 1), actor="controller"),
            Move(digest=FIRST, moved_at=NOON, actor="local"),
        ] == refs.history(connection, CHAMPION)


def test_refs_move_alone(database: Database) -> None:
    """Moving one ref leaves others where they are."""
    with database.write() as connection:
        refs.move(connection, CHAMPION, FIRST, NOON)
        refs.move(connection, "alias/late-flights/challenger", SECOND, NOON)

        assert FIRST == refs.get(connection, CHAMPION)
        assert [FIRST] == [move.digest for move in refs.history(connection, CHAMPION)]


def test_move_comes_and_goes_with_its_transaction(database: Database) -> None:
    """A move of a transaction that failed never happened, in the present and in the history."""

    def fail() -> None:
        with database.write() as connection:
            refs.move(connection, CHAMPION, FIRST, NOON)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()

    with database.read() as connection:
        assert (None, []) == (refs.get(connection, CHAMPION), refs.history(connection, CHAMPION))
