"""A pipeline of 100 trivial steps in one process: its first run, its cached run, and what a process costs to start.

Each run is a process of its own, as `homeostat run` is, and each step commits durably. The floor beside them is what this disk
takes to make one row of a database safe, since a first run makes at least one for each step.
`python -m bench pipeline --rivals all` has other tools beside it, in the same run.
"""

import compileall
import importlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import homeostat
from bench.pipeline.rivals import Chain, Run, measure_rival
from bench.stale_cache.trial import Failed
from homeostat.workspace import CONFIG_FILE, Config, Project, Workspace

STEPS = 100
_REPEATS = 3
_REPOSITORY = Path(__file__).parents[2]
_SOURCE = f"""
import homeostat as hs

@hs.step
def add_one(number: int) -> int:
    return number + 1

@hs.pipeline
def hundred(number: int) -> int:
    for _ in range({STEPS}):
        number = add_one(number)
    return number
"""


def main(rivals: tuple[str, ...] = ()) -> None:
    """Measure and print the table, and one of the rivals asked for beside us."""
    compileall.compile_dir(_REPOSITORY / "src", quiet=1)  # as an installer does, and as the others are
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        root = Path(folder, "project")
        root.mkdir()
        (root / "work.py").write_text(_SOURCE)
        runs = [_run(root) for _ in range(1 + _REPEATS)]
        print(f"{'':44}{'seconds':>9}{'ms a step':>11}{'MB':>7}")
        _show("a durable row of SQLite on this disk, x 100", _rows(Path(folder, "floor.db")))
        cached = min(runs[1:], key=lambda run: run["run_s"])
        _show("start of the process, workspace open", cached["start_s"], memory_mb=cached["start_mb"])
        _show("first run", runs[0]["run_s"], runs[0]["memory_mb"])
        _show(f"cached run, best of {_REPEATS}", cached["run_s"], cached["memory_mb"])
        assert runs[0]["ran"] == STEPS
        assert cached["ran"] == 0
    if rivals:
        _beside(Chain(f"homeostat {homeostat.__version__}", STEPS, _as_run(runs[0]), _as_run(cached)), rivals)


def measure() -> None:
    """One run in this process, whose folder is the project; prints what it took as JSON."""
    hundred = importlib.import_module("work").hundred
    root = Path.cwd()
    made = (root / CONFIG_FILE).exists()
    with Workspace.open(root) if made else Workspace.create(root, Config(project=Project(name="bench"))) as workspace:
        pipelines = workspace.pipelines
        start_s, start_mb = time.time() - float(os.environ["BENCH_BEGAN"]), _memory_mb()
        began = time.perf_counter()
        actions = pipelines.run(hundred, {"number": 0}).actions
        took = time.perf_counter() - began
    ran = sum(action.status == "ran" for action in actions)
    print(json.dumps({"run_s": took, "start_s": start_s, "start_mb": start_mb, "memory_mb": _memory_mb(), "ran": ran}))


def _beside(ours: Chain, rivals: tuple[str, ...]) -> None:
    print(
        f"\n{'whole command, and the run within it':44}{'command s':>10}{'ratio':>8}{'run s':>9}{'ratio':>8}{'MB':>7}"
    )
    _show_chain(ours, ours)
    for name in rivals:
        try:
            _show_chain(measure_rival(name, STEPS), ours)
        except Failed as error:
            print(f"{name}: failed ({error})", flush=True)


def _show_chain(chain: Chain, ours: Chain) -> None:
    note = "" if chain.asked == STEPS else f", scaled from {chain.asked} steps"
    for title, run, our in (("first", chain.first, ours.first), ("cached", chain.cached, ours.cached)):
        command, within = run.command_s / our.command_s, run.run_s / our.run_s
        figures = f"{run.command_s:>10.2f}{command:>7.1f}x{run.run_s:>9.3f}{within:>7.1f}x{run.peak_mb:>7.0f}"
        print(f"{chain.name + ', ' + title + note:44}{figures}", flush=True)


def _as_run(seen: dict[str, float]) -> Run:
    return Run(seen["command_s"], seen["run_s"], seen["memory_mb"], int(seen["ran"]))


def _run(root: Path) -> dict[str, float]:
    paths = os.pathsep.join(map(str, (root, _REPOSITORY, _REPOSITORY / "src")))
    environment = {**os.environ, "PYTHONPATH": paths, "BENCH_BEGAN": str(time.time())}
    command = [sys.executable, "-c", "from bench.pipeline import measure; measure()"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    took = time.perf_counter() - began
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "command_s": took}


def _rows(path: Path) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("pragma journal_mode=wal; pragma synchronous=full; create table t (a text)")
    began = time.perf_counter()
    for number in range(STEPS):
        connection.execute("insert into t values (?)", (str(number),))
    took = time.perf_counter() - began
    connection.close()
    return took


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _show(name: str, seconds: float, memory_mb: float | None = None) -> None:
    memory = "" if memory_mb is None else f"{memory_mb:7.0f}"
    print(f"{name:44}{seconds:>9.3f}{seconds / STEPS * 1000:>11.2f}{memory}", flush=True)
