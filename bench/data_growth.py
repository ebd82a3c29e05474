"""Versions of tables: what each change adds to the store, and a CSV that grew, beside DVC and Oxen.

The first table is of one process: 600,000 rows of eight columns from CSV files, growth in percent of the first version. The
second is of commands, each a process of its own with its start and its peak memory; every tool is in an environment of its own.
BENCH_ROWS and BENCH_CSV_MB make both smaller. Beside them stand `cp` of the file and a plain hash of it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from bench._commands import HASH, OXEN_INIT, measured
from bench.stale_cache.rivals import environment
from homeostat.workspace import Config, Project, Workspace

ROWS = int(os.environ.get("BENCH_ROWS", "600_000"))
CSV_MB = int(os.environ.get("BENCH_CSV_MB", "1024"))
_PIECE_ROWS = 200_000
_OXEN_ADD = "import oxen; repo = oxen.Repo('.'); repo.add('t.csv'); repo.commit('rows')"


def main() -> None:
    """Measure and print both tables."""
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        _changes(Path(folder))
        _grown(Path(folder))


def rows(count: int, seed: int) -> pl.DataFrame:
    """Flights: a number, a time that grows, texts of few and of many values, measures with and without gaps."""
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": np.arange(seed * count, (seed + 1) * count),
            "at": pl.Series(np.sort(random.integers(0, count * 10**9, count)) + seed * 10**12).cast(pl.Datetime("us")),
            "carrier": random.choice(["AA", "B6", "DL", "UA"], count),
            "tail": random.choice([f"N{number}" for number in range(5_000)], count),
            "distance": random.normal(1_000, 300, count).round(2),
            "delay": random.integers(-20, 200, count),
            "origin": random.choice(["EWR", "JFK", "LGA"], count),
            "fare": random.gamma(2.0, 50.0, count).round(2),
        }
    )


def _changes(root: Path) -> None:
    first, more = rows(ROWS, 0), rows(ROWS // 100, 200)
    half, hundredth = ROWS // 2, ROWS // 100
    random = np.random.default_rng(9)
    other = pl.Series("fare", random.gamma(2.0, 50.0, ROWS).round(2))
    first.write_csv(root / "first.csv")
    changes: dict[str, tuple[pl.DataFrame, str]] = {
        "append 1 %": (pl.concat([first, more]), "<= 1.3 %"),
        "insert 1 % in the middle": (pl.concat([first[:half], more, first[half:]]), "<= 2 %"),
        "delete 1 % in the middle": (pl.concat([first[:half], first[half + hundredth :]]), "<= 2 %"),
        "change one column": (first.with_columns(other), "share + 5 %"),
        "add a column": (first.with_columns(other.alias("tax")), "share + 5 %"),
        "delete a column": (first.drop("fare"), ""),
        "change 1,000 cells of a column": (
            first.with_columns(pl.when(pl.int_range(pl.len()) % (ROWS // 1_000) == 0).then(0.0).otherwise("fare")),
            "",
        ),
    }
    print(f"{f'{ROWS:,} rows, from CSV':44}{'seconds':>8}{'bytes':>12}{'growth':>9}")
    for name, (table, target) in changes.items():
        table.write_csv(root / "next.csv")
        with Workspace.create(root / "changes", Config(project=Project(name="bench"))) as workspace:
            base = workspace.datasets.import_file("t", root / "first.csv", replace=True).bytes_added
            began = time.perf_counter()
            added = workspace.datasets.import_file("t", root / "next.csv", replace=True).bytes_added
            took = time.perf_counter() - began
        shutil.rmtree(root / "changes")
        print(f"{name:44}{took:>8.2f}{added:>12,}{100 * added / base:>8.2f}%  {target}", flush=True)
    with Workspace.create(root / "changes", Config(project=Project(name="bench"))) as workspace:
        first.select("fare").write_csv(root / "next.csv")
        share = workspace.datasets.import_file("c", root / "next.csv", replace=True).bytes_added
    print(f"{'(the changed column alone)':44}{'':8}{share:>12,}{100 * share / base:>8.2f}%\n")


def _grown(root: Path) -> None:
    source = root / "t.csv"
    pieces = _write_csv(source)
    print(f"{f'a CSV of {CSV_MB:,} MB, and with 1 % more':44}{'seconds':>8}{'peak MB':>9}{'store MB':>10}{'growth':>9}")
    _command("cp", ["cp", source, root / "copied.csv"])
    (root / "copied.csv").unlink()
    _command("BLAKE3 of it, all cores", [sys.executable, "-c", HASH, source])
    dvc, dvc_version = environment("dvc", "dvc")
    oxen, oxen_version = environment("oxen", "oxenai")
    tools = {name: root / name for name in ("homeostat", "dvc", "oxen")}
    for name in ("dvc", "oxen"):
        tools[name].mkdir()
        shutil.copy(source, tools[name] / "t.csv")
    Workspace.create(tools["homeostat"], Config(project=Project(name="bench"))).close()
    subprocess.run([dvc.with_name("dvc"), "init", "--no-scm", "-q"], cwd=tools["dvc"], check=True)
    os.environ["HOME"] = str(root)  # Oxen keeps its user there
    subprocess.run([oxen, "-c", OXEN_INIT], cwd=tools["oxen"], check=True, stdout=subprocess.DEVNULL)
    commands: dict[str, tuple[str, list[str | Path], str]] = {
        "homeostat": ("homeostat", [sys.executable, "-m", "homeostat", "data", "add", "t", source], ".homeostat"),
        "dvc": (f"dvc {dvc_version}", [dvc.with_name("dvc"), "add", "-q", "t.csv"], ".dvc/cache"),
        "oxen": (f"oxenai {oxen_version}", [oxen, "-c", _OXEN_ADD], ".oxen"),
    }
    sizes = {name: _added(tools[name], *commands[name], "first", 0) for name in tools}
    more = rows(_PIECE_ROWS * pieces // 100, 10_000)
    for path in (source, tools["dvc"] / "t.csv", tools["oxen"] / "t.csv"):
        with path.open("ab") as file:
            more.write_csv(file, include_header=False)
    for name, folder in tools.items():
        _added(folder, *commands[name], "1 % more", sizes[name])


def _added(folder: Path, title: str, command: list[str | Path], store: str, what: str, before: int) -> int:
    took, peak_mb = measured(folder, *command)
    size = sum(path.stat().st_size for path in (folder / store).rglob("*") if path.is_file())
    growth = f"{100 * (size - before) / before:>8.2f}%" if before else ""
    print(f"{f'{title}, {what}':44}{took:>8.2f}{peak_mb:>9.0f}{size / 1e6:>10.1f}{growth}", flush=True)
    return size


def _write_csv(path: Path) -> int:
    """A CSV of as many megabytes; the number of pieces it is made of."""
    pieces = 0
    with path.open("wb") as file:
        while file.tell() < CSV_MB << 20:
            rows(_PIECE_ROWS, pieces).write_csv(file, include_header=not pieces)
            pieces += 1
    return pieces


def _command(title: str, command: list[str | Path]) -> None:
    took, peak_mb = measured(Path.cwd(), *command)
    print(f"{title:44}{took:>8.2f}{peak_mb:>9.0f}", flush=True)
