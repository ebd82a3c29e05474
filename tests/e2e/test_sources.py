"""Datasets from elsewhere, by real processes: an S3 server, a web server, and the command line."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import obstore
import polars as pl
import pytest
from obstore.store import S3Store

from command_line import process
from file_server import serving
from homeostat.workspace import Config, Project, Workspace
from s3_server import KEYS, s3_server

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with s3_server() as found:
        yield found


@pytest.fixture
def bucket(address: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """The server's bucket; the variables that lead the command line there are set."""
    for name, value in (KEYS | {"AWS_ENDPOINT_URL": address}).items():
        monkeypatch.setenv(name, value)
    return S3Store(
        "models",
        config={"endpoint": address, "region": "us-east-1", "access_key_id": "test", "secret_access_key": "test"},
        client_options={"allow_http": True},
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "project", Config(project=Project(name="example"))).close()
    return tmp_path / "project"


def test_a_file_in_a_bucket_is_imported_and_updated(bucket: S3Store, project: Path) -> None:
    """Fetched when its etag has changed, and only then."""
    obstore.put(bucket, "raw/rows.csv", b"n,s\n1,a\n")
    first = process("data", "import-url", "rows", "s3://models/raw/rows.csv", "--json", cwd=project)
    again = process("data", "update", "rows", "--json", cwd=project)
    obstore.put(bucket, "raw/rows.csv", b"n,s\n1,a\n2,b\n")

    changed = process("data", "update", "--json", cwd=project)

    assert ("new version", 8) == (first.json["outcome"], first.json["bytes_fetched"])
    assert ("not changed", 0) == (again.json["updates"][0]["outcome"], again.json["updates"][0]["bytes_fetched"])
    assert ("new version", 2, 2) == tuple(changed.json["updates"][0][key] for key in ("outcome", "version", "rows"))
    with Workspace.find(project) as workspace:
        assert "s3://models/raw/rows.csv blake3=" in workspace.datasets.version("rows").source


def test_parquet_in_a_bucket_is_appended_once(bucket: S3Store, project: Path, tmp_path: Path) -> None:
    """`data append` takes a URL; nothing is remembered."""
    pl.DataFrame({"n": [1, 2]}).write_parquet(tmp_path / "rows.parquet")
    obstore.put(bucket, "rows.parquet", tmp_path / "rows.parquet")

    answer = process("data", "append", "rows", "s3://models/rows.parquet", "--json", cwd=project)

    assert 2 == answer.json["rows"]
    assert [] == process("data", "update", "--json", cwd=project).json["updates"]


def test_a_key_that_is_not_there_is_named(bucket: S3Store, project: Path) -> None:
    """And nothing is remembered."""
    answer = process("data", "import-url", "rows", "s3://models/no.csv", cwd=project)

    assert answer.code
    assert "There is no s3://models/no.csv. Check bucket and key." in answer.err


def test_a_download_that_was_killed_is_resumed(project: Path, tmp_path: Path) -> None:
    """What had come is not asked for again, and the dataset is what the file holds."""
    (tmp_path / "served").mkdir()
    text = "n\n" + "1\n" * 100_000
    (tmp_path / "served" / "rows.csv").write_text(text)
    with serving(tmp_path / "served") as web:
        command = [sys.executable, "-m", "homeostat", "data", "import-url", "rows", f"{web.url}/stall/rows.csv"]
        with subprocess.Popen(command, cwd=project) as killed:
            while _downloaded(project) < 90_000:
                time.sleep(0.02)
            killed.kill()
        here = _downloaded(project)
        web.asked()

        answer = process(*command[3:], "--json", cwd=project)

        assert [f"/stall/rows.csv 206 {len(text) - here}"] == web.asked()
    assert (100_000, len(text) - here) == (answer.json["rows"], answer.json["bytes_fetched"])
    assert [] == list((project / ".homeostat" / "incoming").glob("*/*"))


def _downloaded(project: Path) -> int:
    return sum(path.stat().st_size for path in (project / ".homeostat" / "incoming").glob("*/rows.csv"))
