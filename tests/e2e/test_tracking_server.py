"""Runs that go to a server, with real processes: it is away, ill, slow or killed, and afterwards all is there, once and in order."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from command_line import process
from homeostat.core.digests import Digest
from homeostat.track import queries
from homeostat.workspace import Workspace

pytestmark = pytest.mark.e2e

POINTS = 400
TRAINING = f"""
    import time
    import homeostat as hs
    with hs.run("away", lr=0.1, system_metrics=False) as run:
        print(run.id, flush=True)
        for step in range({POINTS}):
            run.log(step, loss=float(step))
            time.sleep(0.01)
        run.text("notes.txt", "what was learned")
    print("done", flush=True)
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The directory of the server's workspace."""
    return tmp_path / "kept"


@contextmanager
def serving(kept: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A real server from when it is healthy, with whatever it kept before."""
    command = [sys.executable, "-m", "homeostat", "server", "--workspace", str(kept), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            for _ in range(600):
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/health").text == "OK":
                        break
                except httpx.HTTPError:
                    time.sleep(0.1)
            else:
                pytest.fail("The server is not healthy after a minute.")
            yield running
        finally:
            running.terminate()
            running.wait(30)


@contextmanager
def ill(port: int, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """Something that listens in the server's place and does `answer` with each connection."""
    with socket.create_server(("127.0.0.1", port)) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield
        listening.shutdown(socket.SHUT_RDWR)


def training(folder: Path, port: int, code: str = TRAINING) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "HOMEOSTAT_SERVER": f"http://127.0.0.1:{port}"}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def sent(folder: Path, port: int) -> dict[str, object]:
    """`homeostat sync` of what waits."""
    answer = process("sync", "--server", f"http://127.0.0.1:{port}", "--json", cwd=folder)
    assert 0 == answer.code, answer
    found: dict[str, object] = answer.json
    return found


def told(kept: Path, run_id: str) -> tuple[str, list[float]]:
    """The status of a run on the server, and its curve."""
    with Workspace.undeclared(kept) as workspace, workspace.database.read() as connection:
        curve = queries.series(connection, run_id, "loss")
        assert list(curve.steps) == sorted(curve.steps)
        return queries.get(connection, run_id).run.status, list(curve.values)


def waiting(folder: Path) -> list[Path]:
    return list(folder.glob(".homeostat/servers/*/spool/*"))


def test_a_server_that_is_killed_meanwhile_misses_nothing(tmp_path: Path, kept: Path, port: int) -> None:
    """kill -9 while points come in, and another server in its place: every point is there once, the code and the text too."""
    with serving(kept, port) as server, training(tmp_path / "client", port) as run:
        assert run.stdout is not None
        run_id = run.stdout.readline().strip()
        time.sleep(1.5)
        server.send_signal(signal.SIGKILL)
        server.wait(10)
        with serving(kept, port):
            assert ["done\n"] == run.stdout.readlines()
            if waiting(tmp_path / "client"):  # the last attempt came before the server was back
                sent(tmp_path / "client", port)

    assert ("finished", [float(step) for step in range(POINTS)]) == told(kept, run_id)
    with Workspace.undeclared(kept) as workspace:
        with workspace.database.read() as connection:
            detail = queries.get(connection, run_id)
        (text,) = [one for one in detail.artifacts if one.name == "notes.txt"]
        assert b"what was learned" == workspace.objects.read(text.digest)
        assert workspace.objects.has(Digest(detail.run.environment))


def refuse(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def fill(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def cut(connection: socket.socket) -> None:
    connection.recv(65536)


def ramble(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"no server of ours\r\n\r\n")


@pytest.mark.parametrize("illness", [refuse, fill, cut, ramble])
def test_an_ill_server_costs_the_training_nothing(
    tmp_path: Path, kept: Path, port: int, illness: Callable[[socket.socket], None]
) -> None:
    """It answers 500, is full, cuts connections or is something else: the training ends well, and later all arrives."""
    with ill(port, illness), training(tmp_path / "client", port) as run:
        assert run.stdout is not None
        run_id, done = run.stdout.read().split()
    assert ("done", 1) == (done, len(waiting(tmp_path / "client")))

    with serving(kept, port):
        assert {"taken": 1, "killed": []} == sent(tmp_path / "client", port)

    assert ("finished", [float(step) for step in range(POINTS)]) == told(kept, run_id)
    assert [] == waiting(tmp_path / "client")


def test_a_killed_training_loses_nothing_that_is_a_second_old(tmp_path: Path, kept: Path, port: int) -> None:
    """With no server there: the next `sync` brings what it had said, and the run ends as killed."""
    with training(tmp_path / "client", port) as run:
        assert run.stdout is not None
        run_id = run.stdout.readline().strip()
        time.sleep(3)
        run.kill()

    with serving(kept, port):
        assert {"taken": 1, "killed": [run_id]} == sent(tmp_path / "client", port)

    status, values = told(kept, run_id)
    assert ("killed", [float(step) for step in range(len(values))]) == (status, values)
    assert len(values) > 100


def test_a_run_goes_on_from_another_process(tmp_path: Path, kept: Path, port: int) -> None:
    """By its id: steps are counted on, params stay."""
    code = """
        import sys
        import homeostat as hs
        with hs.run("away", id={id!r}, system_metrics=False) as run:
            run.log(loss=1.0)
            print(run.id)
    """
    with serving(kept, port):
        with training(tmp_path / "client", port, code.format(id=None)) as run:
            assert run.stdout is not None
            run_id = run.stdout.read().strip()
        with training(tmp_path / "client", port, code.format(id=run_id)) as again:
            assert again.stdout is not None
            assert run_id == again.stdout.read().strip()

    assert ("finished", [1.0, 1.0]) == told(kept, run_id)
