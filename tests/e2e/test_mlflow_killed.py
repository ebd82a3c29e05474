"""A server that is killed while clients log: what it had acknowledged is there."""

import os
import signal
import subprocess
import sys
import threading
import time
from itertools import count
from pathlib import Path

import httpx
import pytest

from homeostat.serve.listening import free_port
from homeostat.track import queries
from homeostat.workspace import Workspace

pytestmark = pytest.mark.e2e
_CLIENTS = 4
_ACKNOWLEDGED = 300
_DEADLINE_S = 60


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """Of four clients that log at once no acknowledged point is lost when the server is killed, and its database opens again."""
    port = free_port("127.0.0.1", 0, "server")
    command = [sys.executable, "-m", "homeostat", "server", "--workspace", str(tmp_path), "--port", str(port)]
    acknowledged: dict[str, int] = {}
    with subprocess.Popen(command) as server:
        try:
            clients = [threading.Thread(target=_log, args=(port, acknowledged)) for _ in range(_CLIENTS)]
            _wait_for(port)
            for client in clients:
                client.start()
            deadline = time.monotonic() + _DEADLINE_S
            while sum(acknowledged.values()) < _ACKNOWLEDGED and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            os.kill(server.pid, signal.SIGKILL)
    for client in clients:
        client.join()

    assert _CLIENTS == len(acknowledged)
    with Workspace.undeclared(tmp_path) as workspace, workspace.database.read() as connection:
        for run_id, points in acknowledged.items():
            kept = queries.series(connection, run_id, "loss").values
            assert [float(step) for step in range(points)] == kept[:points]
            assert len(kept) - points <= 1  # one may have been committed and not yet answered


def _log(port: int, acknowledged: dict[str, int]) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/2.0/mlflow/runs") as client:
        run_id = client.post("/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        for step in count():
            point = {
                "run_id": run_id,
                "key": "loss",
                "value": float(step),
                "timestamp": 1_700_000_000_000,
                "step": step,
            }
            try:
                answer = client.post("/log-metric", json=point)
            except httpx.TransportError:
                return
            assert 200 == answer.status_code
            acknowledged[run_id] = step + 1


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("The server does not come up.")
