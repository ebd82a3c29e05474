"""The HTTP door, called as ASGI without a server."""

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from homeostat.core.clock import FixedClock, Micros
from homeostat.core.errors import DiskFull, Overloaded, StepFailed
from homeostat.serve.edge import Edge, allowed_hosts
from homeostat.serve.endpoint import Answer, Endpoint, Request
from homeostat.serve.inference_protocol import decode
from homeostat.serve.inference_protocol import rows as tensor_rows
from homeostat.serve.lanes import LaneState
from homeostat.serve.log import GroupCommit
from homeostat.serve.metrics import Metrics


class FailingEndpoint:
    """Raises what it is told."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def answer(self, request: Request) -> Answer:
        raise self._error


class FakeBoard:
    def __init__(self, error: Exception) -> None:
        self.endpoints = {"late-flights": cast("Endpoint", FailingEndpoint(error))}
        self.waiting = {"new": "Its model is being loaded."}

    def label_log(self, system: str) -> GroupCommit:
        return GroupCommit(Path(), system, "labels", "g1")

    def lanes(self) -> list[LaneState]:
        return []


def asked(
    method: str, path: str, *parts: bytes, host: str = "localhost:8500", error: Exception | None = None
) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of one request, whose body comes in `parts`."""
    edge = Edge(
        FakeBoard(error or RuntimeError("secret")), Metrics(), FixedClock(Micros(0)), allowed_hosts("127.0.0.1")
    )
    messages = [{"body": part, "more_body": number < len(parts) - 1} for number, part in enumerate(parts)] or [{}]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", **messages.pop(0)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", host.encode())]}
    asyncio.run(edge(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, msgspec.json.decode(sent[1]["body"])


@pytest.mark.parametrize(
    ("error", "status"),
    [(DiskFull("no space"), 503), (StepFailed("raised"), 500), (Overloaded("full", 0.2), 429)],
)
def test_each_error_has_its_status(error: Exception, status: int) -> None:
    """Errors of ours reach the caller with their message and the status of their kind."""
    answer = asked("POST", "/predict/late-flights", b'{"rows": [{}]}', error=error)

    assert (status, str(error)) == (answer[0], answer[2]["error"]["message"])


def test_a_full_queue_says_when_to_come_back() -> None:
    """429 carries Retry-After in whole seconds, as HTTP wants it."""
    _, headers, _ = asked("POST", "/predict/late-flights", b'{"rows": [{}]}', error=Overloaded("full", 0.2))

    assert "1" == headers["retry-after"]


def test_what_we_did_not_foresee_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """An unforeseen exception is a 500 that keeps its text for the log."""
    status, _, body = asked("POST", "/predict/late-flights", b'{"rows": [{}]}')

    assert (500, False) == (status, "secret" in body["error"]["message"])
    assert "secret" in caplog.text


def test_a_body_may_come_in_parts_up_to_the_limit() -> None:
    """The limit holds for the sum of the parts."""
    assert 413 == asked("POST", "/predict/late-flights", *[b" " * (3 << 20)] * 3)[0]
    assert 500 == asked("POST", "/predict/late-flights", b'{"rows"', b": [{}]}", error=StepFailed("raised"))[0]


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:1", 200), ("[::1]:8500", 200), ("evil.example", 403), ("evil.example:8500", 403)],
)
def test_a_loopback_gateway_answers_to_names_of_loopback_only(host: str, status: int) -> None:
    """A page of another site cannot reach the gateway under its own name."""
    assert status == asked("GET", "/v2/health/live", host=host)[0]


def test_a_public_gateway_answers_to_any_name() -> None:
    """Behind a load balancer the name is not ours to judge."""
    assert frozenset() == allowed_hosts("0.0.0.0")  # noqa: S104 - not bound here


def test_a_system_that_loads_is_not_ready() -> None:
    """A system that is known but cannot answer yet is 503 with the reason, and the gateway is not ready."""
    status, _, body = asked("POST", "/predict/new", b'{"rows": [{}]}')

    assert (503, True) == (status, "being loaded" in body["error"]["message"])
    assert 503 == asked("GET", "/v2/health/ready")[0]


def test_tensors_become_rows() -> None:
    """Columns of shape [rows] and [rows, 1] are joined into rows by name."""
    body = decode(
        msgspec.json.encode(
            {
                "inputs": [
                    {"name": "a", "shape": [2], "datatype": "INT64", "data": [1, 2]},
                    {"name": "b", "shape": [2, 1], "datatype": "BYTES", "data": ["x", "y"]},
                ]
            }
        )
    )

    assert [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}] == tensor_rows(body)
