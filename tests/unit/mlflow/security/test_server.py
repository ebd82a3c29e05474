"""Who the server answers at all, and that it unpickles nothing whatever it is given."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from unit.mlflow.security.conftest import Server

pytestmark = pytest.mark.e2e

HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "evil.example:{port}",
    "evil@127.0.0.1",
    "127.0.0.1:{port}@evil.example",
    "127.0.0.1#evil.example",
    "127.0.0.1/evil.example",
    "127.0.0.1:{port}, evil.example",
    "127.0.0.1:",
    "127.0.0.1:999999",
    "[::1",
    "localhost.",
    "0.0.0.0",  # noqa: S104  nobody binds to it
    "127.1",
    "2130706433",
]


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_is_not_answered(server: Server, host: str) -> None:
    """A name that its owner has bound to this machine (DNS rebinding) is not ours, however it is written."""
    for path in ("/health", "/api/2.0/mlflow/experiments/get?experiment_id=0", "/get-artifact?run_id=x&path=y", "/"):
        assert 403 == server.ask("GET", path, host=host.format(port=server.port)).status


def test_one_host_is_needed(server: Server) -> None:
    """None at all, or two of which one is ours, is none of ours."""
    assert server.ask("GET", "/health", host=None).status in {400, 403}
    assert server.ask("GET", "/health", "Host: evil.example").status in {400, 403}
    assert server.ask("GET", "/health", f"Host: {server.host}", host="evil.example").status in {400, 403}


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://[",
        "http://{host}.evil.example",
        "http://evil.example/{host}",
        "{host}",
    ],
)
def test_another_site_is_not_answered(server: Server, origin: str) -> None:
    """A page elsewhere cannot make a browser of this machine log, upload, register or delete, nor ask whether it may."""
    header = f"Origin: {origin.format(host=server.host)}"
    json = "Content-Type: application/json"
    replies = [
        server.ask("POST", "/api/2.0/mlflow/runs/create", json, header, body=b'{"experiment_id": "0"}'),
        server.ask("POST", "/ajax-api/2.0/mlflow/registered-models/create", json, header, body=b'{"name": "evil"}'),
        server.ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/x/artifacts/y", header, body=b"evil"),
        server.ask("DELETE", "/api/2.0/mlflow-artifacts/artifacts/0/x/artifacts/y", header),
        server.ask("OPTIONS", "/api/2.0/mlflow/runs/create", header, "Access-Control-Request-Method: POST"),
        server.ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", header),
    ]

    assert {403} == {reply.status for reply in replies}
    assert 404 == server.ask("GET", "/api/2.0/mlflow/registered-models/get?name=evil").status


def test_a_form_of_another_site_is_no_request(server: Server) -> None:
    """Browsers of old send forms without an origin: they cannot send JSON as such."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        reply = server.ask(
            "POST", "/api/2.0/mlflow/runs/create", f"Content-Type: {kind}", body=b'{"experiment_id": "0"}'
        )
        assert 400 == reply.status


class Evil:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (str(self.file),))


def test_the_alarm_works(server: Server, tmp_path: Path) -> None:
    """In an interpreter as the server's, unpickling rings it: else its silence would say nothing."""
    alarms = tmp_path / "alarms"
    environment = {**os.environ, "PYTHONPATH": str(server.folder / "alarm"), "ALARM_FILE": str(alarms)}
    script = f"import pickle; pickle.loads({pickle.dumps(Evil(tmp_path / 'made'))!r})"
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)

    assert "mkdir" in alarms.read_text()
    assert (tmp_path / "made").exists()


def test_nothing_is_unpickled(server: Server, tmp_path: Path) -> None:
    """Pickles as artifacts, models, versions, sources, tags and bodies; then every page and answer that speaks of them."""
    evil = pickle.dumps(Evil(tmp_path / "made"))
    run_id, json = server.run(), "Content-Type: application/json"
    made = server.call("POST", "logged-models", {"experiment_id": "0", "name": "m", "model_type": "sklearn"})
    model_id = made.json["model"]["info"]["model_id"]
    flavor = (
        b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n  sklearn:\n    pickled_model: model.pkl\n"
    )
    for root in (f"0/{run_id}/artifacts/model", f"0/models/{model_id}/artifacts"):
        for name, content in (("MLmodel", flavor), ("model.pkl", evil), ("python_model.pkl", evil), ("x.npy", evil)):
            assert 200 == server.put(f"{root}/{name}", content).status
    server.put(f"0/{run_id}/artifacts/model/model.msgpack", evil)
    server.call("PATCH", f"logged-models/{model_id}", {"model_id": model_id, "status": "LOGGED_MODEL_READY"})
    server.call("POST", "registered-models/create", {"name": "evil"})
    for said in ({"source": f"runs:/{run_id}/model", "run_id": run_id}, {"source": f"models:/{model_id}"}):
        server.call("POST", "model-versions/create", {"name": "evil", **said, "model_id": model_id})
    server.call("POST", "registered-models/alias", {"name": "evil", "alias": "champion", "version": "1"})
    server.call("POST", "model-versions/transition-stage", {"name": "evil", "version": "1", "stage": "Production"})
    server.ask("POST", "/api/2.0/mlflow/runs/create", json, body=evil)
    replies = [
        server.ask("GET", path)
        for path in (
            f"/api/2.0/mlflow/runs/get?run_id={run_id}",
            f"/api/2.0/mlflow/artifacts/list?run_id={run_id}&path=model",
            f"/get-artifact?run_id={run_id}&path=model/model.pkl",
            "/model-versions/get-artifact?name=evil&version=1&path=model.pkl",
            "/api/2.0/mlflow/model-versions/get-download-uri?name=evil&version=1",
            f"/api/2.0/mlflow/logged-models/{model_id}",
            "/api/2.0/mlflow/model-versions/search",
            "/api/2.0/mlflow/registered-models/search",
            "/",
            "/runs",
            f"/runs/{run_id}",
            "/models",
            "/audit",
            "/api/status",
        )
    ]
    server.call("POST", "runs/delete", {"run_id": run_id})
    server.call("DELETE", "registered-models/delete", {"name": "evil"})

    assert {200} == {reply.status for reply in replies[:-6]}
    assert evil == replies[2].body
    assert not any(reply.status >= 500 for reply in replies)
    assert ("", False) == (server.alarms, (tmp_path / "made").exists())
