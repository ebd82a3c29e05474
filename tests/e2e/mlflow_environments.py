"""MLflow, the newest and the last of version 2, in environments of its own; its server, and ours."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from uv import find_uv_bin

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "homeostat-bench"
# The last of version 2 does not start with SQLAlchemy 2.1.
CLIENTS = {"mlflow3": ("mlflow>=3",), "mlflow2": ("mlflow<3", "sqlalchemy<2.1")}
_HEALTHY_S = 300  # makes its tables first, on a machine that may be busy
QUIET = {"PYTHONWARNINGS": "ignore", "MLFLOW_DISABLE_TELEMETRY": "true", "MPLBACKEND": "Agg"}


def client(name: str) -> Path:
    """The Python of an environment that has this client, made if there is none; skips where that cannot be."""
    python = CACHE / name / "bin" / "python"
    uv = find_uv_bin()
    if not python.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run([uv, "venv", "--quiet", CACHE / name], check=True)
    needs = [*CLIENTS[name], "xgboost-cpu", "lightgbm", "matplotlib", "psutil"]
    installed = subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", python, *needs], check=False, capture_output=True, text=True
    )
    if installed.returncode:
        pytest.skip(f"{CLIENTS[name][0]} cannot be installed: {installed.stderr.strip()[-300:]}")
    return python


@contextmanager
def ours(folder: Path, log: Path) -> Iterator[str]:
    """The address of our server over a workspace."""
    port = free_port()
    command = [sys.executable, "-m", "homeostat", "server", "--workspace", str(folder), "--port", str(port)]
    with _running(command, port, log) as address:
        yield address


@contextmanager
def theirs(name: str, folder: Path) -> Iterator[str]:
    """The address of MLflow's server over a database and a folder of artifacts in `folder`."""
    python, port = client(name), free_port()
    command = [str(python), "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'theirs.db'}"]
    command += ["--artifacts-destination", str(folder / "theirs")]
    # Secrets of webhooks are kept only with a key: 32 bytes as base64.
    key = base64.urlsafe_b64encode(bytes(32)).decode()
    own = {"MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with _running(command, port, folder / "theirs.log", **own) as address:
        yield address


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int, log: Path, **environment: str) -> Iterator[str]:
    """The address of a server from when it is healthy until it is stopped, with the processes it began."""
    address = f"http://127.0.0.1:{port}"
    with log.open("w") as text:
        process = subprocess.Popen(
            command, stdout=text, stderr=text, env={**os.environ, **environment}, cwd=log.parent, start_new_session=True
        )
        try:
            deadline = time.monotonic() + _HEALTHY_S
            while time.monotonic() < deadline:
                try:
                    if httpx.get(f"{address}/health").text == "OK":
                        break
                except httpx.HTTPError:
                    time.sleep(0.1)
            else:
                pytest.fail(f"{command} is not healthy after {_HEALTHY_S} s: {log.read_text()[-2000:]}")
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
