"""Lists of runs under a name."""

import pytest

from homeostat.core.errors import NotFound, UserError
from homeostat.store.db import Database
from homeostat.track import views

from .conftest import NOON


def names(database: Database) -> list[tuple[str, str, bool]]:
    with database.read() as connection:
        return [(view.name, view.query, view.is_default) for view in views.every(connection)]


def test_a_view_is_kept_and_takes_the_place_of_its_name(database: Database) -> None:
    """Saved twice, the last query stands; the blanks around a name are none of it."""
    with database.write() as connection:
        views.save(connection, " best ", "order=a", NOON)
        views.save(connection, "best", "order=b", NOON)

    assert [("best", "order=b", False)] == names(database)


def test_one_view_stands_first(database: Database) -> None:
    """Choosing another takes the place from the one before; saving the first one again without the wish gives it up."""
    with database.write() as connection:
        views.save(connection, "a", "q=1", NOON, is_default=True)
        views.save(connection, "b", "q=2", NOON, is_default=True)
        first = views.default(connection)
        views.save(connection, "b", "q=2", NOON)

        assert first is not None
        assert ("b", None) == (first.name, views.default(connection))
    assert [("a", "q=1", False), ("b", "q=2", False)] == names(database)


def test_a_view_that_is_not_there_cannot_be_removed(database: Database) -> None:
    """The message names those there are."""
    with database.write() as connection:
        views.save(connection, "a", "q=1", NOON)
        with pytest.raises(NotFound, match="There are: a"):
            views.remove(connection, "b")
        views.remove(connection, "a")

    assert [] == names(database)


@pytest.mark.parametrize("name", ["", "  ", "n" * 129])
def test_a_name_that_cannot_be_one(database: Database, name: str) -> None:
    """Nothing, blanks and very long names are refused."""
    with database.write() as connection, pytest.raises(UserError, match="cannot name a view"):
        views.save(connection, name, "", NOON)


def test_views_are_not_without_number(database: Database) -> None:
    """The page shows all of them, so there is a most; what is there can still be changed."""
    with database.write() as connection:
        for number in range(views.MOST_VIEWS):
            views.save(connection, f"v{number}", "", NOON)
        with pytest.raises(UserError, match="no more fit"):
            views.save(connection, "one more", "", NOON)
        views.save(connection, "v0", "q=1", NOON)
