import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import OperationalError

from homeostat.core.errors import DiskFull
from homeostat.store.db import Database
from homeostat.store.db.schema.store import cursors


def add(connection: Connection, *names: str) -> None:
    connection.execute(insert(cursors), [{"name": name, "position": 0} for name in names])


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(cursors)).scalar_one()


def kept(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(cursors.c.name).order_by(cursors.c.name)).scalars())


class Interrupted(BaseException):
    """As KeyboardInterrupt: no `except Exception` sees it."""


def test_write_commits_at_its_end(database: Database) -> None:
    """What a block wrote is there for everybody after it."""
    with database.write() as connection:
        add(connection, "a", "b")

    assert ["a", "b"] == kept(database)


@pytest.mark.parametrize("error", [ValueError, Interrupted])
def test_write_is_whole_or_nothing(database: Database, error: type[BaseException]) -> None:
    """A block that raises changes nothing, whatever it raised and how much it had written."""

    def block() -> None:
        with database.write() as connection:
            add(connection, "a")
            raise error

    with pytest.raises(error):
        block()

    assert [] == kept(database)


def test_write_takes_the_lock_at_its_start(database: Database, tmp_path: Path) -> None:
    """A write transaction holds the lock before its first statement, so it cannot fail in its middle for want of it."""
    other = sqlite3.connect(tmp_path / "store.db", timeout=0, isolation_level=None)

    with database.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_reader_sees_one_state(database: Database) -> None:
    """A commit between two reads of one transaction is not seen by it, and is seen by the next."""
    with database.read() as reader:
        before = count(reader)
        with database.write() as writer:
            add(writer, "a")
        after = count(reader)

    assert (0, 0, ["a"]) == (before, after, kept(database))


def test_reader_does_not_wait_for_a_writer(database: Database) -> None:
    """A page is drawn while a long write goes on, from the state before it."""
    with database.write() as writer:
        add(writer, "a")

        assert [] == kept(database)


def test_reader_writes_nothing(database: Database) -> None:
    """A write in a reading transaction is refused, not lost and not kept."""
    with pytest.raises(OperationalError, match="readonly"), database.read() as connection:
        add(connection, "a")

    assert [] == kept(database)


def test_connection_may_write_after_it_read(database: Database) -> None:
    """A connection that served a reader serves a writer next."""
    kept(database)
    with database.write() as connection:
        add(connection, "a")

    assert ["a"] == kept(database)


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
def test_every_connection_is_durable_and_strict(database: Database, pragma: str, value: str | int) -> None:
    """Every connection, also a second one, keeps commits through a power cut and checks foreign keys."""
    with database.read() as first, database.read() as second:
        found = [connection.execute(text(f"PRAGMA {pragma}")).scalar() for connection in (first, second)]

    assert [value, value] == found


def test_full_database_is_named_and_unchanged(database: Database) -> None:
    """A transaction that does not fit is undone whole, and the message says what to do."""
    with database.write() as connection:
        add(connection, "before")

    def overflow() -> None:
        with database.write() as connection:
            connection.execute(text("PRAGMA max_page_count = 1"))  # SQLite takes its present size instead
            for number in range(1000):
                add(connection, f"{number:0100}")

    with pytest.raises(DiskFull, match=r"store\.db.*Nothing of this transaction was written.*Free some space"):
        overflow()

    assert ["before"] == kept(database)


def test_other_errors_pass_as_they_are(database: Database) -> None:
    """Only a full disk is called one."""
    with pytest.raises(OperationalError, match="no such table"), database.write() as connection:
        connection.execute(text("INSERT INTO nowhere VALUES (1)"))


def test_threads_take_turns(database: Database) -> None:
    """Read, add one, write back: no increment of four threads is lost."""
    with database.write() as connection:
        add(connection, "count")

    def increment() -> None:
        for _ in range(25):
            with database.write() as connection:
                connection.execute(cursors.update().values(position=cursors.c.position + 1))

    threads = [threading.Thread(target=increment) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.read() as connection:
        assert 100 == connection.execute(select(cursors.c.position)).scalar()


def test_processes_take_turns(database: Database, tmp_path: Path) -> None:
    """A value read at the start of a write transaction is still the value at its end, also against another process."""
    with database.write() as connection:
        add(connection, "count")
    code = """
import sys
from sqlalchemy import select
from homeostat.store.db import Database
from homeostat.store.db.schema.store import cursors
database = Database(f"sqlite:///{sys.argv[1]}")
for _ in range(25):
    with database.write() as connection:
        found = connection.execute(select(cursors.c.position)).scalar()
        connection.execute(cursors.update().values(position=found + 1))
"""
    children = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "store.db")]) for _ in range(2)]

    assert [0, 0] == [child.wait(timeout=60) for child in children]
    with database.read() as connection:
        assert 50 == connection.execute(select(cursors.c.position)).scalar()
