"""The addresses that runs of other machines and processes are sent to: `hs.run(server=...)`.

A client keeps what a run says in a spool and sends what is new of it, with the offset of its first byte. The offset is committed with
the rows, so what is sent twice is taken once. Objects go first: what a row speaks of is there.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import anyio.from_thread
import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from homeostat.api.ports import Objects, Tracking
from homeostat.core.digests import parse_digest
from homeostat.core.errors import BadData, UserError

_FRAMES_BYTES = 64 * 1024 * 1024  # of one request: one frame is never longer
_DIGESTS = 10_000  # asked for at once
_ANSWER_BYTES = 1024 * 1024


def tracking_routes(runs: Tracking, objects: Objects) -> list[Route]:
    """Below `/api/tracking/`: POST `spools/{id}?offset=` frames, answered by how much of the spool is in; GET `runs/{id}`, what a run
    that goes on begins with; POST `runs/{id}/killed`; POST `objects`, digests, answered by those that are missing; PUT `objects/{digest}`.
    """

    async def spool(request: Request) -> Response:
        offset = request.query_params.get("offset", "")
        if not offset.isdecimal():
            raise UserError(f"offset={offset!r} is no number. Say where in the spool the frames begin.")
        raw = await _body(request, _FRAMES_BYTES)
        return _json({"shipped": await run_in_threadpool(runs.receive, request.path_params["id"], int(offset), raw)})

    async def begins(request: Request) -> Response:
        return _json(await run_in_threadpool(runs.beginning, request.path_params["id"]))

    async def killed(request: Request) -> Response:
        return _json({"killed": await run_in_threadpool(runs.mark_killed, request.path_params["id"])})

    async def missing(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await _body(request, _ANSWER_BYTES), type=list[str])
        except msgspec.DecodeError as error:
            raise BadData(f"A list of digests is wanted: {error}.") from error
        if len(asked) > _DIGESTS:
            raise BadData(f"{len(asked):,} digests are too many at once. Ask for {_DIGESTS:,} at most.")
        return _json({"missing": await run_in_threadpool(_missing, objects, asked)})

    async def put(request: Request) -> Response:
        digest = parse_digest(request.path_params["digest"])
        await run_in_threadpool(objects.receive, digest, _chunks(request))
        return _json({})

    return [
        Route("/api/tracking/spools/{id}", spool, methods=["POST"]),
        Route("/api/tracking/runs/{id}", begins),
        Route("/api/tracking/runs/{id}/killed", killed, methods=["POST"]),
        Route("/api/tracking/objects", missing, methods=["POST"]),
        Route("/api/tracking/objects/{digest}", put, methods=["PUT"]),
    ]


def _missing(objects: Objects, asked: Sequence[str]) -> list[str]:
    return [digest for digest in asked if not objects.has(parse_digest(digest))]


async def _body(request: Request, most_bytes: int) -> bytes:
    """The body, read no further than it may be long. Raises: BadData."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise BadData(f"The body is longer than {most_bytes:,} bytes. Send less at once.")
        parts.append(part)
    return b"".join(parts)


def _chunks(request: Request) -> Iterator[bytes]:
    """The body as it comes, for the thread that writes it."""
    stream = request.stream()
    while True:
        try:
            yield anyio.from_thread.run(stream.__anext__)
        except StopAsyncIteration:
            return


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json", headers={"Cache-Control": "no-store"})
