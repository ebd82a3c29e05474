"""`homeostat data add` and `checkout` of files, killed with kill -9 at several moments."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from homeostat.workspace import Config, Project, Workspace

pytestmark = pytest.mark.e2e

_LARGE, _LARGE_BYTES, _SMALL = 30, 2_000_000, 300
_PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of which each large one becomes an object, and the small ones together another."""
    folder = tmp_path_factory.mktemp("photos")
    noise = random.Random(0)
    for number in range(_LARGE):
        (folder / f"large-{number:02}").write_bytes(noise.randbytes(_LARGE_BYTES))
    for number in range(_SMALL):
        (folder / f"small-{number:03}").write_bytes(noise.randbytes(4096))
    return folder


def command(project: Path, *words: str | Path) -> list[str]:
    return [sys.executable, "-m", "homeostat", "data", *map(str, words), "--project", str(project)]


def run(project: Path, *words: str | Path) -> str:
    return subprocess.run(command(project, *words), check=True, capture_output=True, text=True).stdout


def killed(project: Path, words: list[str | Path], moment: Callable[[], bool]) -> int:
    """Start a command, kill it with kill -9 as soon as the moment has come, and say how it ended."""
    give_up_at = time.monotonic() + _PATIENCE_S
    with subprocess.Popen(command(project, *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not moment():
            assert time.monotonic() < give_up_at
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
    return process.returncode


def objects(project: Path) -> dict[str, int]:
    """Inode of each object: what is written again has another."""
    return {path.name: path.stat().st_ino for path in (project / ".homeostat" / "objects").glob("??/*")}


def test_a_killed_add_goes_on(photos: Path, tmp_path: Path) -> None:
    """Killed while the first object is written, amid them, and near the end, it leaves no version; the next add
    writes what is missing, and the version is that of an add that nobody disturbed.
    """
    for name in ("calm", "project"):
        Workspace.create(tmp_path / name, Config(project=Project(name=name))).close()
    calm = json.loads(run(tmp_path / "calm", "add", "photos", photos, "--json"))
    everything = objects(tmp_path / "calm").keys()
    project = tmp_path / "project"
    incoming = project / ".homeostat" / "objects" / "incoming"
    moments: list[Callable[[], bool]] = [
        lambda: incoming.is_dir() and any(incoming.iterdir()),
        lambda: len(objects(project)) >= _LARGE // 3,
        lambda: len(objects(project)) >= _LARGE - 2,
    ]
    endings = []
    for moment in moments:
        before = objects(project)
        endings.append(killed(project, ["add", "photos", photos], moment))
        assert before.items() <= objects(project).items()
        found = json.loads(run(project, "log", "--json"))["versions"]
        assert [version["id"] for version in found] in ([], [calm["id"]])
    assert 2 <= endings.count(-signal.SIGKILL)  # a machine that stumbles may be late for the last moment
    before = objects(project)

    added = json.loads(run(project, "add", "photos", photos, "--json"))

    assert calm["id"] == added["id"]
    assert 1 == added["version"]
    assert before.items() <= objects(project).items()
    assert everything == objects(project).keys()
    assert f"{_LARGE + _SMALL} files are what id" in run(project, "verify", "photos")


def test_a_killed_checkout_leaves_nothing_for_long(photos: Path, tmp_path: Path) -> None:
    """The directory is not there in part, and the next checkout to the same place takes the hidden rest away."""
    project = tmp_path / "project"
    Workspace.create(project, Config(project=Project(name="test"))).close()
    run(project, "add", "photos", photos)
    out = tmp_path / "out"
    checkout: list[str | Path] = ["checkout", "photos", "--to", out]

    assert -signal.SIGKILL == killed(project, checkout, lambda: any(tmp_path.glob(".out.*/large-1*")))
    assert not out.exists()
    assert 1 == len(list(tmp_path.glob(".out.*")))
    run(project, *checkout)

    assert [] == list(tmp_path.glob(".out.*"))
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == {
        path.name: path.read_bytes() for path in out.iterdir()
    }
