"""Importing a large table in a real process: bounded in memory, and killed at any moment without a trace."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from homeostat.codec.tables import Table
from homeostat.workspace import Config, Project, Workspace

pytestmark = pytest.mark.e2e

_PIECE = 100_000

# The peak is that of this process, above what it holds with everything imported.
_IMPORT = """
import resource, sys
from pathlib import Path
from homeostat.workspace import Workspace

with Workspace.open(Path(sys.argv[1])) as workspace:
    datasets = workspace.datasets
    datasets.append("warm", {"n": [1]})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    datasets.import_file("t", Path(sys.argv[2]), replace=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def write(path: Path, pieces: int) -> int:
    """A table of random numbers, larger in memory than an import may be; its bytes."""
    random = np.random.default_rng(0)
    names = [f"x{number}" for number in range(8)]
    schema = pa.schema([(name, pa.float64()) for name in names])
    size = 0
    with pq.ParquetWriter(path, schema, compression="none") as writer:
        for _ in range(pieces):
            rows = pa.table({name: random.normal(size=_PIECE) for name in names})
            writer.write_table(rows)
            size += rows.nbytes
    return size


def create(root: Path) -> Path:
    Workspace.create(root, Config(project=Project(name="test"))).close()
    return root


def test_a_table_larger_than_what_is_held_of_it(tmp_path: Path) -> None:
    """The import needs a window of the rows, not all of them."""
    project, path = create(tmp_path / "project"), tmp_path / "t.parquet"
    size = write(path, 50)

    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, str(project), str(path)], check=True, capture_output=True, text=True
    )

    assert int(done.stdout) * 1024 < size * 0.7
    with Workspace.open(project) as workspace:
        assert 50 * _PIECE == workspace.datasets.version("t").rows


def test_killed_on_the_way_nothing_is_there_and_nothing_is_lost(tmp_path: Path) -> None:
    """After a kill there is no version; the next import finds the blocks that were written."""
    project, path = create(tmp_path / "project"), tmp_path / "t.parquet"
    write(path, 10)
    process = subprocess.Popen([sys.executable, "-c", _IMPORT, str(project), str(path)], stdout=subprocess.DEVNULL)
    with Workspace.open(project) as workspace:
        deadline = time.monotonic() + 120
        while len(list(workspace.objects.digests())) < 8 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        assert -signal.SIGKILL == process.wait()
        there = sum(workspace.objects.path(one).stat().st_size for one in workspace.objects.digests())

        assert ["warm"] == workspace.datasets.names()
        again = workspace.datasets.import_file("t", path, replace=True)

        assert there > 8 * _PIECE
        grown = sum(workspace.objects.path(one).stat().st_size for one in workspace.objects.digests()) - there
        assert grown == again.bytes_added < 10 * _PIECE * 8 * 8
        workspace.datasets.verify(again.version)


def test_a_killed_command_leaves_nothing_half_added(tmp_path: Path) -> None:
    """`homeostat data add` of a CSV, killed while it writes: no version, and the next one makes the whole of it."""
    project, path = create(tmp_path / "project"), tmp_path / "t.csv"
    random = np.random.default_rng(0)
    pl.DataFrame({f"x{number}": random.normal(size=400_000) for number in range(4)}).write_csv(path)
    command = [sys.executable, "-m", "homeostat", "data", "add", "t", str(path), "--project", str(project)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with Workspace.open(project) as workspace:
        deadline = time.monotonic() + 120
        while len(list(workspace.objects.digests())) < 4 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        assert -signal.SIGKILL == process.wait()
        assert [] == workspace.datasets.names()

    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    with Workspace.open(project) as workspace:
        version = workspace.datasets.version("t")
        workspace.datasets.verify(version)
        assert Table.of(pl.read_csv(path)).digest == version.id
