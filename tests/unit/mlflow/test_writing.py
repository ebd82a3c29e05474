"""The one writer of the door: what waits together is committed together, each whole or not at all."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from homeostat.core.errors import NotFound
from homeostat.mlflow.writing import Work, Writer
from homeostat.store.db import Database


class Counted(Database):
    """Counts its write transactions; those after `fails_from` do not commit."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.transactions = 0
        self.fails_from = 1_000

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self.transactions += 1
        with super().write() as connection:
            yield connection
            if self.transactions > self.fails_from:
                raise OSError("the disk is gone")

    def notes(self) -> list[str]:
        with self.read() as connection:
            return [row.note for row in connection.execute(text("SELECT note FROM notes ORDER BY rowid"))]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Counted]:
    opened = Counted(f"sqlite:///{tmp_path / 'notes.db'}")
    with opened.write() as connection:
        connection.execute(text("CREATE TABLE notes (note TEXT NOT NULL)"))
    opened.transactions = 0
    yield opened
    opened.close()


def noting(note: str, error: Exception | None = None) -> Work:
    def work(connection: Connection) -> bytes:
        connection.execute(text("INSERT INTO notes VALUES (:note)"), {"note": note})
        if error is not None:
            raise error
        return note.encode()

    return work


async def together(
    writer: Writer, works: list[Work], meanwhile: Callable[[list["asyncio.Task[bytes]"]], None] | None = None
) -> list[bytes | BaseException]:
    """Asks for several while the writer is held up by a first one, so that they wait together."""
    held, release = threading.Event(), threading.Event()

    def first(connection: Connection) -> bytes:
        held.set()
        release.wait(10)
        return noting("first")(connection)

    begun = asyncio.create_task(writer.write(first))
    await asyncio.to_thread(held.wait, 10)
    tasks = [asyncio.create_task(writer.write(work)) for work in works]
    await asyncio.sleep(0)
    if meanwhile is not None:
        meanwhile(tasks)
    release.set()
    await begun
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_what_waits_together_is_committed_together(database: Counted) -> None:
    """Ten requests that come while another commits take one commit, in the order they came."""
    asked = [f"note {number}" for number in range(10)]

    answers = asyncio.run(together(Writer(database), list(map(noting, asked))))

    assert [note.encode() for note in asked] == answers
    assert ["first", *asked] == database.notes()
    assert 2 == database.transactions


def test_one_that_fails_undoes_only_itself(database: Counted) -> None:
    """Among requests of one transaction each is whole or not at all, and hears of its own error."""
    works = [noting("a"), noting("b", NotFound("There is no b.")), noting("c")]

    answers = asyncio.run(together(Writer(database), works))

    assert [b"a", b"c"] == [answers[0], answers[2]]
    assert isinstance(answers[1], NotFound)
    assert ["first", "a", "c"] == database.notes()


def test_a_lone_one_that_fails_leaves_nothing(database: Counted) -> None:
    """What a request wrote before it failed is not there."""
    with pytest.raises(NotFound):
        asyncio.run(Writer(database).write(noting("a", NotFound("There is no a."))))

    assert [] == database.notes()


def test_nobody_is_answered_before_the_commit(database: Counted) -> None:
    """When a commit fails, all whom it held hear of it, and nothing of theirs is there."""
    database.fails_from = 1

    answers = asyncio.run(together(Writer(database), [noting("a"), noting("b")]))

    assert ["the disk is gone"] * 2 == [str(answer) for answer in answers]
    assert ["first"] == database.notes()


def test_a_client_that_goes_away_holds_up_nobody(database: Counted) -> None:
    """A request whose client is gone is written, as it was asked; those behind it are answered."""

    def leave(tasks: list["asyncio.Task[bytes]"]) -> None:
        tasks[0].cancel()

    answers = asyncio.run(together(Writer(database), [noting("gone"), noting("here")], meanwhile=leave))

    assert isinstance(answers[0], asyncio.CancelledError)
    assert b"here" == answers[1]
    assert ["first", "gone", "here"] == database.notes()


def test_a_writer_serves_several_loops(database: Counted) -> None:
    """Its thread belongs to no event loop."""
    writer = Writer(database)

    assert [b"a", b"b"] == [asyncio.run(writer.write(noting(note))) for note in ("a", "b")]
