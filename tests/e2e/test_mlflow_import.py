"""Moving over from the real MLflow: its server and its store of files, filled by its own client, into one workspace."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import msgspec
import pytest

from e2e.mlflow_environments import CLIENTS, QUIET, client, ours, theirs
from homeostat.importing.database import DatabaseStore
from homeostat.importing.service import bring
from homeostat.workspace import HOME, Workspace
from s3_server import KEYS, s3_server
from unit.importing import stores

TOUR = Path(__file__).parent / "mlflow_tour"
POINTS = 3000


def run(python: Path, script: str, *arguments: str | Path) -> None:
    """Run a script in the environment of the client."""
    done = subprocess.run(
        [python, TOUR / script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        # Version 3 keeps no records in files unless it is asked to.
        env={**os.environ, **QUIET, "MLFLOW_ALLOW_FILE_STORE": "true"},
    )
    assert 0 == done.returncode, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def command(uri: str, kept: Path) -> list[str]:
    return [sys.executable, "-m", "homeostat", "import", "mlflow", uri, "--workspace", str(kept), "--json"]


def brought(uri: str, kept: Path) -> dict[str, tuple[int, int]]:
    """Counts there and here, by kind, of an import that found nothing missing."""
    done = subprocess.run(command(uri, kept), capture_output=True, text=True, check=False)
    assert 0 == done.returncode, f"{done.stdout}\n{done.stderr[-4000:]}"
    return {one["kind"]: (one["there"], one["here"]) for one in msgspec.json.decode(done.stdout)["counts"]}


def kill_when(is_time: Callable[[], bool], uri: str, kept: Path) -> None:
    """Begin an import and kill it in its middle."""
    with subprocess.Popen(command(uri, kept), stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while not is_time():
                assert process.poll() is None, "The import was over before it could be killed."
                assert time.monotonic() < deadline
                time.sleep(0.001)
        finally:
            process.kill()


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_store_that_was_moved_over_is_told_alike(name: str, tmp_path: Path) -> None:
    """Killed twice on the way, an import ends with all that was there, once; clients are told the same by both."""
    python, kept, files = client(name), tmp_path / "kept", (tmp_path / "mlruns").as_uri()
    objects = kept / HOME / "objects"

    def stored() -> int:
        return sum(path.is_file() for path in objects.glob("??/*"))

    with theirs(name, tmp_path) as server:
        run(python, "filling.py", name, server, files)
        kill_when(lambda: stored() > 0, server, kept)
        before = stored()
        kill_when(lambda: stored() > before + 2, server, kept)
        counts = brought(server, kept)
        of_files = brought(files, kept)
        again = brought(server, kept)
        with ours(kept, tmp_path / "ours.log") as address:
            run(python, "telling.py", tmp_path / "here", address, f"{name}0", address, f"{name}1")
        run(python, "telling.py", tmp_path / "there", server, f"{name}0", files, f"{name}1")
    here, there = (msgspec.json.decode((tmp_path / file).read_bytes()) for file in ("here", "there"))

    assert {kind: (there, there) for kind, (there, _) in counts.items()} == counts
    assert POINTS < counts["points"][0] < POINTS + 10
    assert counts["runs"] == of_files["runs"] == again["runs"] == (7, 7)
    assert (0, 0) == again["points"]  # of what had changed: nothing
    assert there.keys() == here.keys()
    assert [] == [(key, there[key], here[key]) for key in there if there[key] != here[key]]
    kinds = {key.partition(" ")[0] for key in there}
    assert {"experiment", "run", "registered", "version", "predictions"} | (
        {"logged"} if name == "mlflow3" else set()
    ) == kinds


@pytest.mark.e2e
def test_artifacts_in_a_bucket_come_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read where they lie, with the variables that MLflow's clients have."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    source = DatabaseStore(stores.database(tmp_path / "mlflow.db", "s3://models/artifacts"))
    stores.write_artifacts(tmp_path / "there")
    with s3_server() as address, Workspace.undeclared(tmp_path) as workspace:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", address)
        bucket = boto3.resource("s3", endpoint_url=address).Bucket("models")
        for path in (tmp_path / "there").rglob("*"):
            if path.is_file():
                bucket.upload_file(path, f"artifacts/{path.relative_to(tmp_path / 'there').as_posix()}")

        report = bring(workspace, source)

    source.close()
    assert () == report.differences
    assert {"files": (4, 4)} == {one.kind: (one.there, one.here) for one in report.counts if one.kind == "files"}
    assert sum(map(len, stores.FILES.values())) + len(b"flavors: {a: b}") == report.bytes
