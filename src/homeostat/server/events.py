"""`/events`: a server-sent event whenever the ledger moved, so that open pages can read again.

The ledger is written by other processes, so it is asked for its last id; that is one look at the end of an index.
"""

import asyncio
from collections.abc import AsyncIterator

from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from homeostat.store.db import Database
from homeostat.store.db.schema.store import ledger

_EVERY_S = 0.5
_HEARTBEAT_S = 15.0  # proxies and browsers drop what stays silent


class Pulse:
    """Streams the ledger's movement to any number of pages until it is stopped."""

    def __init__(self, database: Database, every_s: float = _EVERY_S) -> None:
        self._database = database
        self._every_s = every_s
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End every stream: a server can only go down when nobody waits for it."""
        self._stopped.set()

    async def answer(self, request: Request) -> StreamingResponse:
        seen = request.headers.get("last-event-id", "")  # a browser that lost the connection says where it was
        stream = self.stream(int(seen) if seen.isdecimal() else None)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def stream(self, seen: int | None = None) -> AsyncIterator[str]:
        """`event: ledger` with the newest id after each movement since `seen`, or since now."""
        silent_s = _HEARTBEAT_S  # the first look answers at once, so that the browser knows it is connected
        while not self._stopped.is_set():
            newest = await run_in_threadpool(self._newest)
            if seen is not None and newest != seen:
                silent_s = 0.0
                yield f"id: {newest}\nevent: ledger\ndata: {newest}\n\n"
            elif silent_s >= _HEARTBEAT_S:
                silent_s = 0.0
                yield f"id: {newest}\n\n"
            seen = newest
            silent_s += self._every_s
            await self._pause()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), self._every_s)
        except TimeoutError:
            return

    def _newest(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(select(func.max(ledger.c.id))).scalar() or 0)
