"""One writer for the door: requests that come while it commits are committed together.

A database of one file takes one writer at a time, and a commit waits for the disk. So requests do not compete for it: one thread
writes for all of them, and those that wait share the next transaction. Each is whole or not at all (a savepoint of its own),
and none is answered before the commit that holds it. A lone request waits for nobody.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import Connection

from homeostat.store.db import Database

_MOST = 64  # requests in one transaction: what others wait for a lock, at most some 50 ms

Work = Callable[[Connection], bytes]


class _Waiting(NamedTuple):
    work: Work
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[bytes]


class Writer:
    """Commits what requests write, in the order they came. Its thread ends with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mlflow-writer")

    async def write(self, work: Work) -> bytes:
        """What `work` answers, when it is committed.

        Raises: what it raises, or what the commit does; nothing of it was written then.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        self._waiting.append(_Waiting(work, loop, answer))
        self._thread.submit(self._commit_waiting)  # finds nobody if an earlier commit took this one along
        return await answer

    def _commit_waiting(self) -> None:
        together = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
        if not together:
            return
        for one, found in zip(together, self._committed([one.work for one in together]), strict=True):
            with suppress(RuntimeError):  # a loop that was closed waits for nothing
                one.loop.call_soon_threadsafe(_settle, one.answer, found)

    def _committed(self, works: Sequence[Work]) -> list[bytes | Exception]:
        try:
            with self._database.write() as connection:
                return [works[0](connection)] if len(works) == 1 else [_apart(connection, work) for work in works]
        except Exception as error:  # noqa: BLE001  whoever waits is told
            return [error] * len(works)


def _apart(connection: Connection, work: Work) -> bytes | Exception:
    """One of several in a transaction: what it raises undoes what it did, and nothing else."""
    try:
        with connection.begin_nested():
            return work(connection)
    except Exception as error:  # noqa: BLE001  as above
        return error


def _settle(answer: asyncio.Future[Any], found: bytes | Exception) -> None:
    if answer.done():  # the client went away
        return
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)
