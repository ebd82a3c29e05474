"""Worker processes, seen from the gateway: spawn one, give it a model, send it batches.

Everything here belongs to one event loop.
"""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from homeostat.core.errors import HomeostatError, StepFailed, Unavailable, WrongType
from homeostat.serve.frames import (
    Failure,
    Frame,
    FrameReader,
    Kind,
    Load,
    Ready,
    decode_scores,
    encode_batch,
    encode_struct,
)

_STOP_WITHIN_S = 2.0
_SPARE_AFTER_S = 0.3  # so that importing a new spare does not slow down the loading of the last one
# One thread each: parallelism comes from workers, and pools of threads fight over the cores.
_SINGLE_THREADED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}
# -P: a model's code comes from its code tree, never from where the gateway was started.
OURS = (sys.executable, "-P", "-m", "homeostat.serve.worker")


def environment() -> dict[str, str]:
    """The variables of a worker process."""
    return os.environ | _SINGLE_THREADED


class WorkerProcess(asyncio.Protocol):
    """One worker and the socket to it."""

    def __init__(self) -> None:
        self._reader = FrameReader()
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._next_id = 0
        self._transport: asyncio.WriteTransport | None = None
        self._process: Process | None = None

    @classmethod
    async def spawn(cls, command: Sequence[str] = OURS) -> "WorkerProcess":
        """A blank worker; it may still be importing.

        Args:
            command: what to start; `--socket FD` is added.
        """
        ours, theirs = socket.socketpair()
        worker = cls()
        with theirs:
            worker._process = await asyncio.create_subprocess_exec(
                *command,
                "--socket",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env=environment(),
            )
        loop = asyncio.get_running_loop()
        worker._transport, _ = await loop.create_unix_connection(lambda: worker, sock=ours)
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def is_alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def load(self, message: Load) -> Ready:
        """Give it its model.

        Raises: Unavailable if it dies meanwhile. StepFailed with the worker's reason if the model cannot be loaded.
        """
        frame = await self._ask(encode_struct(Kind.LOAD, self._claim(), message))
        return msgspec.msgpack.decode(frame.payload, type=Ready)

    async def predict(self, requests: Sequence[msgspec.Raw]) -> list[float]:
        """Scores of all rows of `requests`, one after the other.

        Raises: Unavailable if it dies meanwhile. WrongType or StepFailed if the model refuses the rows.
        """
        frame = await self._ask(encode_batch(self._claim(), requests))
        return decode_scores(frame.payload)

    async def close(self) -> None:
        """Close the socket, which ends the process; kill it if it does not."""
        if self._transport is not None:
            self._transport.close()
        if self._process is None:
            return
        try:
            async with asyncio.timeout(_STOP_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def data_received(self, data: bytes) -> None:
        for frame in self._reader.feed(data):
            waiter = self._waiting.pop(frame.id, None)
            if waiter is None or waiter.done():
                continue
            if frame.kind == Kind.FAILURE:
                waiter.set_exception(raised(msgspec.msgpack.decode(frame.payload, type=Failure)))
            else:
                waiter.set_result(frame)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(self._died())
        self._waiting.clear()

    def _claim(self) -> int:
        self._next_id = (self._next_id + 1) & 0xFFFFFFFF
        return self._next_id

    async def _ask(self, frame: bytes) -> Frame:
        if self._transport is None:
            raise self._died()
        waiter: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[self._next_id] = waiter
        self._transport.write(frame)
        return await waiter

    def _died(self) -> Unavailable:
        return Unavailable(f"Worker process {self.pid} died. Its rows are scored again by a fresh one.")


def raised(failure: Failure) -> HomeostatError:
    """What a FAILURE frame says, as an error."""
    return WrongType(failure.message) if failure.code == WrongType.code else StepFailed(failure.message)


class Spares:
    """Keeps one blank worker ready, so that a model loads into a process that has imported everything."""

    def __init__(self) -> None:
        self._next: asyncio.Task[WorkerProcess] | None = None
        self._is_closed = False

    def prepare(self) -> None:
        """Start a spare unless there is one."""
        if self._next is None and not self._is_closed:
            self._next = asyncio.get_running_loop().create_task(WorkerProcess.spawn())

    async def take(self) -> WorkerProcess:
        """A blank worker, the spare if it lives; another one is on its way afterwards."""
        spare, self._next = self._next, None
        asyncio.get_running_loop().call_later(_SPARE_AFTER_S, self.prepare)
        worker = await spare if spare is not None else await WorkerProcess.spawn()
        return worker if worker.is_alive else await WorkerProcess.spawn()

    async def close(self) -> None:
        self._is_closed = True
        if self._next is not None:
            await (await self._next).close()


class Others:
    """Workers of one kind that is not ours: started when they are needed, since each is for one model only."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)

    async def take(self) -> WorkerProcess:
        return await WorkerProcess.spawn(self._command)
