"""Server-sent events, so that open pages can read again: `/events` whenever the ledger moved, `/runs/{id}/events` whenever
something came of a run that is under way.

Ledger and runs are written by other processes, so they are asked: for the last id of the ledger, one look at the end of an
index, and for how many points each metric of a run has. Points do not move the ledger. Nobody is asked for a run at which no
page looks.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from homeostat.core.errors import NotFound
from homeostat.store.db import Database
from homeostat.store.db.schema.store import ledger
from homeostat.track.around import Movement, movement

_EVERY_S = 0.5
_UNDER_WAY = ("running", "scheduled")
_MOST_DIGITS = 19  # of an id in the ledger
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
        stream = self.stream(int(seen) if seen.isdecimal() and len(seen) < _MOST_DIGITS else None)
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

    async def answer_run(self, request: Request) -> Response:
        """Raises: NotFound if there is no such run."""
        run_id = request.path_params["id"]
        if await run_in_threadpool(self._movement, run_id) is None:
            raise NotFound(f"There is no run {run_id!r}. List those there are: homeostat runs list")
        return StreamingResponse(
            self.stream_run(run_id), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def stream_run(self, run_id: str) -> AsyncIterator[str]:
        """`event: moved` at once and then after each movement: the status, and the metrics that have new points.

        Ends with `event: ended` when the run has: who listens then need not come back.
        """
        seen: Movement | None = None
        silent_s = 0.0
        while not self._stopped.is_set():
            now = await run_in_threadpool(self._movement, run_id)
            if now is None:
                return
            if now != seen:
                silent_s = 0.0
                before = seen.points if seen else {}
                keys = sorted({metric[1] for metric, count in now.points.items() if before.get(metric) != count})
                body = msgspec.json.encode({"status": now.status, "keys": keys}).decode()
                yield f"event: moved\ndata: {body}\n\n"
                if now.status not in _UNDER_WAY:
                    yield "event: ended\ndata: \n\n"
                    return
            elif silent_s >= _HEARTBEAT_S:
                silent_s = 0.0
                yield ": still here\n\n"
            seen = now
            silent_s += self._every_s
            await self._pause()

    def _movement(self, run_id: str) -> Movement | None:
        with self._database.read() as connection:
            return movement(connection, run_id)

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), self._every_s)
        except TimeoutError:
            return

    def _newest(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(select(func.max(ledger.c.id))).scalar() or 0)
