"""Traversal in every path parameter, and sources that lead out: over real HTTP, in the bytes an attacker sends."""

from urllib.parse import quote

import pytest

from unit.mlflow.conftest import Door
from unit.mlflow.security.conftest import Server

pytestmark = pytest.mark.e2e

OUT = [
    "../../../../etc/passwd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%252e%252e%252f%252e%252e%252fetc",
    "%25252e%25252e/x",
    "a/../../x",
    "..\\..\\x",
    "..%5c..%5cx",
    "C:/windows/win.ini",
    "C%3a%5cwindows",
    "a%00.txt",
    "a%01b",
    "a%23fragment",
    "a%3fquery",
    "file:///etc/passwd",
    "file:%2f%2f/etc/passwd",
    "http://127.0.0.1/x",
    "x" * 1025,
]
READS = [
    "/api/2.0/mlflow/artifacts/list?run_id={run}&path={path}",
    "/ajax-api/2.0/mlflow/artifacts/list?run_id={run}&path={path}",
    "/get-artifact?run_id={run}&path={path}",
    "/model-versions/get-artifact?name=m&version=1&path={path}",
    "/api/2.0/mlflow/logged-models/{model}/artifacts/directories?artifact_directory_path={path}",
    "/api/2.0/mlflow/logged-models/{model}/artifacts/files?artifact_file_path={path}",
    "/api/2.0/mlflow-artifacts/artifacts?path=0/{run}/artifacts/{path}",
]


class Places:
    """A run with a file, a logged model, and a version of a registered model."""

    def __init__(self, server: Server) -> None:
        self.run = server.run()
        server.put(f"0/{self.run}/artifacts/inside.txt", b"inside")
        made = server.call("POST", "logged-models", {"experiment_id": "0", "name": "m"})
        self.model = made.json["model"]["info"]["model_id"]
        server.call("POST", "registered-models/create", {"name": "m"})
        source = {"name": "m", "source": f"runs:/{self.run}", "run_id": self.run}
        server.call("POST", "model-versions/create", source)


@pytest.fixture(scope="module")
def places(server: Server) -> Places:
    return Places(server)


@pytest.mark.parametrize("path", OUT)
def test_no_path_leads_out(server: Server, places: Places, path: str) -> None:
    """Reading, writing and deleting by any address: refused, and what lies inside is as it was."""
    root = f"/api/2.0/mlflow-artifacts/artifacts/0/{places.run}/artifacts"
    model_root = f"/api/2.0/mlflow-artifacts/artifacts/0/models/{places.model}/artifacts"
    replies = [
        server.ask(method, f"{place}/{path}", body=b"evil" if method == "PUT" else b"")
        for method in ("GET", "PUT", "DELETE")
        for place in (root, model_root)
    ]
    replies += [
        server.ask("GET", one.format(run=places.run, model=places.model, path=quote(path, safe="%"))) for one in READS
    ]

    assert {400} == {reply.status for reply in replies}
    assert all(b"error_code" in reply.body for reply in replies)
    assert b"inside" == server.ask("GET", f"{root}/inside.txt").body


@pytest.mark.parametrize("verb", ["create", "complete", "abort"])
def test_multipart_uploads_take_no_path_at_all(server: Server, verb: str) -> None:
    """They are not offered, whatever the path."""
    replies = [server.ask("POST", f"/api/2.0/mlflow-artifacts/mpu/{verb}/{path}", body=b"{}") for path in OUT]

    assert {501} == {reply.status for reply in replies}


@pytest.mark.parametrize("path", ["/etc/passwd", "%2fetc%2fpasswd", "//etc//passwd"])
def test_a_root_below_a_root_is_below_it(server: Server, places: Places, path: str) -> None:
    """Slashes that are too many mean nothing: what is put there lies in the run, and not in /etc."""
    root = f"0/{places.run}/artifacts"
    assert 200 == server.put(f"{root}/{path}", b"mine").status

    assert b"mine" == server.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts/{root}/etc/passwd").body


@pytest.mark.parametrize("path", ["/static/../../../etc/passwd", "/static/%2e%2e/%2e%2e/pyproject.toml", "/static/%00"])
def test_files_of_the_server_are_not_given_out(server: Server, path: str) -> None:
    """The pages' own files are all that is served from the disk."""
    assert 404 == server.ask("GET", path).status


SOURCES = [
    "file:///etc/passwd",
    "FILE:/etc/passwd",
    "  file:/etc/passwd",
    "/etc/passwd",
    "../../etc/passwd",
    "etc/passwd",
    "c:/windows",
    "C:\\windows",
    "jar:file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "https://elsewhere/x",
    "ftp://elsewhere/x",
    "runs:/{run}/../../other",
    "runs:/{run}/%2e%2e/x",
    "runs:/{run}/%252e%252e/x",
    "runs:/{run}/a#../../b",
    "runs:/{run}/a%23b",
    "runs:/{run}/a?b",
    "runs:/{run}/a\\..\\b",
    "runs:/{run}/a\u0000b",
    "runs:/another-run/x",
    "runs://elsewhere/{run}/x",
    "mlflow-artifacts:/0/{run}/artifacts/../../x",
    "mlflow-artifacts://elsewhere/0/{run}/artifacts/x",
    "s3://bucket/../x",
    "s3://bucket/x#y",
    "s3://[bucket/x",
    "http://[x",
    "models://[/1",
    "models:/nothing/1",
    "models:/m-00000000000000000000000000000000",
]


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_lies_inside_of_its_run_or_model(server: Server, places: Places, source: str) -> None:
    """Local files, other sites, other runs, and whatever hides behind a fragment, a query or an encoding: refused."""
    said = {"name": "m", "source": source.format(run=places.run), "run_id": places.run}

    assert server.call("POST", "model-versions/create", said).status in {400, 404}


@pytest.mark.parametrize("id_", ["../x", "..%2fx", "%00", "x" * 5000, "' OR 1=1 --"])
def test_ids_are_looked_up_and_nothing_else(server: Server, id_: str) -> None:
    """An id that is a path, a text of SQL or far too long finds nothing."""
    found = [
        server.ask("GET", address + quote(id_, safe="%"))
        for address in (
            "/api/2.0/mlflow/runs/get?run_id=",
            "/get-artifact?path=x&run_id=",
            "/api/2.0/mlflow/logged-models/",
            "/api/2.0/mlflow/webhooks/",
        )
    ]

    assert {reply.status for reply in found} <= {400, 404}


def test_a_drive_inside_of_a_run_is_no_name(door: Door) -> None:
    """A client on Windows would write what it downloads to that drive."""
    assert 400 == door.put(f"0/{door.run()}/artifacts/C:/windows/x", b"evil").status_code
    assert [] == list(door.rooms.objects.digests())
