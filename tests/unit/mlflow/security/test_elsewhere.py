"""Requests that the server would make for others: webhooks, redirects, rebinding, places of artifacts."""

import gzip
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self

import pytest

from homeostat.mlflow import delivery
from homeostat.mlflow.delivery import PRIVATE_VARIABLE, send
from unit.mlflow.conftest import Door
from unit.mlflow.security.conftest import Server
from unit.mlflow.test_delivery import webhook


class Receiver:
    """A web server of this machine, and what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(f"{self.command} {self.path} {self.headers['Host']}")
                self.send_response(outer.status)
                for name, value in outer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815  as the base class asks for them

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


INSIDE = [
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "localhost",
    "0.0.0.0",  # noqa: S104  nobody binds to it
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.8",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "[fe80::1]",
    "[fc00::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[5f00::1]",
]


@pytest.mark.parametrize("host", INSIDE)
def test_a_webhook_does_not_reach_inside(receiver: Receiver, host: str) -> None:
    """Loopback, private, link-local, shared, reserved and multicast addresses in every spelling, and IPv4 in IPv6."""
    answer = send(webhook(f"http://{host}:{receiver.port}/x"), "id", "{}")

    assert (False, []) == (answer.is_success, receiver.asked)
    assert "not a public address" in answer.error


@pytest.mark.parametrize("address", ["8.8.8.8", "[2606:4700::1111]"])
def test_public_addresses_are_reached(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """The rule is no wall: what is on the Internet is connected to."""
    tried: list[Any] = []

    def connect(where: Any, *_: Any, **__: Any) -> socket.socket:
        tried.append(where)
        raise OSError("not in a test")

    monkeypatch.setattr(socket, "create_connection", connect)
    send(webhook(f"http://{address}:81/x"), "id", "{}")

    assert [(address.strip("[]"), 81)] == tried


def test_a_name_that_changes_its_address_gains_nothing(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    """It is looked up once: the address that was found public is the one that is connected to."""
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", receiver.port))]
    private = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]
    answers, connected = [public, private, private], []

    def look(host: str, *_: Any, **__: Any) -> Any:
        return answers.pop(0) if host == "rebinding.example" else private

    def connect(where: Any, *_: Any, **__: Any) -> socket.socket:
        connected.append(where[0])
        raise OSError("not in a test")

    monkeypatch.setattr(socket, "getaddrinfo", look)
    monkeypatch.setattr(socket, "create_connection", connect)
    send(webhook(f"http://rebinding.example:{receiver.port}/x"), "id", "{}")

    assert (["93.184.216.34"], 2, []) == (connected, len(answers), receiver.asked)


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with both is refused: which of them is taken would be chance."""
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "169.254.169.254")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)

    assert "169.254.169.254" in send(webhook("http://both.example/x"), "id", "{}").error


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch, receiver: Receiver, status: int) -> None:
    """A receiver cannot send the server somewhere else."""
    monkeypatch.setenv(PRIVATE_VARIABLE, "1")
    receiver.status, receiver.headers = status, [("Location", f"http://127.0.0.1:{receiver.port}/secret")]
    answer = send(webhook(f"http://localhost:{receiver.port}/x"), "id", "{}")

    assert (False, status) == (answer.is_success, answer.status)
    assert [f"POST /x localhost:{receiver.port}"] == receiver.asked


def test_an_answer_is_neither_unpacked_nor_read_to_its_end(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    """Of a large or packed one some kilobytes are shown, as they came."""
    monkeypatch.setenv(PRIVATE_VARIABLE, "1")
    receiver.headers, receiver.body = [("Content-Encoding", "gzip")], gzip.compress(bytes(50 << 20))
    answer = send(webhook(f"http://127.0.0.1:{receiver.port}/x"), "id", "{}")

    assert answer.is_success
    assert 0 < len(answer.body) <= delivery._MOST_BODY


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/x",
        "javascript:alert(1)",
        "//elsewhere/x",
        "http://",
        "http://[x",
        "http://host:99999/",
        "http://host:x/",
        "http://a\r\nHost: b/",
        "http://a\tb/",
        "http://a b/",
        "http://a\u0000b/",
        "http://good.example\\@127.0.0.1/",
    ],
)
def test_what_is_no_address_of_a_webhook_is_refused(door: Door, url: str) -> None:
    """Other schemes, no host, no port, and signs that other readers of URLs see differently."""
    events = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]

    assert 400 == door.refused("POST", "webhooks", {"name": "w", "url": url, "events": events})[0]


@pytest.mark.parametrize("location", ["http://127.0.0.1:{port}/x", "file:///etc", "s3://127.0.0.1:{port}/x", "/etc"])
@pytest.mark.e2e
def test_the_server_goes_to_no_place_of_artifacts(server: Server, receiver: Receiver, location: str) -> None:
    """An experiment may say that its artifacts are anywhere: nothing is asked there, and nothing of it is given out."""
    place = location.format(port=receiver.port)
    number = server.call(
        "POST", "experiments/create", {"name": f"{location}-{receiver.port}", "artifact_location": place}
    ).json["experiment_id"]
    run_id = server.call("POST", "runs/create", {"experiment_id": number}).json["run"]["info"]["run_id"]
    server.call("POST", "registered-models/create", {"name": "elsewhere"})
    replies = [
        server.ask("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run_id}"),
        server.ask("GET", f"/get-artifact?run_id={run_id}&path=passwd"),
        server.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts?path={number}/{run_id}/artifacts"),
        server.put(f"{number}/{run_id}/artifacts/x", b"x"),
        server.call(
            "POST", "model-versions/create", {"name": "elsewhere", "source": f"runs:/{run_id}/x", "run_id": run_id}
        ),
        server.ask("GET", f"/runs/{run_id}"),
    ]

    assert [] == receiver.asked
    assert not any(b"root:x:0" in reply.body for reply in replies)
    assert all(reply.status < 500 for reply in replies)
