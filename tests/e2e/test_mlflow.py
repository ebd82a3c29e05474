"""The clients of MLflow, the newest and the last of version 2, in their own environments against our server."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

TOUR = Path(__file__).parent / "mlflow_tour" / "tour.py"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "homeostat-bench"
CLIENTS = {"mlflow3": "mlflow>=3", "mlflow2": "mlflow<3"}


def client(name: str) -> Path:
    """The Python of an environment that has this client, made if there is none; skips where that cannot be."""
    python = CACHE / name / "bin" / "python"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("uv is not installed: no environment for the client can be made.")
    if not python.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run([uv, "venv", "--quiet", CACHE / name], check=True)
    needs = [CLIENTS[name], "xgboost-cpu", "lightgbm", "matplotlib", "psutil"]
    installed = subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", python, *needs], check=False, capture_output=True, text=True
    )
    if installed.returncode:
        pytest.skip(f"{CLIENTS[name]} cannot be installed: {installed.stderr.strip()[-300:]}")
    return python


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "homeostat", "server", "--workspace", str(tmp_path / "kept"), "--port", str(port)]
    log = (tmp_path / "server.log").open("w")
    process = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/health").text == "OK":
                break
        except httpx.HTTPError:
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait(30)
    log.close()


@pytest.mark.e2e
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", CLIENTS)
def test_the_tour_of_a_client_works_unchanged(name: str, server: str, tmp_path: Path) -> None:
    """Every call of the tour does with our server what its documentation says."""
    python = client(name)
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "MLFLOW_DISABLE_TELEMETRY": "true", "MPLBACKEND": "Agg"}

    done = subprocess.run(
        [python, TOUR, server], cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
    )

    assert 0 == done.returncode, f"{done.stdout}\n{done.stderr[-4000:]}"
    assert "is done: 12 parts" in done.stdout
