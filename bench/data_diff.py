"""Row diff: 1,000 scattered rows of 10 million, by key and as a multiset, with the time and memory of each.

Each diff runs in a process of its own, whose peak memory is printed above what it had with everything imported and the project
open. Beside it: what reading and hashing the segments of both versions takes, which is the least a diff of rows that share
no segment can cost. BENCH_ROWS is the number of rows.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from homeostat.data.service import Datasets
from homeostat.data.versions import Versions
from homeostat.workspace import Config, Project, Workspace

ROWS = int(os.environ.get("BENCH_ROWS", "10_000_000"))
CHANGED = 1_000


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        root = Path(folder) / "project"
        _make(root)
        print(f"{'':44}{'seconds':>8}{'MB':>8}{'rows compared':>16}  difference")
        for name, after in (("one column", 2), ("all columns", 3), ("rows inserted and deleted", 4)):
            for key in ("", "id"):
                _run(root, f"{CHANGED:,} of {ROWS:,}: {name}{', by key' if key else ''}", str(after), key)
        _run(root, "read and hash the segments of both", "2", "segments")


def measure(root: Path, title: str, after: int, key: str) -> None:
    """One diff, timed in this process."""
    with Workspace.open(root) as workspace:
        datasets = workspace.datasets
        one, other = (datasets.version("rows", number) for number in (1, after))
        datasets.diff(one, one)  # imports what the first diff imports
        before = _peak_mb(reset=True)
        began = time.perf_counter()
        if key == "segments":
            said = f"{'':>16}  {_read(workspace, datasets, after):,} bytes"
        else:
            found = datasets.diff(one, other, key=(key,) if key else ())
            said = f"{found.rows_read:>16,}  +{found.added.rows} -{found.removed.rows} ~{found.changed.rows}"
        took = time.perf_counter() - began
    print(f"{title:44}{took:>8.2f}{_peak_mb() - before:>8.0f}{said}", flush=True)


def _read(workspace: Workspace, datasets: Datasets, after: int) -> int:
    versions = Versions(workspace.objects)
    objects = {
        part.object
        for number in (1, after)
        for segment in versions.manifest(datasets.version("rows", number)).segments
        for part in segment.parts
    }
    return sum(len(workspace.objects.read(digest)) for digest in objects)


def _make(root: Path) -> None:
    rng = np.random.default_rng(7)
    frame = pl.DataFrame(
        {
            "id": np.arange(ROWS),
            "time": pl.Series(np.arange(ROWS) * 1_000_000).cast(pl.Datetime("us", "UTC")),
            "amount": rng.gamma(2.0, 50.0, ROWS),
            "score": rng.normal(size=ROWS),
            "balance": rng.normal(1_000, 300, ROWS).round(2),
            "age": rng.integers(18, 90, ROWS),
            "branch": np.array(["north", "south", "east", "west"])[rng.integers(0, 4, ROWS)],
            "is_open": rng.random(ROWS) < 0.5,
        }
    )
    at = np.sort(rng.choice(ROWS, CHANGED, replace=False))
    is_changed = pl.Series(np.isin(np.arange(ROWS), at))
    one = frame.with_columns(amount=pl.when(is_changed).then(pl.col("amount") + 1).otherwise("amount"))
    every = frame.with_columns(
        pl.when(is_changed).then(pl.col(name) + 1).otherwise(name).alias(name)
        for name in ("amount", "score", "balance", "age")
    ).with_columns(
        time=pl.when(is_changed).then(pl.col("time").dt.offset_by("1s")).otherwise("time"),
        branch=pl.when(is_changed).then(pl.lit("abroad")).otherwise("branch"),
        is_open=pl.when(is_changed).then(~pl.col("is_open")).otherwise("is_open"),
    )
    moved = pl.concat(
        [
            frame.filter(~pl.Series(np.isin(np.arange(ROWS), at[::2]))),
            frame.filter(pl.Series(np.isin(np.arange(ROWS), at[1::2]))).with_columns(pl.col("id") + ROWS),
        ]
    ).sort("time", maintain_order=True)
    with Workspace.create(root, Config(project=Project(name="bench"))) as workspace:
        for state in (frame, one, every, moved):
            workspace.datasets.replace("rows", state)


def _run(root: Path, title: str, after: str, key: str) -> None:
    subprocess.run([sys.executable, "-m", "bench.data_diff", str(root), title, after, key], check=True)


def _peak_mb(*, reset: bool = False) -> float:
    """Peak of this process's resident memory; from now on only, if `reset`."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    measure(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
