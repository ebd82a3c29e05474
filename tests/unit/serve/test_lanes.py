"""A lane over workers that die, refuse and hang as told."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from homeostat.core.errors import Overloaded, StepFailed, Unavailable
from homeostat.serve.frames import Load, Ready, encode_columns
from homeostat.serve.lanes import Lane

FOREVER = 1e12
READY = Ready(load_ms=1.0, warm_ms=1.0, cold_reason="")


class FakeWorker:
    """Its score of a row is the row. -1 kills it, -2 makes the model raise."""

    pid = 1
    is_alive = True

    def __init__(self, *, is_broken: bool) -> None:
        self._is_broken = is_broken
        self.batches: list[list[float]] = []

    async def load(self, message: Load) -> Ready:
        if self._is_broken:
            raise Unavailable("died while loading")
        return READY

    async def predict(self, requests: Sequence[msgspec.Raw]) -> list[float]:
        rows = [row for request in requests for row in msgspec.msgpack.decode(request)[0]]
        self.batches.append(rows)
        await asyncio.sleep(0.001)
        if -1 in rows:
            raise Unavailable("died")
        if -2 in rows:
            raise StepFailed("raised")
        return rows

    async def close(self) -> None: ...

    def kill(self) -> None: ...


class FakeSupply:
    """Gives workers, of which the ones after the first are broken if told so."""

    def __init__(self, *, breaks_after: int = 10**9) -> None:
        self.workers: list[FakeWorker] = []
        self._breaks_after = breaks_after

    async def take(self) -> FakeWorker:
        self.workers.append(FakeWorker(is_broken=len(self.workers) >= self._breaks_after))
        return self.workers[-1]


def outcomes(supply: FakeSupply, act: Callable[[Lane], Awaitable[list[Any]]]) -> list[Any]:
    async def run() -> list[Any]:
        lane = Lane(3, Load(model="m", code=""), supply)
        await lane.start()
        try:
            return await act(lane)
        finally:
            await lane.close()

    return asyncio.run(run())


def sent(*requests: list[float], expires_at: float = FOREVER) -> Callable[[Lane], Awaitable[list[Any]]]:
    """Submit all requests at once and wait for all."""

    async def act(lane: Lane) -> list[Any]:
        waiting = [lane.submit(encode_columns([rows]), len(rows), expires_at) for rows in requests]
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    return act


def test_requests_that_come_together_are_one_batch() -> None:
    """Rows of several requests cross in one frame, and each gets its own scores."""
    supply = FakeSupply()

    assert [[1, 2], [3]] == outcomes(supply, sent([1, 2], [3]))
    assert [[1, 2, 3]] == supply.workers[0].batches


def test_a_poisonous_request_fails_alone() -> None:
    """Rows that kill two workers, or make the model raise, fail their own request and none beside it."""
    first, killer, raiser, last = outcomes(FakeSupply(), sent([1], [-1], [-2], [4]))

    assert ([1], [4]) == (first, last)
    assert isinstance(killer, Unavailable)
    assert isinstance(raiser, StepFailed)


def test_expired_rows_are_not_scored() -> None:
    """Work that nobody waits for any more never reaches the worker."""
    supply = FakeSupply()

    [refusal] = outcomes(supply, sent([1], expires_at=0.0))

    assert isinstance(refusal, Overloaded)
    assert [] == supply.workers[0].batches


def test_a_model_whose_workers_keep_dying_is_given_up() -> None:
    """A crash loop ends after five deaths; the lane says so, and refuses at once from then on."""
    supply = FakeSupply(breaks_after=1)

    async def act(lane: Lane) -> list[Any]:
        first = await sent([-1], [2])(lane)
        with pytest.raises(Unavailable, match="given up"):
            lane.submit(encode_columns([[1]]), 1, FOREVER)
        return [*first, lane.state("s").deaths]

    killer, neighbour, deaths = outcomes(supply, act)

    assert isinstance(killer, Unavailable)
    assert isinstance(neighbour, Unavailable)
    assert (5, 6) == (deaths, len(supply.workers))
