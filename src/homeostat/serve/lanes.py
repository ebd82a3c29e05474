"""A lane: one model version, its queue and its worker, supervised.

The death of a worker loses no request: what was in flight is scored once more by a fresh worker, each request by itself. A
request that kills two workers fails alone; a model whose workers keep dying is given up, and says so.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import msgspec

from homeostat.core.errors import HomeostatError, Overloaded, StepFailed, Unavailable, WrongType
from homeostat.serve.batching import Job, JobQueue
from homeostat.serve.frames import Load, Ready

_MAX_BATCH_ROWS = 1024  # past some hundred rows a batch costs its rows, and only delays those behind it
_MAX_QUEUED_ROWS = 16_384
_HANGS_AFTER_S = 30.0
_MAX_DEATHS = 5
_DEATHS_WITHIN_S = 60.0


class Worker(Protocol):
    """A process that holds one model; `workers.WorkerProcess`."""

    @property
    def pid(self) -> int: ...

    @property
    def is_alive(self) -> bool: ...

    async def load(self, message: Load) -> Ready: ...

    async def predict(self, requests: Sequence[msgspec.Raw]) -> list[float]: ...

    async def close(self) -> None: ...

    def kill(self) -> None: ...


class Supply(Protocol):
    """Where blank workers come from; `workers.Spares`."""

    async def take(self) -> Worker: ...


class LaneState(msgspec.Struct, frozen=True, kw_only=True):
    """What a lane says of itself.

    Attributes:
        pid: of its worker process, 0 while there is none.
        queued_rows: that wait now.
        deaths: of worker processes so far.
        failed: why the model was given up; empty while it serves.
    """

    system: str
    version: int
    pid: int
    queued_rows: int
    deaths: int
    failed: str


class Lane:
    """Scores rows with one model. Belongs to one event loop.

    Attributes:
        version: in the registry.
        failed: why the model was given up; empty while it serves.
    """

    def __init__(self, version: int, load: Load, supply: Supply) -> None:
        self.version = version
        self.failed = ""
        self._deaths = 0
        self._load = load
        self._supply = supply
        self._queue = JobQueue(max_batch_rows=_MAX_BATCH_ROWS, max_queued_rows=_MAX_QUEUED_ROWS)
        self._waiting: dict[int, asyncio.Future[list[float]]] = {}
        self._next_ticket = 0
        self._recent_deaths: deque[float] = deque(maxlen=_MAX_DEATHS)
        self._wake = asyncio.Event()
        self._worker: Worker | None = None
        self._pump: asyncio.Task[None] | None = None

    async def start(self) -> Ready:
        """Load the model.

        Raises: Unavailable or StepFailed if it cannot be loaded.
        """
        ready = await self._load_into_fresh_worker()
        self._pump = asyncio.get_running_loop().create_task(self._serve())
        return ready

    def state(self, system: str) -> LaneState:
        return LaneState(
            system=system,
            version=self.version,
            pid=self._worker.pid if self._worker and self._worker.is_alive else 0,
            queued_rows=self._queue.rows,
            deaths=self._deaths,
            failed=self.failed,
        )

    def submit(self, payload: msgspec.Raw, rows: int, expires_at: float) -> asyncio.Future[list[float]]:
        """Queue the rows of one request.

        Returns: a future of their scores. Through it: Overloaded if they expired, WrongType or StepFailed if the model
            refused them, Unavailable if it was given up.
        Raises: Overloaded if the queue is full. Unavailable if the model was given up.
        """
        if self.failed:
            raise Unavailable(self.failed)
        self._next_ticket += 1
        self._queue.put(Job(ticket=self._next_ticket, payload=payload, rows=rows, expires_at=expires_at))
        done: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()
        self._waiting[self._next_ticket] = done
        self._wake.set()
        return done

    async def close(self) -> None:
        """Serve what is queued, then end the worker."""
        while self._waiting:
            await asyncio.wait(list(self._waiting.values()))
            await asyncio.sleep(0)
        if self._pump is not None:
            self._pump.cancel()
        if self._worker is not None:
            await self._worker.close()

    async def _serve(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            # One turn later, so that requests that arrived together leave together.
            await asyncio.sleep(0)
            while self._queue.rows:
                await self._dispatch()

    async def _dispatch(self) -> None:
        batch = self._queue.take(time.monotonic())
        for job in batch.expired:
            self._fail(job, Overloaded("The rows waited longer than their caller does. Send fewer, or later."))
        if not batch.jobs:
            return
        begun = time.monotonic()
        try:
            scores = await self._scores(batch.jobs)
        except Unavailable:
            await self._replace_worker(batch.jobs)
        except (StepFailed, WrongType) as error:
            if len(batch.jobs) == 1:
                self._fail(batch.jobs[0], error)
            else:
                self._queue.put_back(batch.jobs)
        else:
            self._queue.served(len(scores), time.monotonic() - begun)
            self._deliver(batch.jobs, scores)

    async def _scores(self, jobs: Sequence[Job]) -> list[float]:
        assert self._worker is not None
        try:
            async with asyncio.timeout(_HANGS_AFTER_S):
                return await self._worker.predict([job.payload for job in jobs])
        except TimeoutError:
            self._worker.kill()
            raise Unavailable(f"Worker {self._worker.pid} gave no answer for {_HANGS_AFTER_S:.0f} s.") from None

    def _deliver(self, jobs: Sequence[Job], scores: list[float]) -> None:
        start = 0
        for job in jobs:
            done = self._waiting.pop(job.ticket)
            if not done.done():
                done.set_result(scores[start : start + job.rows])
            start += job.rows

    def _fail(self, job: Job, error: HomeostatError) -> None:
        done = self._waiting.pop(job.ticket)
        if not done.done():
            done.set_exception(error)

    async def _replace_worker(self, jobs: list[Job]) -> None:
        """After a death: those in flight once more, on a fresh worker, unless deaths come too often."""
        for job in jobs:
            job.deaths += 1
            if job.deaths == 2:
                self._fail(job, Unavailable("Two workers died on these rows. They are not tried a third time."))
        self._queue.put_back([job for job in jobs if job.deaths < 2])
        while not self._is_given_up():
            self._deaths += 1
            self._recent_deaths.append(time.monotonic())
            try:
                await self._load_into_fresh_worker()
            except (Unavailable, StepFailed):
                continue
            return
        for job in self._queue.take_all():
            self._fail(job, Unavailable(self.failed))

    def _is_given_up(self) -> bool:
        deaths = self._recent_deaths
        if len(deaths) == _MAX_DEATHS and time.monotonic() - deaths[0] < _DEATHS_WITHIN_S:
            self.failed = (
                f"Workers of version {self.version} died {_MAX_DEATHS} times within {_DEATHS_WITHIN_S:.0f} s, so it is given up. "
                f"Deploy another version, or the same one again after its cause is mended."
            )
        return bool(self.failed)

    async def _load_into_fresh_worker(self) -> Ready:
        if self._worker is not None:
            await self._worker.close()
        try:
            self._worker = await self._supply.take()
        except OSError as error:
            raise Unavailable(f"No worker process can be started: {error}.") from error
        return await self._worker.load(self._load)
