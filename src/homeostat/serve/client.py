"""A small client of the gateway, synchronous and asynchronous.

Retries what cannot have been scored: connections that were refused, 429 and 503, as long and as often as told. A request
that was cut off half-way is not repeated, since it may stand in the log already; it raises, and counts as failed.
"""

import asyncio
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar

import httpx
import msgspec

from homeostat.core.errors import (
    BadData,
    HomeostatError,
    InvalidName,
    MissingColumn,
    NotAllowed,
    NotFound,
    Overloaded,
    StepFailed,
    Unavailable,
    WrongType,
)
from homeostat.serve.messages import ErrorAnswer, Label, LabelsBody, PredictAnswer, PredictBody

_ERRORS: dict[str, type[HomeostatError]] = {
    error.code: error for error in (BadData, InvalidName, MissingColumn, NotAllowed, NotFound, StepFailed, WrongType)
}
_REFUSED = httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 2.0

Answered = TypeVar("Answered")


class Call(msgspec.Struct, frozen=True):
    """One request to send."""

    path: str
    content: bytes


class Wait(msgspec.Struct, frozen=True):
    """Seconds to wait before the next one."""

    seconds: float


Outcome = httpx.Response | httpx.HTTPError | None
Flow = Generator[Call | Wait, Outcome, bytes]


class Tally:
    """What became of the requests of a client.

    Attributes:
        requests: begun. `retries`: sent again. `failures`: given up with an error.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.retries = 0
        self.failures = 0


class Client:
    """Synchronous. Safe for threads, but counts of `tally` may then be slightly off."""

    def __init__(self, url: str, *, timeout_s: float = 30.0, patience_s: float = 10.0) -> None:
        """Connect lazily to the gateway at `url`; retry for at most `patience_s`."""
        self._http = httpx.Client(base_url=url, timeout=timeout_s)
        self._patience_s = patience_s
        self.tally = Tally()

    def predict(
        self,
        system: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        entities: Sequence[str] = (),
        at: str | int | None = None,
    ) -> PredictAnswer:
        """Score rows.

        Raises: NotFound, MissingColumn, WrongType or BadData if they do not fit. Overloaded or Unavailable if patience
            ran out. StepFailed if the model raised.
        """
        return _decoded(self._run(_predict_call(system, rows, entities, at)), PredictAnswer)

    def label(self, system: str, labels: Mapping[str, float], *, at: str | int | None = None) -> None:
        """Tell what came true, by prediction id.

        Raises: as `predict`.
        """
        self._run(_label_call(system, labels, at))

    def close(self) -> None:
        self._http.close()

    def _run(self, call: Call) -> bytes:
        flow = _flow(call, self._patience_s, self.tally)
        outcome: Outcome = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as done:
                content: bytes = done.value
                return content
            outcome = None
            if isinstance(step, Wait):
                time.sleep(step.seconds)
                continue
            try:
                outcome = self._http.post(step.path, content=step.content)
            except httpx.HTTPError as error:
                outcome = error


class AsyncClient:
    """Asynchronous; belongs to one event loop. As `Client` otherwise."""

    def __init__(self, url: str, *, timeout_s: float = 30.0, patience_s: float = 10.0) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=timeout_s)
        self._patience_s = patience_s
        self.tally = Tally()

    async def predict(
        self,
        system: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        entities: Sequence[str] = (),
        at: str | int | None = None,
    ) -> PredictAnswer:
        """As `Client.predict`."""
        return _decoded(await self._run(_predict_call(system, rows, entities, at)), PredictAnswer)

    async def label(self, system: str, labels: Mapping[str, float], *, at: str | int | None = None) -> None:
        """As `Client.label`."""
        await self._run(_label_call(system, labels, at))

    async def close(self) -> None:
        await self._http.aclose()

    async def _run(self, call: Call) -> bytes:
        flow = _flow(call, self._patience_s, self.tally)
        outcome: Outcome = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as done:
                content: bytes = done.value
                return content
            outcome = None
            if isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
                continue
            try:
                outcome = await self._http.post(step.path, content=step.content)
            except httpx.HTTPError as error:
                outcome = error


def _predict_call(
    system: str, rows: Sequence[Mapping[str, Any]], entities: Sequence[str], at: str | int | None
) -> Call:
    body = PredictBody(rows=[dict(row) for row in rows], entities=list(entities), at=at)
    return Call(f"/predict/{system}", msgspec.json.encode(body))


def _label_call(system: str, labels: Mapping[str, float], at: str | int | None) -> Call:
    told = [Label(id=prediction, value=float(value)) for prediction, value in labels.items()]
    return Call(f"/labels/{system}", msgspec.json.encode(LabelsBody(labels=told, at=at)))


def _decoded(content: bytes, kind: type[Answered]) -> Answered:
    return msgspec.json.decode(content, type=kind)


def _flow(call: Call, patience_s: float, tally: Tally) -> Flow:
    """What to do next, given what came of the last step: no I/O, so that both clients share it."""
    tally.requests += 1
    give_up_at = time.monotonic() + patience_s
    wait_s = _FIRST_WAIT_S
    while True:
        outcome = yield call
        if isinstance(outcome, httpx.Response) and outcome.is_success:
            return outcome.content
        error = _error(outcome)
        may_retry = isinstance(outcome, _REFUSED) or (
            isinstance(outcome, httpx.Response) and outcome.status_code in (429, 503)
        )
        if not may_retry or time.monotonic() + wait_s > give_up_at:
            tally.failures += 1
            raise error
        tally.retries += 1
        yield Wait(wait_s)
        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def _error(outcome: Outcome) -> HomeostatError:
    if not isinstance(outcome, httpx.Response):
        return Unavailable(f"The gateway does not answer: {outcome!r}. Is it running? homeostat status tells.")
    try:
        problem = msgspec.json.decode(outcome.content, type=ErrorAnswer).error
    except msgspec.DecodeError:
        return Unavailable(f"The gateway answered {outcome.status_code} without a reason: {outcome.text[:200]}")
    if outcome.status_code == 429:
        return Overloaded(problem.message, float(outcome.headers.get("retry-after", 1)))
    fallback = Unavailable if outcome.status_code >= 500 else BadData
    return _ERRORS.get(problem.code, fallback)(problem.message)
