"""Bodies that are too large, too deep, too slow or packed; numbers that are too long."""

import gzip
import json
import socket
import time
import zipfile
from contextlib import ExitStack
from io import BytesIO

import anyio
import pytest
from starlette.requests import Request
from starlette.types import Message

from homeostat.mlflow import bodies
from homeostat.mlflow.wire import Fault
from unit.mlflow.conftest import Door
from unit.mlflow.security.conftest import Server, answer_of

JSON = "Content-Type: application/json"
DEEP = ["[" * 200_000, '{"a":' * 100_000, '{"a":' + "[" * 100_000 + "]" * 100_000 + "}", json.dumps("[" * 100_000)]


@pytest.mark.e2e
def test_a_body_without_a_length_has_a_limit(server: Server) -> None:
    """In pieces, it is cut off at 32 MB; the server never holds more of it."""
    head = f"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: {server.host}\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(200):
                connection.sendall(b"100000\r\n" + b" " * (1 << 20) + b"\r\n")
                sent += 1
        except OSError:
            pass  # the server does not read on
        reply = answer_of(connection)

    assert sent < 60
    assert reply.status in {0, 400}  # 0: the connection was reset under what was still on its way


@pytest.mark.e2e
@pytest.mark.parametrize("body", DEEP)
@pytest.mark.parametrize("name", ["runs/create", "registered-models/create", "webhooks"])
def test_deep_json_is_a_wrong_request(server: Server, name: str, body: str) -> None:
    """Not an error of the server, which clients would send again."""
    reply = server.call("POST", name, body.encode())

    assert (400, "BAD_REQUEST") == (reply.status, reply.json["error_code"])


def test_deep_json_inside_of_texts_is_one_too(door: Door) -> None:
    """Where a client's text is JSON itself: model descriptions, and tags that lists are kept in."""
    run_id, deep = door.run(), "[" * 100_000
    model_id = door.ok("POST", "logged-models", {"experiment_id": "0", "name": "m"})["model"]["info"]["model_id"]
    door.ok("POST", "registered-models/create", {"name": "m"})
    for value in (deep[:8000], '{"a": 1}', "not json"):
        door.ok("POST", "runs/set-tag", {"run_id": run_id, "key": "mlflow.log-model.history", "value": value})
        described = {"artifact_path": "a", "flavors": {}, "utc_time_created": "", "run_id": run_id}
        door.ok("POST", "runs/log-model", {"run_id": run_id, "model_json": json.dumps(described)})
        tags = [{"key": "mlflow.modelVersions", "value": value}]
        door.ok("PATCH", f"logged-models/{model_id}/tags", {"tags": tags})
        door.ok("POST", "model-versions/create", {"name": "m", "source": f"models:/{model_id}", "model_id": model_id})

    assert 400 == door.refused("POST", "runs/log-model", {"run_id": run_id, "model_json": deep})[0]


@pytest.mark.e2e
def test_packed_bodies_are_not_unpacked(server: Server) -> None:
    """A gzip of 1 GB of spaces is no JSON; as an artifact it stays the 1 MB that it is."""
    bomb = gzip.compress(bytes(100 << 20), 9)
    refused = server.ask("POST", "/api/2.0/mlflow/runs/create", JSON, "Content-Encoding: gzip", body=bomb)
    path = f"0/{server.run()}/artifacts/bomb.gz"
    begun = time.monotonic()
    kept = server.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", "Content-Encoding: gzip", body=bomb)

    assert (400, 200) == (refused.status, kept.status)
    assert bomb == server.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts/{path}").body
    assert time.monotonic() - begun < 10


@pytest.mark.e2e
def test_archives_and_yaml_are_bytes(server: Server) -> None:
    """A zip bomb and YAML of a billion aliases, as a model with a version of it: nothing looks inside."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(50 << 20))
    laughs = "\n".join(
        ["a: &a [x,x,x,x,x,x,x,x,x]"]
        + [
            f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]"
            for before, name in zip("abcdefgh", "bcdefghi", strict=True)
        ]
    )
    run_id = server.run()
    root = f"0/{run_id}/artifacts/model"
    begun = time.monotonic()
    replies = [
        server.put(f"{root}/MLmodel", laughs.encode()),
        server.put(f"{root}/model.zip", archive.getvalue()),
        server.put(f"{root}/conda.yaml", laughs.encode()),
        server.call("POST", "registered-models/create", {"name": "laughing"}),
        server.call(
            "POST", "model-versions/create", {"name": "laughing", "source": f"runs:/{run_id}/model", "run_id": run_id}
        ),
        server.ask("GET", "/model-versions/get-artifact?name=laughing&version=1&path=MLmodel"),
        server.ask("GET", f"/runs/{run_id}"),
    ]

    assert {200} == {reply.status for reply in replies}
    assert laughs.encode() == replies[5].body
    assert time.monotonic() - begun < 10


@pytest.mark.e2e
def test_slow_uploads_hold_up_nobody_else(server: Server) -> None:
    """Sixty uploads that never end, more than there are threads for requests: the others are answered at once."""
    run_id = server.run()
    with ExitStack() as open_connections:
        for number in range(60):
            head = f"PUT /api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/{number} HTTP/1.1\r\nHost: {server.host}\r\n"
            slow = open_connections.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            slow.sendall(f"{head}Content-Length: 100\r\n\r\nx".encode())
        time.sleep(0.5)
        replies = [server.ask("GET", "/health"), server.call("POST", "runs/search", {"experiment_ids": ["0"]})]

    assert [200, 200] == [reply.status for reply in replies]


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a minute without a byte; here after some milliseconds."""
    monkeypatch.setattr(bodies, "_IDLE_S", 0.01)

    async def receive() -> Message:
        await anyio.sleep_forever()
        return {}

    async def read() -> None:
        await bodies.whole(Request({"type": "http", "method": "POST", "headers": []}, receive))

    with pytest.raises(Fault, match="Nothing of the body came"):
        anyio.run(read)


@pytest.mark.e2e
def test_a_client_that_goes_away_leaves_nothing(server: Server) -> None:
    """Half a file is no file, and no failure of the server."""
    run_id = server.run()
    head = f"PUT /api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/half HTTP/1.1\r\nHost: {server.host}\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\nhalf".encode())
        time.sleep(0.2)
    time.sleep(0.5)

    listed = server.ask("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run_id}").json
    assert "files" not in listed
    assert "Traceback" not in (server.folder / "log").read_text()


NUMBERS = ["9" * 5000, "-" + "9" * 5000, "9" * 30, "1e999", "0x10", "NaN", ""]


@pytest.mark.e2e
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_one_or_refused(server: Server, number: str) -> None:
    """Of any length, wherever an address has one."""
    from_addresses = [
        server.ask("GET", address + "".join(f"%{byte:02x}" for byte in number.encode())).status
        for address in (
            "/api/2.0/mlflow/experiments/get?experiment_id=",
            "/api/2.0/mlflow/model-versions/get?name=none&version=",
            "/api/2.0/mlflow/registered-models/search?max_results=",
            "/api/2.0/mlflow/metrics/get-history?run_id=none&metric_key=k&page_token=",
            "/api/2.0/mlflow/metrics/get-history?run_id=none&metric_key=k&max_results=",
        )
    ]

    assert set(from_addresses) <= {400, 404}


@pytest.mark.e2e
@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000, "9" * 400, "NaN", "1" + "0" * 30])
@pytest.mark.parametrize("field", ["value", "timestamp", "step"])
def test_a_number_in_a_body_is_one_or_refused(server: Server, field: str, number: str) -> None:
    """What does not fit the database never reaches it."""
    said = {"run_id": server.run(), "key": "k", "value": 1, "timestamp": 1, "step": 1}
    raw = json.dumps({**said, field: "here"}).replace('"here"', number).encode()
    reply = server.call("POST", "runs/log-metric", raw)

    is_value = field == "value" and number.isdecimal() and len(number) < 100
    assert (200 if is_value else 400) == reply.status
