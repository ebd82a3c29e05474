"""Adding and checking out files: 20,000 of 4 KiB and one of 256 MiB, beside what `cp` and a plain write take.

The machine's own limits are measured in the same run on the same disk, since both move with whatever else it does. The
files are 3 s old before they are added: younger ones are read again each time, as their times prove nothing.

With the path of a `dvc` in BENCH_DVC the same is asked of it; both are then commands, whose start is part of the time.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from homeostat.workspace import Config, Project, Workspace

FILES, FILE_BYTES = 20_000, 4096
LARGE_BYTES = 256 * 1024 * 1024
_FOLDERS = 100
_YOUNG_S = 3


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        root = Path(folder)
        small, large = root / "small", root / "large.bin"
        print(f"{'':44}{'seconds':>8}")
        _show("write 20,000 files of 4 KiB (plain)", lambda: _write_small(small))
        _show("write 256 MiB, flushed (plain)", lambda: _write_large(large))
        _show("cp -r of the 20,000 files", lambda: _run("cp", "-r", small, root / "copied"))
        _show("cp of the 256 MiB", lambda: _run("cp", large, root / "copied.bin"))
        time.sleep(_YOUNG_S)
        with Workspace.create(root / "project", Config(project=Project(name="bench"))) as workspace:
            datasets = workspace.datasets
            _show("add 20,000 files", lambda: datasets.add_files("small", small))
            _show("add them again, unchanged", lambda: datasets.add_files("small", small))
            (small / "0" / "0").write_bytes(os.urandom(FILE_BYTES))
            _show("add them again, one changed", lambda: datasets.add_files("small", small))
            _show("check them out", lambda: datasets.checkout(datasets.version("small"), root / "out"))
            _show("verify them", lambda: datasets.verify(datasets.version("small")))
            _show("add 256 MiB", lambda: datasets.add_files("large", large))
            _show("add it again, unchanged", lambda: datasets.add_files("large", large))
            _show(
                "check it out, copied and checked", lambda: datasets.checkout(datasets.version("large"), root / "one")
            )
            _show(
                "check it out, linked", lambda: datasets.checkout(datasets.version("large"), root / "two", links=True)
            )
        if rival := os.environ.get("BENCH_DVC"):
            _compare(root, rival)


def _compare(root: Path, dvc: str) -> None:
    own, other = root / "project", root / "rival"
    other.mkdir()
    shutil.copytree(root / "small", other / "small")
    shutil.copy(root / "large.bin", other)
    shutil.copytree(root / "small", root / "again")
    shutil.copy(root / "large.bin", root / "again.bin")
    _run(dvc, "init", "--no-scm", "-q", folder=other)
    time.sleep(_YOUNG_S)
    ours = (sys.executable, "-m", "homeostat", "data")
    for name, path, rivals in (("again", root / "again", "small"), ("again-large", root / "again.bin", "large.bin")):
        for turn in ("first", "unchanged"):
            _show(f"homeostat data add {path.name}, {turn}", partial(_run, *ours, "add", name, path, folder=own))
            _show(f"dvc add {rivals}, {turn}", partial(_run, dvc, "add", "-q", rivals, folder=other))
        to = root / f"out-{name}"
        _show(f"homeostat data checkout {name}", partial(_run, *ours, "checkout", name, "--to", to, folder=own))
        _run("rm", "-r", other / rivals)
        _show(f"dvc checkout {rivals}", partial(_run, dvc, "checkout", "-q", f"{rivals}.dvc", folder=other))


def _show(name: str, act: Callable[[], object]) -> None:
    began = time.perf_counter()
    act()
    print(f"{name:44}{time.perf_counter() - began:>8.2f}", flush=True)


def _write_small(root: Path) -> None:
    for folder in range(_FOLDERS):
        (root / str(folder)).mkdir(parents=True)
    for number in range(FILES):
        (root / str(number % _FOLDERS) / str(number)).write_bytes(os.urandom(FILE_BYTES))


def _write_large(path: Path) -> None:
    content = os.urandom(LARGE_BYTES)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _run(*command: str | Path, folder: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
