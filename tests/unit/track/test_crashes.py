"""Real processes, killed or working at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import homeostat
from homeostat.codec.models import encode_any
from homeostat.core.clock import WallClock
from homeostat.store import ledger
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects
from homeostat.track import queries
from homeostat.track.service import Runs

pytestmark = pytest.mark.e2e
SOURCES = Path(homeostat.__file__).parents[1]
SETUP = """
import os, signal, sys, time
from pathlib import Path
from homeostat.core.clock import WallClock
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects
from homeostat.track.service import Runs
home = Path(sys.argv[1])
database, objects = Database(f"sqlite:///{home / 'track.db'}"), FileObjects(home / "objects")
runs = Runs(database, objects, WallClock(), home / "spool", encode_model=None)
"""


def python(home: Path, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SETUP + code, str(home)],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_killed_run_keeps_what_was_written(
    tmp_path: Path, database: Database, objects: FileObjects, runs: Runs
) -> None:
    """After `kill -9` recovery finds every point that had reached the spool, once, and calls the run killed.

    The database was away when they were logged: they come from the spool alone.
    """
    code = """
from homeostat.core.errors import Unavailable

def away(*_):
    raise Unavailable("The database is away.")

run = runs.start("baseline")
runs.ship = away
for step in range(1000):
    run.log(step, loss=float(step))
(spool,) = (home / "spool").iterdir()
while spool.stat().st_size < 24_000:  # so much a thousand points take
    time.sleep(0.01)
run.log(1000, loss=1000.0)
print("now", flush=True)
time.sleep(60)
"""
    process = python(tmp_path, code)
    assert process.stdout is not None
    assert "now\n" == process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()

    killed = runs.recover()
    assert [] == runs.recover()

    with database.read() as connection:
        (run,) = queries.recent(connection)
        kinds = [entry.kind for entry in ledger.entries(connection)]
        values = queries.series(connection, run.id, "loss").values
    assert ([run.id], "killed", ["run-started", "run-finished"]) == (killed, run.status, kinds)
    assert [float(step) for step in range(1000)] == values[:1000]
    assert [] == list((tmp_path / "spool").iterdir())


def test_two_processes_log_at_once(tmp_path: Path, database: Database) -> None:
    """Two runs of two processes on one database both arrive whole, and recovery in between leaves them alone."""
    code = """
with runs.start("one of two") as run:
    for step in range(300):
        run.log(step, loss=float(step))
        time.sleep(0.002)
"""
    both = [python(tmp_path, code) for _ in range(2)]
    spool = tmp_path / "spool"
    recovery = Runs(database, FileObjects(tmp_path / "objects"), WallClock(), spool, encode_model=encode_any)
    while any(process.poll() is None for process in both):
        assert [] == recovery.recover()
        time.sleep(0.02)
    for process in both:
        process.communicate()

    with database.read() as connection:
        found = queries.recent(connection)
        curves = [queries.series(connection, run.id, "loss").values for run in found]
    assert ["finished", "finished"] == [run.status for run in found]
    assert [[float(step) for step in range(300)]] * 2 == curves


def test_program_that_just_ends_leaves_a_failed_run(tmp_path: Path, database: Database) -> None:
    """A script that forgets `finish` still brings all it logged home, and the run says so."""
    process = python(tmp_path, "run = runs.start('forgotten')\nrun.log(loss=1.0)\n")
    process.communicate()

    with database.read() as connection:
        (run,) = queries.recent(connection)
        assert [1.0] == queries.series(connection, run.id, "loss").values
    assert (0, "failed") == (process.returncode, run.status)
    assert "without finishing" in run.error


def test_forked_child_leaves_the_run_to_its_parent(tmp_path: Path, database: Database) -> None:
    """A forked child that ends in good order neither finishes nor garbles its parent's run."""
    code = """
run = runs.start("parent")
run.log(loss=1.0)
child = os.fork()
if child == 0:
    run.log(loss=9.0)
    sys.exit(0)
os.waitpid(child, 0)
run.log(loss=2.0)
run.finish()
"""
    process = python(tmp_path, code)
    process.communicate()

    with database.read() as connection:
        (run,) = queries.recent(connection)
        assert [1.0, 2.0] == queries.series(connection, run.id, "loss").values
    assert "finished" == run.status
