"""A server of its own process, spoken to in bytes, with an alarm on everything that unpickles."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

# Python calls audit hooks for each class that an unpickler looks up, in C too: nothing can unpickle around it.
ALARM = """
import os, sys
def hook(event, arguments):
    if event == "pickle.find_class":
        with open(os.environ["ALARM_FILE"], "a") as file:
            file.write(repr(arguments) + "\\n")
sys.addaudithook(hook)
"""


class Reply(NamedTuple):
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """Speaks to a server without a client that would tidy up what it is given."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.folder = folder

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def alarms(self) -> str:
        file = self.folder / "alarms"
        return file.read_text() if file.exists() else ""

    def send(self, raw: bytes, *, wait_s: float = 10) -> Reply:
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait_s) as connection:
            with suppress(OSError):  # refused before all was sent: the answer says why
                connection.sendall(raw)
            return answer_of(connection)

    def ask(self, method: str, path: str, *headers: str, body: bytes = b"", host: str | None = "") -> Reply:
        lines = [f"{method} {path} HTTP/1.1", "Connection: close", *headers]
        if host is not None:
            lines.append(f"Host: {host or self.host}")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def call(self, method: str, name: str, said: Any) -> Reply:
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        return self.ask(method, f"/api/2.0/mlflow/{name}", "Content-Type: application/json", body=raw)

    def run(self) -> str:
        return str(self.call("POST", "runs/create", {"experiment_id": "0"}).json["run"]["info"]["run_id"])

    def put(self, path: str, content: bytes) -> Reply:
        return self.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", body=content)


def answer_of(connection: socket.socket) -> Reply:
    """The answer on a connection that the server closes behind it."""
    raw = b""
    with suppress(OSError):  # closed while something was still on its way to the server
        while part := connection.recv(65536):
            raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        body = unchunked(body)
    return Reply(int(head.split()[1]) if head else 0, body)


def unchunked(raw: bytes) -> bytes:
    found = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        found += raw[: int(size, 16)]
        raw = raw[int(size, 16) + 2 :]
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "alarm").mkdir()
    (folder / "alarm" / "sitecustomize.py").write_text(ALARM)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "homeostat", "server", "--workspace", str(folder / "kept"), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(folder / "alarm"), "ALARM_FILE": str(folder / "alarms")}
    found = Server(port, folder)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        try:
            wait_until_healthy(found)
            yield found
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def wait_until_healthy(server: Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if server.ask("GET", "/health").status == 200:
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"The server is not healthy after a minute: {(server.folder / 'log').read_text()[-2000:]}")
