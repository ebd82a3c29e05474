"""Tracking: points logged in a loop, first run, disk a point, search; beside trackio, W&B (offline), Aim and MLflow (sqlite).

Each tool logs in a process of its own, from its own environment (made once by uv, outside the project); a loop calls
its way to log one value, and the time runs until its own `finish` has returned. Who is slower logs fewer points; the rate is
what is compared. `caller` is the loop alone, and beside it the processor time of its thread, which a busy machine does not
stretch as much. The machine's limit beside it: the same numbers written to a file and flushed. Disk by kind of curve: steps that count
up, instants a millisecond apart that jitter by a tenth of one, and values that more or less of can be compressed.

BENCH_TRACK_RIVALS=0 leaves the others out; BENCH_TRACK_RUNS=1000000 asks the search of so many runs too;
BENCH_TRACK_POINTS=10000000 writes curves of so many points.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import insert

import homeostat
from bench.stale_cache.rivals import environment
from homeostat.core.ids import RunId
from homeostat.store.db import Database
from homeostat.store.db.schema.track import run_params, run_series, runs
from homeostat.track import points
from homeostat.track.blocks import Points
from homeostat.track.search.pages import find_ids, find_runs
from homeostat.workspace import Workspace

ROUNDS = 5
_SHIPPED = 50_000  # points in one transaction: what a busy loop says in half a second
SEARCHED = 5_000
CURVE_POINTS = 1_000_000
_TIMED = """
import json, resource, sys, time
count, folder = int(sys.argv[1]), sys.argv[2]
began = time.perf_counter()
{start}
started = time.perf_counter() - began
time.sleep(1)  # what a tool does behind the first run is not the loop's
began, thread = time.perf_counter(), time.thread_time()
{loop}
caller, thread = time.perf_counter() - began, time.thread_time() - thread
{finish}
took = time.perf_counter() - began
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
open(sys.argv[3], "w").write(json.dumps(dict(started=started, caller=caller, thread=thread, took=took, memory=memory)))
"""


class Tool(NamedTuple):
    """How a tool is used, and for how many points; `name` is that of its environment, with `distribution` in it."""

    name: str
    distribution: str
    points: int
    start: str
    loop: str
    finish: str


OURS = Tool(
    "homeostat",
    "homeostat",
    100_000,
    "import homeostat as hs\nrun = hs.run('bench', lr=0.1, system_metrics=False).start()",
    "for step in range(count): run.log(loss=0.5 + step)",
    "run.finish()",
)
RIVALS = (
    Tool(
        "trackio",
        "trackio",
        100_000,
        "import trackio\ntrackio.init(project='bench', config={'lr': 0.1}, embed=False, auto_log_gpu=False, auto_log_cpu=False)",
        "for step in range(count): trackio.log({'loss': 0.5 + step})",
        "trackio.finish()",
    ),
    Tool(
        "wandb",
        "wandb",
        20_000,
        "import wandb\nrun = wandb.init(project='bench', mode='offline', dir=folder, config={'lr': 0.1},"
        " settings=wandb.Settings(silent=True))",
        "for step in range(count): run.log({'loss': 0.5 + step})",
        "run.finish()",
    ),
    Tool(
        "aim",
        "aim",
        20_000,
        "import aim\nrun = aim.Run(repo=folder, system_tracking_interval=None)\nrun['lr'] = 0.1",
        "for step in range(count): run.track(0.5 + step, name='loss', step=step)",
        "run.close()",
    ),
    Tool(
        "mlflow3",
        "mlflow",
        1_000,
        "import mlflow\nmlflow.set_tracking_uri(f'sqlite:///{folder}/mlflow.db')\nmlflow.start_run()\nmlflow.log_param('lr', 0.1)",
        "for step in range(count): mlflow.log_metric('loss', 0.5 + step, step=step)",
        "mlflow.end_run()",
    ),
)


def main() -> None:
    """Measure and print the tables."""
    print(f"{'tool':22}{'points/s':>10}{'caller':>12}{'its CPU':>11}{'first run':>11}{'disk':>12}{'memory':>9}")
    print(f"{'plain file, flushed':22}{_plain():>10,.0f}")
    ours = _show(OURS, Path(sys.executable), homeostat.__version__)
    if os.environ.get("BENCH_TRACK_RIVALS") != "0":
        for rival in RIVALS:
            found = _show(rival, *environment(rival.name, rival.distribution))
            if found:
                ratios = (found["rate"], ours["rate"], found["started"], ours["started"], found["disk"], ours["disk"])
                their_rate, rate, their_start, start, their_disk, disk = ratios
                print(
                    f"{'':22}homeostat: {rate / their_rate:.1f} x the points/s, {start / their_start:.2f} of the first run, "
                    f"{disk / their_disk:.3f} of the disk"
                )
    print()
    _curves(int(os.environ.get("BENCH_TRACK_POINTS", CURVE_POINTS)))
    print()
    print(f"{'search':52}{'median':>10}")
    for count in dict.fromkeys([SEARCHED, int(os.environ.get("BENCH_TRACK_RUNS", SEARCHED))]):
        _search(count)


def _show(tool: Tool, python: Path, version: str) -> dict[str, float]:
    """Median of some rounds of one tool; says why if it fails."""
    results = []
    for _ in range(ROUNDS if tool is OURS else 2):
        with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
            home, answer = Path(folder, "home"), Path(folder, "answer.json")
            home.mkdir()
            code = _TIMED.format(start=tool.start, loop=tool.loop, finish=tool.finish)
            variables = {
                **os.environ,
                "TRACKIO_DIR": str(home),
                "WANDB_DIR": str(home),
                "MLFLOW_DISABLE_TELEMETRY": "true",
            }
            ended = subprocess.run(
                [python, "-c", code, str(tool.points), str(home), str(answer)],
                cwd=home, env=variables, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if not answer.is_file():
                print(f"{tool.name:22}failed: {(ended.stderr.strip().splitlines() or ['it said nothing'])[-1][:90]}")
                return {}
            found = json.loads(answer.read_text())
            found["disk"] = _disk(home) / tool.points
            if tool is OURS:
                _check(home, tool.points)
            results.append(found)
    median = {name: statistics.median(one[name] for one in results) for name in results[0]}
    median["rate"] = tool.points / median["took"]
    print(
        f"{tool.distribution + ' ' + version:22}{median['rate']:>10,.0f}{median['caller'] / tool.points * 1e6:>9.2f} µs"
        f"{median['thread'] / tool.points * 1e6:>8.2f} µs"
        f"{median['started']:>9.2f} s{median['disk']:>8.0f} B/pt{median['memory']:>6.0f} MB",
        flush=True,
    )
    return median


def _check(home: Path, count: int) -> None:
    """Every point is in the database when `finish` has returned."""
    with Workspace.undeclared(home) as workspace, workspace.database.read() as connection:
        (run,) = find_runs(connection).runs
    if (run.run.status, run.metrics[0].points) != ("finished", count):
        raise AssertionError(f"{run.metrics[0].points} of {count} points are there, and the run {run.run.status}")


def _plain() -> float:
    """Points a second that a loop formats into a file, which is flushed to the disk."""
    with tempfile.TemporaryFile("w") as file:
        began = time.perf_counter()
        for step in range(OURS.points):
            file.write(f"{step} {time.time_ns()} {0.5 + step}\n")
        file.flush()
        os.fsync(file.fileno())
        return OURS.points / (time.perf_counter() - began)


def _curves(count: int) -> None:
    """What curves of one run take on the disk, shipped as a run ships them."""
    chance = np.random.default_rng(0)
    steps = np.arange(count)
    at = np.cumsum(chance.integers(900, 1100, count))
    falling = np.exp(-steps / count) + 0.05 * chance.standard_normal(count)
    kinds = {
        "a line (0.5 + step)": 0.5 + steps,
        "a noisy loss of float32": falling.astype(np.float32).astype(np.float64),
        "a noisy loss of float64": falling,
    }
    for title, values in kinds.items():
        with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
            root, began = Path(folder), time.perf_counter()
            with Workspace.undeclared(root) as workspace:
                for first in range(0, count, _SHIPPED):
                    part = slice(first, first + _SHIPPED)
                    with workspace.database.write() as connection:
                        points.add(connection, RunId("run-1"), "loss", Points.of(steps[part], at[part], values[part]))
            took = time.perf_counter() - began
            print(
                f"{count:>12,} points, {title:28}{_disk(root) / count:>8.1f} B/pt{count / took:>14,.0f} points/s",
                flush=True,
            )


def _search(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        root = Path(folder)
        with Workspace.undeclared(root) as workspace:
            _fill(workspace.database, count)
            asked: Sequence[tuple[str, dict[str, Any]]] = (
                ("", {}),
                ("metrics.loss < 0.5 AND params.model = 'm3'", {"order_by": ["metrics.loss ASC"]}),
                ("metrics.loss < 0.001", {}),
                ("params.model = 'm3'", {"order_by": ["start_time DESC"]}),
                ("status = 'FINISHED'", {"order_by": ["metrics.loss DESC"]}),
            )
            for text, more in asked:
                _ask(workspace.database, count, text, more)


def _ask(database: Database, count: int, text: str, more: dict[str, Any]) -> None:
    order = f" by {more['order_by'][0]}" if more else ""
    for name, search in (("ids", find_ids), ("page", find_runs)):
        took = statistics.median(_seconds(database, search, text, more) for _ in range(ROUNDS))
        print(f"{count:>9,} runs, {name:4} of 100: {text or 'all'}{order:28.28}{took * 1000:>8.1f} ms", flush=True)


def _seconds(database: Database, search: Callable[..., Any], text: str, more: dict[str, Any]) -> float:
    with database.read() as connection:
        began = time.perf_counter()
        search(connection, text, experiment_ids=[0], limit=100, **more)
        return time.perf_counter() - began


def _fill(database: Database, count: int) -> None:
    """Runs with a metric and a param each."""
    empty = dict.fromkeys(("system", "parent", "user", "source", "code", "environment", "error", "note"), "")
    for first in range(0, count, 10_000):
        numbers = range(first, min(count, first + 10_000))
        with database.write() as connection:
            connection.execute(
                insert(runs),
                [
                    {"id": f"run-{number:09}", "experiment_id": 0, "name": f"n{number % 977}", "kind": "run",
                     "status": "finished", "started_at": number * 1000, "dropped": 0, **empty}
                    for number in numbers
                ],
            )  # fmt: skip
            connection.execute(
                insert(run_series),
                [
                    {"run_id": f"run-{number:09}", "key": "loss", "points": 1, "step": 0, "logged_at": 0,
                     "value": number * 7919 % count / count}
                    for number in numbers
                ],
            )  # fmt: skip
            connection.execute(
                insert(run_params),
                [
                    {"run_id": f"run-{number:09}", "key": "model", "value": f"m{number % 10}", "is_text": True}
                    for number in numbers
                ],
            )


def _disk(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
