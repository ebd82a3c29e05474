"""MLflow, the newest and the last of version 2, in its own environments: its clients and its server beside ours."""

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

from e2e.mlflow_corpus.compare import CASES, differences, text
from e2e.mlflow_corpus.reasons import REASONS, reason

TOUR = Path(__file__).parent / "mlflow_tour" / "tour.py"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "homeostat-bench"
CLIENTS = {"mlflow3": "mlflow>=3", "mlflow2": "mlflow<3"}


def client(name: str) -> Path:
    """The Python of an environment that has this client, made if there is none; skips where that cannot be."""
    python = CACHE / name / "bin" / "python"
    uv = find_uv_bin()
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
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                try:
                    if httpx.get(f"{address}/health").text == "OK":
                        break
                except httpx.HTTPError:
                    time.sleep(0.1)
            else:
                pytest.fail(f"{command} is not healthy after two minutes: {log.read_text()[-2000:]}")
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "homeostat", "server", "--workspace", str(tmp_path / "kept"), "--port", str(port)]
    with _running(command, port, tmp_path / "server.log") as address:
        yield address


@pytest.fixture
def their_server(tmp_path: Path) -> Iterator[str]:
    python, port = client("mlflow3"), free_port()
    command = [str(python), "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'theirs.db'}"]
    command += ["--artifacts-destination", str(tmp_path / "theirs")]
    # Secrets of webhooks are kept only with a key: 32 bytes as base64.
    key = base64.urlsafe_b64encode(bytes(32)).decode()
    own = {"MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with _running(command, port, tmp_path / "theirs.log", **own) as address:
        yield address


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


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_answers_differ_only_where_it_is_explained(their_server: str, server: str) -> None:
    """Both servers answer every request of the corpus alike, but for differences with a reason, and no reason is idle."""
    with httpx.Client(base_url=their_server, timeout=60) as theirs, httpx.Client(base_url=server, timeout=60) as ours:
        found = list(differences(theirs, ours))

    explained = {id(one): reason(one) for one in found}
    assert [] == [text(one) for one in found if explained[id(one)] is None]
    assert [] == [known for known in REASONS if known not in explained.values()]
    assert len(CASES) >= 300


def test_every_reason_for_a_difference_is_in_the_documents() -> None:
    """docs/mlflow.md explains what the corpus lets pass, under the same names."""
    documented = (Path(__file__).parents[2] / "docs" / "mlflow.md").read_text()

    assert [] == [known.name for known in REASONS if f"| {known.name} |" not in documented]
