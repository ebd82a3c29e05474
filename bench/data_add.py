"""Adding and checking out files, 20,000 of 4 KiB and one of 2 GiB, beside DVC, Oxen, and what the machine itself takes.

The large file is added again with 1 % more bytes in its middle. Every line but `cp` and the hash is a command, a process of its own
with its start and its peak memory (which counts mapped pages of files); every tool is in an environment of its own. Oxen adds and
commits. The last column is by how much what the tool keeps has grown; Oxen keeps logs of its database, which come and go. Files are
3 s old before they are added: younger ones are read again each time, as their times prove nothing. Memory that a virtual machine has
not used yet costs whoever touches it first several seconds, and a disk that is behind whoever comes next: so before each command the
large file is copied, flushed and deleted. BENCH_FILES and BENCH_LARGE_MB
make it smaller; the whole takes 25 GB of disk.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from bench._commands import HASH, OXEN_INIT, Cost, measured
from bench.stale_cache.rivals import environment
from homeostat.workspace import Config, Project, Workspace

FILES = int(os.environ.get("BENCH_FILES", "20_000"))
LARGE_MB = int(os.environ.get("BENCH_LARGE_MB", "2048"))
FILE_BYTES = 4096
_FOLDERS = 100
_YOUNG_S = 3
_PART_BYTES = 1024 * 1024
_OURS = (sys.executable, "-m", "homeostat", "data")
_OXEN_ADD = """
import sys, oxen
repo = oxen.Repo('.')
repo.add(sys.argv[1])
try:
    repo.commit('files')
except ValueError as error:
    assert 'No changes' in str(error)
"""
_OXEN_RESTORE = "import sys, oxen; oxen.Repo('.').restore(sys.argv[1])"


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        root = Path(folder)
        small, large = root / "small", root / "large.bin"
        _write_small(small)
        _write_large(large)
        dvc, dvc_version = environment("dvc", "dvc")
        oxen, oxen_version = environment("oxen", "oxenai")
        print(
            f"Beside dvc {dvc_version}, oxenai {oxen_version}; {FILES:,} files of {FILE_BYTES} B, one of {LARGE_MB} MiB"
        )
        print(f"{'':44}{'seconds':>9}{'peak MB':>9}{'ratio':>8}{'grown MB':>12}")
        _limits(root, small, large)
        dvc_command = str(Path(dvc).with_name("dvc"))
        with Workspace.create(root / "homeostat", Config(project=Project(name="bench"))):
            pass
        for name in ("dvc", "oxen"):
            (root / name).mkdir()
            measured(root, "cp", "-r", small, large, root / name)
        measured(root / "dvc", dvc_command, "init", "--no-scm", "-q")
        measured(root / "oxen", oxen, "-c", OXEN_INIT)
        measured(root / "homeostat", *_OURS, "log")
        time.sleep(_YOUNG_S)
        for source in (small, large):
            _compare(root, source, dvc_command, str(oxen))


def _limits(root: Path, small: Path, large: Path) -> None:
    _show("cp -r of the small files", measured(root, "cp", "-r", small, root / "copied"))
    for turn in ("first", "again"):  # the first touches memory that the machine has not used yet
        copied = root / f"{turn}.bin"
        took = measured(root, "cp", large, copied)
        _show(f"cp of the large file, {turn}", took)
        synced = measured(root, "sync", copied)
        _show(f"cp and sync of the large file, {turn}", Cost(took.seconds + synced.seconds, took.peak_mb))
        copied.unlink()
    _show("BLAKE3 of the large file", measured(root, sys.executable, "-c", HASH, large))


def _compare(root: Path, source: Path, dvc: str, oxen: str) -> None:
    name = source.stem
    for turn in ("first", "unchanged"):
        _add(root, source, dvc, oxen, turn)
    _level(root)
    own = measured(root / "homeostat", *_OURS, "checkout", name, "--to", root / f"out-{name}")
    _show(f"homeostat data checkout {source.name}", own)
    for tool, checkout in (
        ("dvc", (dvc, "checkout", "-q", f"{source.name}.dvc")),
        ("oxen", (oxen, "-c", _OXEN_RESTORE, source.name)),
    ):
        measured(root, "rm", "-r", root / tool / source.name)
        _level(root)
        _show(f"{tool} checkout {source.name}", measured(root / tool, *checkout), own)
    if source.is_file():
        _insert(source)
        for tool in ("dvc", "oxen"):
            measured(root, "cp", "--remove-destination", source, root / tool)
        time.sleep(_YOUNG_S)
        _add(root, source, dvc, oxen, "1 % inserted")


def _add(root: Path, source: Path, dvc: str, oxen: str, turn: str) -> None:
    own = None
    for tool, command in (
        ("homeostat", (*_OURS, "add", source.stem, source)),
        ("dvc", (dvc, "add", "-q", source.name)),
        ("oxen", (oxen, "-c", _OXEN_ADD, source.name)),
    ):
        _level(root)
        before = _kept(root, tool)
        cost = measured(root / tool, *command)
        grown = (_kept(root, tool) - before) / 1e6
        _show(f"{tool} add {source.name}, {turn}", cost, own, f"{grown:.1f}")
        own = own or cost


def _level(root: Path) -> None:
    """The same ground for each command: free memory that the machine holds, and a disk that has written all."""
    copied = root / "level.bin"
    measured(root, "cp", root / "large.bin", copied)
    measured(root, "sync")
    copied.unlink()


def _kept(root: Path, tool: str) -> int:
    """Bytes that a tool keeps."""
    folder = root / tool / f".{tool}"
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _insert(path: Path) -> None:
    """Put new bytes, a hundredth of the file, into its middle."""
    grown, size = path.with_suffix(".grown"), path.stat().st_size
    with path.open("rb") as source, grown.open("wb") as target:
        while source.tell() < size:
            if source.tell() == size // 2:
                for _ in range(max(LARGE_MB // 100, 1)):
                    target.write(os.urandom(_PART_BYTES))
            target.write(source.read(_PART_BYTES))
    grown.replace(path)


def _show(name: str, cost: Cost, ours: Cost | None = None, grown: str = "") -> None:
    ratio = "" if ours is None else f"{cost.seconds / ours.seconds:.1f}x"
    print(f"{name:44}{cost.seconds:>9.2f}{cost.peak_mb:>9.0f}{ratio:>8}{grown:>12}".rstrip(), flush=True)


def _write_small(root: Path) -> None:
    for folder in range(_FOLDERS):
        (root / str(folder)).mkdir(parents=True)
    for number in range(FILES):
        (root / str(number % _FOLDERS) / str(number)).write_bytes(os.urandom(FILE_BYTES))


def _write_large(path: Path) -> None:
    with path.open("wb") as file:
        for _ in range(LARGE_MB):
            file.write(os.urandom(_PART_BYTES))
        file.flush()
        os.fsync(file.fileno())
