"""The servers that are compared: started, asked for their memory, stopped."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_START_S = 180  # of a server that imports half of PyPI on a busy machine


class Server(NamedTuple):
    """A server that answers.

    Attributes:
        pid: of its first process; the others are its children.
    """

    address: str
    pid: int
    started_s: float

    def memory_mb(self) -> float:
        """Proportional set size of all its processes: pages that several share count once."""
        return sum(_kb(pid, "Pss") for pid in _family(self.pid)) / 1024

    def resident_mb(self) -> float:
        """All pages that its processes hold, shared with others or not: what it takes at most."""
        return sum(_kb(pid, "Rss") for pid in _family(self.pid)) / 1024

    def settle(self) -> None:
        """Wait until no process comes and none grows any more: some begin their helpers behind the first answer."""
        began, before = time.perf_counter(), 0.0
        while time.perf_counter() - began < _START_S:
            now = self.memory_mb()
            if abs(now - before) < 0.01 * now:
                return
            before = now
            time.sleep(3)

    def processes(self) -> int:
        return len(_family(self.pid))


@contextmanager
def running(command: Sequence[str | Path], folder: Path, port: int) -> Iterator[Server]:
    """A server from when it says OK at /health until it is stopped with all its processes.

    Raises: RuntimeError with the end of its log if it does not come up.
    """
    log = folder / "server.log"
    environ = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    began = time.perf_counter()
    with log.open("w") as text:
        process = subprocess.Popen(
            list(map(str, command)), stdout=text, stderr=text, cwd=folder, env=environ, start_new_session=True
        )
    try:
        address = f"http://127.0.0.1:{port}"
        while not _is_healthy(address):
            if process.poll() is not None or time.perf_counter() - began > _START_S:
                raise RuntimeError(f"{command[0]} does not come up: {log.read_text()[-800:]}")
            time.sleep(0.1)
        yield Server(address, process.pid, time.perf_counter() - began)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _is_healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:  # noqa: S310  our own address
            return bool(answer.status == 200)
    except OSError:
        return False


def _family(pid: int) -> list[int]:
    """A process and what it started, and so on."""
    children = [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in _read(task).split()]
    return [pid, *(one for child in children for one in _family(child))]


def _kb(pid: int, name: str) -> int:
    lines = _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process ended meanwhile
        return ""
