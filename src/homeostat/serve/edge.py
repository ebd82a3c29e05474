"""The HTTP door of the gateway: a bare ASGI callable, JSON by msgspec.

    POST /predict/{system}            {"rows": [{...}], "entities": ["..."], "at": "2013-04-12T06:00:00Z"}
    POST /labels/{system}             {"labels": [{"id": "...", "value": 1}], "at": ...}
    GET  /health /metrics
    GET  /v2/health/live /v2/health/ready /v2/models/{system}      the Open Inference Protocol
    POST /v2/models/{system}/infer
    POST /invocations /invocations/{system}                        as MLflow's model server; without a name where one system is served
    GET  /ping

Errors are `{"error": {"code", "message"}}`. 400 is no JSON, 404 an unknown system, 413 a body that is too large, 422 rows
that do not fit, 429 a full queue (with Retry-After), 500 a model that raised, 503 not ready or no room to log.
It never unpickles: rows leave it as MessagePack to the worker processes.
"""

import ipaddress
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec

from homeostat.core.clock import Clock, parse_iso
from homeostat.core.errors import (
    BadData,
    HomeostatError,
    NotAllowed,
    NotFound,
    Overloaded,
    ResourceError,
    StepFailed,
    Unavailable,
    UserError,
)
from homeostat.serve import inference_protocol, invocations
from homeostat.serve.endpoint import Answer, Endpoint, Request
from homeostat.serve.lanes import LaneState
from homeostat.serve.log import LABELS, GroupCommit, PredictionId
from homeostat.serve.messages import ErrorAnswer, LabelsBody, PredictAnswer, PredictBody, Prediction, Problem
from homeostat.serve.metrics import Metrics

_MAX_BODY_BYTES = 8 << 20
_MAX_EVENT_TIME = 1 << 62
_JSON = b"application/json"
_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Board(Protocol):
    """What the gateway serves now."""

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """Systems that can answer."""
        ...

    @property
    def waiting(self) -> Mapping[str, str]:
        """Systems that cannot answer yet, and why."""
        ...

    def label_log(self, system: str) -> GroupCommit: ...

    def lanes(self) -> Sequence[LaneState]:
        """Every loaded model."""
        ...


class Reply(NamedTuple):
    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = _JSON


_encode = msgspec.json.Encoder().encode
_predict_body = msgspec.json.Decoder(PredictBody)
_labels_body = msgspec.json.Decoder(LabelsBody)


class Edge:
    """Answers HTTP for a board of endpoints. Belongs to one event loop.

    Args:
        hosts: names that the Host header may have; empty allows any. On a loopback address it keeps web pages of
            other sites from reaching the gateway through the browser (DNS rebinding).
    """

    def __init__(self, board: Board, metrics: Metrics, clock: Clock, hosts: frozenset[str]) -> None:
        self._board = board
        self._metrics = metrics
        self._clock = clock
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            reply = await self._route(scope, receive)
        except Exception as error:  # noqa: BLE001 - every request gets an answer
            reply = _failed(error)
        headers = [
            (b"content-type", reply.content_type),
            (b"content-length", str(len(reply.body)).encode()),
            *reply.headers,
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _route(self, scope: Scope, receive: Receive) -> Reply:
        if self._hosts and (host := _host(scope)) not in self._hosts:
            raise NotAllowed(f"Host {host!r} is not this gateway. It answers to {', '.join(sorted(self._hosts))}.")
        match scope["method"], scope["path"].strip("/").split("/"):
            case "POST", ["predict", system]:
                return await self._timed(system, receive, self._predict)
            case "POST", ["labels", system]:
                return await self._labels(system, await _body(receive))
            case "POST", ["v2", "models", system, "infer"]:
                return await self._timed(system, receive, self._infer)
            case "POST", ["invocations"]:
                return await self._timed(self._only_system(), receive, partial(self._invoke, _content_type(scope)))
            case "POST", ["invocations", system]:
                return await self._timed(system, receive, partial(self._invoke, _content_type(scope)))
            case "GET", path:
                return self._look(path)
            case method, _:
                raise NotFound(f"There is no {method} {scope['path']} here.")

    def _look(self, path: list[str]) -> Reply:
        match path:
            case ["health"]:
                serving = {name: each.deployment.generation for name, each in self._board.endpoints.items()}
                health = {"serving": serving, "waiting": self._board.waiting, "lanes": self._board.lanes()}
                return Reply(200, _encode(health))
            case ["ping"]:
                return Reply(503 if self._board.waiting else 200, b"\n")
            case ["v2", "health", "live"]:
                return Reply(200, _encode({"live": True}))
            case ["v2", "health", "ready"]:
                is_ready = not self._board.waiting
                return Reply(200 if is_ready else 503, _encode({"ready": is_ready}))
            case ["v2", "models", system]:
                endpoint = self._endpoint(system)
                return Reply(200, _encode(inference_protocol.metadata(endpoint.deployment, endpoint.signature)))
            case ["metrics"]:
                text = self._metrics.text(self._board.lanes())
                return Reply(200, text.encode(), content_type=b"text/plain; version=0.0.4; charset=utf-8")
        raise NotFound(f"There is no GET /{'/'.join(path)} here.")

    async def _timed(
        self, system: str, receive: Receive, answer: Callable[[str, bytes, float], Awaitable[Reply]]
    ) -> Reply:
        begun_s = time.perf_counter()
        try:
            reply = await answer(system, await _body(receive), begun_s)
        except Exception as error:  # noqa: BLE001 - counted, then answered as any other
            reply = _failed(error)
        if system in self._board.endpoints or system in self._board.waiting:
            self._metrics.request(system, reply.status, time.perf_counter() - begun_s, self._clock.now())
        return reply

    async def _predict(self, system: str, content: bytes, begun_s: float) -> Reply:
        endpoint = self._endpoint(system)
        body = _predict_body.decode(content)
        answer = await self._answered(endpoint, body.rows, body.entities, self._event_time(body.at), begun_s)
        predictions = list(map(Prediction, answer.ids, answer.scores, answer.versions))
        return Reply(200, _encode(PredictAnswer(predictions, endpoint.deployment.generation)))

    async def _infer(self, system: str, content: bytes, begun_s: float) -> Reply:
        endpoint = self._endpoint(system)
        body = inference_protocol.decode(content)
        rows = inference_protocol.rows(body)
        answer = await self._answered(endpoint, rows, (), self._clock.now(), begun_s)
        return Reply(200, _encode(inference_protocol.response(body, endpoint.deployment, answer)))

    async def _invoke(self, content_type: str, system: str, content: bytes, begun_s: float) -> Reply:
        endpoint = self._endpoint(system)
        rows = invocations.rows(content, content_type, endpoint.signature)
        answer = await self._answered(endpoint, rows, (), self._clock.now(), begun_s)
        return Reply(200, _encode({"predictions": answer.scores}))

    async def _answered(
        self, endpoint: Endpoint, rows: list[dict[str, Any]], entities: Sequence[str], at: int, begun_s: float
    ) -> Answer:
        answer = await endpoint.answer(Request(rows=rows, entities=entities, at=at, begun_s=begun_s))
        self._metrics.rows(endpoint.deployment.system, len(rows), answer.shadow_dropped)
        return answer

    async def _labels(self, system: str, content: bytes) -> Reply:
        if system not in self._board.endpoints and system not in self._board.waiting:
            raise self._unknown(system)
        body = _labels_body.decode(content)
        for label in body.labels:
            if PredictionId.parse(label.id).system != system:
                raise BadData(f"Prediction {label.id} is not one of {system}; send its label to its own system.")
        if body.labels:
            count = len(body.labels)
            ids = [label.id for label in body.labels]
            values = [float(label.value) for label in body.labels]
            at = self._event_time(body.at)
            await self._board.label_log(system).append(LABELS, [ids, values, [at] * count, [time.time()] * count])
            self._metrics.labels(system, count)
        return Reply(200, _encode({"labels": len(body.labels)}))

    def _endpoint(self, system: str) -> Endpoint:
        endpoint = self._board.endpoints.get(system)
        if endpoint is not None:
            return endpoint
        reason = self._board.waiting.get(system)
        if reason is not None:
            raise Unavailable(f"{system} cannot answer yet: {reason}")
        raise self._unknown(system)

    def _only_system(self) -> str:
        known = sorted({*self._board.endpoints, *self._board.waiting})
        if len(known) != 1:
            raise NotFound(
                f"Which system? There {'are' if known else 'is none:'} {', '.join(known) or 'deploy one'}. Ask /invocations/NAME."
            )
        return known[0]

    def _unknown(self, system: str) -> NotFound:
        known = sorted({*self._board.endpoints, *self._board.waiting})
        return NotFound(
            f"There is no system {system!r} here. There {'is' if known else 'are none'} {', '.join(known)}."
        )

    def _event_time(self, at: str | int | None) -> int:
        if at is None:
            return self._clock.now()
        if isinstance(at, str):
            return parse_iso(at)
        if abs(at) > _MAX_EVENT_TIME:
            raise BadData(f"'at' is {at}, which is no time in microseconds since 1970.")
        return at


class _TooLarge(Exception):
    """The body passes the limit."""


async def _body(receive: Receive) -> bytes:
    message = await receive()
    content: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        _check_size(len(content))
        return content
    parts = bytearray(content)
    while message.get("more_body", False):
        message = await receive()
        parts += message.get("body", b"")
        _check_size(len(parts))
    return bytes(parts)


def _check_size(size_bytes: int) -> None:
    if size_bytes > _MAX_BODY_BYTES:
        raise _TooLarge


def _host(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("latin-1").lower()
            return host.rpartition(":")[0] if host[-1:].isdigit() and ":" in host.rpartition("]")[2] else host
    return ""


def _content_type(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"content-type"), "")


def allowed_hosts(host: str) -> frozenset[str]:
    """Names that a Host header may have for a gateway bound to `host`; empty for any.

    A loopback address answers to the names of loopback only.
    """
    names = frozenset({"localhost", "127.0.0.1", "[::1]"})
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    return names | {host.lower()} if is_loopback else frozenset()


def _failed(error: Exception) -> Reply:
    """The status of each error; messages of ours go out, those of others do not."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    match error:
        case _TooLarge():
            return _error(
                413, "too-large", f"The body is larger than {_MAX_BODY_BYTES >> 20} MiB. Send fewer rows at once."
            )
        case msgspec.ValidationError():
            return _error(422, "bad-data", f"The body does not fit: {error}.")
        case msgspec.DecodeError():
            return _error(400, "malformed", f"The body is not JSON: {error}.")
        case Overloaded():
            headers = ((b"retry-after", str(math.ceil(error.retry_after_s)).encode()),)
            status = 429
        case NotFound():
            status = 404
        case NotAllowed():
            status = 403
        case UserError():
            status = 422
        case ResourceError():
            status = 503
        case StepFailed():
            status = 500
        case _:
            _log.error("A request failed", exc_info=error)
            return _error(500, "error", f"The gateway failed ({type(error).__name__}). Its log says more.")
    assert isinstance(error, HomeostatError)
    return _error(status, error.code, error.message, headers)


def _error(status: int, code: str, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Reply:
    return Reply(status, _encode(ErrorAnswer(Problem(code, message))), headers)
