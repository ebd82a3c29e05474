"""Remotes between real processes: a server that speaks S3, pushes that are killed, pushes at once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from command_line import Answer, frame, process
from homeostat.store.objects.bucket import BucketRemote
from homeostat.store.objects.remote import Location
from homeostat.workspace import Config, Project, Workspace
from s3_server import KEYS, s3_server

pytestmark = pytest.mark.e2e
LARGE = 32
LARGE_BYTES = 512 * 1024


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Location:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return Location(url=f"s3://models/{tmp_path.name}", endpoint=endpoint)


@pytest.fixture
def project(tmp_path: Path, bucket: Location) -> Path:
    """A project with tables and 16 MB of files, and the bucket as its remote."""
    root = tmp_path / "project"
    source = random.Random(1)
    (tmp_path / "files").mkdir()
    for number in range(LARGE):
        (tmp_path / "files" / f"{number}.bin").write_bytes(source.randbytes(LARGE_BYTES))
    with Workspace.create(root, Config(project=Project(name="example"), remotes={"s3": bucket})) as workspace:
        workspace.datasets.append("rows", frame(), source="first")
        workspace.datasets.append("rows", frame(50), source="second")
        workspace.datasets.add_files("files", tmp_path / "files")
    return root


def copy_of(project: Path, name: str) -> Path:
    """Another copy of the project, as Git would make it: its configuration only."""
    copy = project.with_name(name)
    copy.mkdir()
    (copy / "homeostat.toml").write_bytes((project / "homeostat.toml").read_bytes())
    return copy


def test_push_and_pull_through_s3(project: Path) -> None:
    """Everything arrives in another copy of the project, whole; a second push sends nothing."""
    pushed = process("data", "push", "--json", cwd=project)
    again = process("data", "push", "--json", cwd=project)
    copy = copy_of(project, "copy")
    pulled = process("data", "pull", "--json", cwd=copy)

    assert (0, "") == (pushed.code, pushed.err)
    assert (pushed.json["objects"], 0) == (pulled.json["objects"], again.json["objects"])
    assert pushed.json["bytes"] > LARGE * LARGE_BYTES
    for version in ("rows@1", "rows@2", "files@1"):
        assert 0 == process("data", "verify", version, cwd=copy).code


def test_killed_push_names_nothing_and_goes_on(project: Path, bucket: Location) -> None:
    """kill -9 in the middle of a push: the remote's document is as it was, and the next push sends only the rest."""
    remote = BucketRemote(bucket)
    push = subprocess.Popen(
        [sys.executable, "-m", "homeostat", "data", "push"],
        cwd=project,
        env=dict(os.environ),
        stderr=subprocess.DEVNULL,
    )
    while push.poll() is None and sum(1 for _ in remote.entries()) < 10:
        time.sleep(0.01)
    push.send_signal(signal.SIGKILL)

    assert -signal.SIGKILL == push.wait()
    assert remote.document("example") is None
    arrived = sum(entry.size_bytes for entry in remote.entries() if entry.size_bytes == LARGE_BYTES)
    resumed = process("data", "push", "--json", cwd=project).json
    assert 0 < arrived
    assert resumed["bytes"] < LARGE * LARGE_BYTES - arrived + LARGE_BYTES
    assert 0 == process("data", "pull", cwd=copy_of(project, "copy")).code


def test_killed_pull_goes_on(project: Path) -> None:
    """kill -9 in the middle of a pull: no row speaks of what is not here, and the next pull fetches only the rest."""
    process("data", "push", cwd=project)
    copy = copy_of(project, "copy")
    objects = copy / ".homeostat" / "objects"
    pull = subprocess.Popen([sys.executable, "-m", "homeostat", "data", "pull"], cwd=copy, env=dict(os.environ))
    while pull.poll() is None and len(list(objects.glob("??/*"))) < 10:
        time.sleep(0.005)
    pull.send_signal(signal.SIGKILL)

    assert -signal.SIGKILL == pull.wait()
    here = {path for path in objects.glob("??/*") if path.stat().st_size == LARGE_BYTES}
    assert 0 == process("data", "verify", cwd=copy).code
    resumed = process("data", "pull", "--json", cwd=copy).json
    assert resumed["bytes"] < LARGE * LARGE_BYTES - len(here) * LARGE_BYTES + LARGE_BYTES
    assert 0 == process("data", "verify", "files", cwd=copy).code


def test_two_pushes_at_once_both_succeed(project: Path) -> None:
    """Two copies of a project push different datasets at the same time: neither waits, neither is lost."""
    copy = copy_of(project, "copy")
    with Workspace.open(copy) as workspace:
        workspace.datasets.append("weather", frame(30))

    def push(root: Path) -> Answer:
        return process("data", "push", cwd=root)

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(push, [project, copy]))

    assert [0, 0] == [answer.code for answer in answers]
    with Workspace.open(copy) as workspace:
        assert ["files", "rows", "weather"] == workspace.exchange.names(workspace.remote())


def test_damage_heals_from_s3_when_it_is_read(project: Path) -> None:
    """With a remote, a damaged object costs a reader one fetch, and a word in the log."""
    process("data", "push", cwd=project)
    with Workspace.open(project) as workspace:
        manifest = workspace.objects.path(workspace.datasets.version("rows").manifest)
    manifest.write_bytes(b"damage")

    answer = process("data", "checkout", "rows", "--to", "rows.csv", cwd=project)

    assert (0, True) == (answer.code, "came back from s3://models/" in answer.err)
    assert 0 == process("data", "verify", cwd=project).code


def test_collection_in_a_bucket(project: Path) -> None:
    """A collection there spares what documents name, and what is young."""
    process("data", "push", cwd=project)

    collected = process("data", "gc", "--remote", "s3", "--apply", "--keep-last", "1", "rows", "--json", cwd=project)

    assert (0, ["rows@1"], []) == (collected.code, collected.json["forgotten"], collected.json["deleted"])
    assert 1 <= collected.json["in_grace"]
    assert 0 == process("data", "pull", "files", "--check", cwd=project).code


def test_silent_server_is_named(project: Path) -> None:
    """A remote that does not answer is an error of the machine, says which, and loses nothing."""
    text = (project / "homeostat.toml").read_text()
    with_nobody = text.replace("endpoint = ", 'endpoint = "http://127.0.0.1:9" #')
    (project / "homeostat.toml").write_text(with_nobody)

    answer = process("data", "push", cwd=project)

    assert (5, True) == (answer.code, "Remote s3://models/" in answer.err)
    assert 0 == process("data", "verify", "rows", cwd=project).code
