"""Bodies of requests, as they come in.

Who sends slowly, or not at all, holds a connection and nothing else: never a thread that others need, and not for ever.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request

from homeostat.mlflow.wire import Fault

MOST_BYTES = 32 * 1024 * 1024  # of a JSON body: a dataset's profile may have 16 MB
_IDLE_S = 60.0  # between two parts of a body
_UPLOADS = 16  # at once; each holds a thread of its own kind
_Result = TypeVar("_Result")
_uploads = anyio.CapacityLimiter(_UPLOADS)


async def whole(request: Request) -> bytes:
    """A body that is held in memory.

    Raises: Fault if it is too large to be one, or does not come.
    """
    found: list[bytes] = []
    size_bytes = 0
    async for part in parts(request):
        size_bytes += len(part)
        if size_bytes > MOST_BYTES:
            raise Fault(f"The body has more than {MOST_BYTES} bytes. Split it up.", "BAD_REQUEST")
        found.append(part)
    return b"".join(found)


async def parts(request: Request) -> AsyncGenerator[bytes]:
    """A body of any size. Raises: Fault if the client goes away, or nothing comes for a minute."""
    stream = request.stream()
    while True:
        try:
            with anyio.fail_after(_IDLE_S):
                part = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Fault(f"Nothing of the body came for {_IDLE_S:g} seconds.", "BAD_REQUEST") from None
        except ClientDisconnect:
            raise Fault("The client went away before its body was there.", "BAD_REQUEST") from None
        yield part


async def taken(request: Request, take: Callable[[Iterator[bytes]], _Result]) -> _Result:
    """Let `take` read a body of any size, in a thread, as it comes."""
    stream = parts(request)

    def read() -> Iterator[bytes]:
        while True:
            try:
                yield anyio.from_thread.run(stream.__anext__)
            except StopAsyncIteration:
                return

    return await anyio.to_thread.run_sync(lambda: take(read()), limiter=_uploads)
