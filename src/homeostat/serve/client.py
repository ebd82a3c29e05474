"""A small client of the gateway.

Retries what cannot have been scored: connections that were refused, 429 and 503, as long and as often as told. A request
that was cut off half-way is not repeated, since it may stand in the log already; it raises, and counts as failed.

On the standard library: a request costs a third of a millisecond here, and two with httpx.
"""

import http.client
import select
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

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


class Reply(msgspec.Struct, frozen=True):
    """What the gateway answered."""

    status: int
    content: bytes
    retry_after_s: float = 1.0


class Refused(msgspec.Struct, frozen=True):
    """The connection was not made: nothing was sent."""

    reason: str


class CutOff(msgspec.Struct, frozen=True):
    """The connection broke, or took too long, after something may have been sent."""

    reason: str


Outcome = Reply | Refused | CutOff | None
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
    """Safe for threads: each has a connection of its own. Counts of `tally` may then be slightly off."""

    def __init__(self, url: str, *, timeout_s: float = 30.0, patience_s: float = 10.0) -> None:
        """Connect lazily to the gateway at `url`, such as `http://127.0.0.1:8701`; retry for at most `patience_s`."""
        self._address = urlsplit(url).netloc
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._own = threading.local()
        self._connections: list[http.client.HTTPConnection] = []
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
        for connection in self._connections:
            connection.close()

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
            else:
                outcome = self._send(step)

    def _send(self, call: Call) -> Outcome:
        connection = self._connection()
        if connection.sock is None:
            try:
                connection.connect()
            except OSError as error:
                return Refused(f"{type(error).__name__}: {error}")
        try:
            connection.request("POST", call.path, call.content, {"content-type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return CutOff(f"{type(error).__name__}: {error}")
        return Reply(answer.status, content, float(answer.headers.get("retry-after", 1)))

    def _connection(self) -> http.client.HTTPConnection:
        """This thread's connection; one that the gateway has closed meanwhile is opened anew when it is used."""
        known: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if known is None:
            known = self._own.connection = http.client.HTTPConnection(self._address, timeout=self._timeout_s)
            self._connections.append(known)
        elif known.sock is not None and select.select([known.sock], [], [], 0)[0]:
            known.close()  # readable between two requests: the gateway said goodbye
        return known


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
    """What to do next, given what came of the last step: no I/O, so that a test can play the gateway."""
    tally.requests += 1
    give_up_at = time.monotonic() + patience_s
    wait_s = _FIRST_WAIT_S
    while True:
        outcome = yield call
        if isinstance(outcome, Reply) and outcome.status == 200:
            return outcome.content
        may_retry = isinstance(outcome, Refused) or (isinstance(outcome, Reply) and outcome.status in (429, 503))
        if not may_retry or time.monotonic() + wait_s > give_up_at:
            tally.failures += 1
            raise _error(outcome)
        tally.retries += 1
        yield Wait(wait_s)
        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def _error(outcome: Outcome) -> HomeostatError:
    if not isinstance(outcome, Reply):
        reason = outcome.reason if outcome else "nothing was sent"
        return Unavailable(f"The gateway does not answer: {reason}. Is it running? homeostat status tells.")
    try:
        problem = msgspec.json.decode(outcome.content, type=ErrorAnswer).error
    except msgspec.DecodeError:
        start = outcome.content[:200].decode(errors="replace")
        return Unavailable(f"The gateway answered {outcome.status} without a reason: {start}")
    if outcome.status == 429:
        return Overloaded(problem.message, outcome.retry_after_s)
    fallback = Unavailable if outcome.status >= 500 else BadData
    return _ERRORS.get(problem.code, fallback)(problem.message)
