"""The list of runs: milliseconds in the server for each view of 100,000 runs, and what exports hold in memory.

Each run has 10 metrics, 10 params, a tag, and 2 kB of what surrounded it. A view is read and rendered as a request does it, over
one open workspace; the median of some rounds after a first is printed: by the clock, by the processor (what others do on the
machine is not in it), and the size of the page. An export runs in a process of its own, so that its peak memory is its own; beside it stands that of a process that
only counts the runs.

BENCH_RUNS_PAGE=10000 asks fewer runs.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import insert

from homeostat.store.db import Database
from homeostat.store.db.schema.track import run_params, run_series, run_surroundings, run_tags, runs
from homeostat.ui.contexts.runs_query import RunsQuery
from homeostat.ui.reading import Reading
from homeostat.ui.render import render
from homeostat.workspace import Workspace

COUNT = int(os.environ.get("BENCH_RUNS_PAGE", "100000"))
ROUNDS = 7
KEYS = 10
_DEEP = 100  # pages before the deep one
_SECOND = 1_000_000
_EXPORT = """
import resource, sys
from pathlib import Path
from homeostat.ui.contexts.runs_query import RunsQuery
from homeostat.ui.reading import Reading
from homeostat.workspace import Workspace
with Workspace.undeclared(Path(sys.argv[1])) as workspace:
    reading, size = Reading(workspace), 0
    if sys.argv[2] == "nothing":
        reading.runs(RunsQuery())
    else:
        size = sum(len(part) for part in reading.exported(RunsQuery(), sys.argv[2]))
used = resource.getrusage(resource.RUSAGE_SELF)
print(size, used.ru_maxrss, round(1000 * (used.ru_utime + used.ru_stime)))
"""


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        root = Path(folder)
        with Workspace.undeclared(root) as workspace:
            _fill(workspace.database)
            reading = Reading(workspace)
            print(f"{f'{COUNT:,} runs':50}{'clock':>10}{'processor':>12}{'page':>9}")
            for name, asked in _views(reading):
                _measure(reading, name, asked)
        print()
        print(f"{'export':50}{'clock':>10}{'processor':>12}{'file':>9}{'peak':>9}")
        for form in ("nothing", "csv", "json"):
            _export(root, form)


def _views(reading: Reading) -> list[tuple[str, RunsQuery]]:
    deep = RunsQuery(order=("metrics.m0 DESC",))
    for _ in range(_DEEP):
        deep = RunsQuery.of(parse_qsl(urlsplit(reading.runs(deep).older).query))
    return [
        ("first page", RunsQuery()),
        ("first page by a metric", RunsQuery(order=("metrics.m0 DESC",))),
        (f"page {_DEEP + 1} by a metric", deep),
        ("by a param", RunsQuery(order=("params.p3 ASC",))),
        ("by the status", RunsQuery(order=("status ASC",))),
        ("by the user, who has no index", RunsQuery(order=("user_id ASC",))),
        ("filter that few fulfil, by a metric", RunsQuery(text="metrics.m0 < 0.001", order=("metrics.m2 DESC",))),
        ("filter that 3 % fulfil, by a metric", RunsQuery(text="metrics.m0 < 0.03", order=("metrics.m2 DESC",))),
        ("filter that half fulfil, by a metric", RunsQuery(text="metrics.m0 < 0.5", order=("metrics.m2 ASC",))),
        (
            "filter by metric, param and status, by a metric",
            RunsQuery(text="metrics.m0 < 0.5 AND params.p1 = '4' AND status = 'finished'", order=("metrics.m2 ASC",)),
        ),
        ("filter that nobody fulfils", RunsQuery(text="user_id = 'nobody'")),
        ("column picker", RunsQuery(panel="columns")),
        (
            "20 columns",
            RunsQuery(columns=tuple(f"{of}.{of[0]}{key}" for of in ("metrics", "params") for key in range(KEYS))),
        ),
        ("10 groups by a param, 4 metrics", RunsQuery(group="params.p0")),
        ("10 groups by a param, no metric", RunsQuery(group="params.p0", columns=("status",))),
        ("2 groups by the status, 4 metrics", RunsQuery(group="status")),
    ]


def _measure(reading: Reading, name: str, asked: RunsQuery) -> None:
    walls, processor, size = [], [], 0
    for _ in range(ROUNDS + 1):
        began, began_here = time.perf_counter(), time.process_time()
        html = render(reading.runs(asked))
        walls.append((time.perf_counter() - began) * 1000)
        processor.append((time.process_time() - began_here) * 1000)
        size = len(html.encode())
    print(
        f"{name:50}{statistics.median(walls[1:]):>7.0f} ms{statistics.median(processor[1:]):>9.0f} ms{size / 1000:>6.0f} kB",
        flush=True,
    )


def _export(root: Path, form: str) -> None:
    began = time.perf_counter()
    said = subprocess.run([sys.executable, "-c", _EXPORT, str(root), form], check=True, capture_output=True, text=True)
    size, peak_kb, used_ms = map(int, said.stdout.split())
    name = "no export, the first page only" if form == "nothing" else form
    took = time.perf_counter() - began
    print(f"{name:50}{took:>8.1f} s{used_ms / 1000:>10.1f} s{size / 1e6:>6.0f} MB{peak_kb / 1024:>6.0f} MB", flush=True)


def _fill(database: Database) -> None:
    empty = dict.fromkeys(("system", "parent", "source", "error", "note"), "")
    surroundings = '{"packages": "' + "x" * 2000 + '"}'
    for first in range(0, COUNT, 10_000):
        numbers = range(first, min(COUNT, first + 10_000))
        with database.write() as connection:
            connection.execute(
                insert(runs),
                [
                    {"id": f"run-{number:020}", "experiment_id": 0, "name": f"n{number % 977}", "kind": "run",
                     "status": "failed" if number % 37 == 0 else "finished", "user": f"u{number % 7}",
                     "started_at": number * _SECOND, "finished_at": (number + 5) * _SECOND, "code": "a" * 64,
                     "environment": "b" * 64, "dropped": 0, **empty}
                    for number in numbers
                ],
            )  # fmt: skip
            around = [{"run_id": f"run-{number:020}", "body": surroundings} for number in numbers]
            connection.execute(insert(run_surroundings), around)
            connection.execute(
                insert(run_series),
                [
                    {"run_id": f"run-{number:020}", "key": f"m{key}", "points": 100, "step": 99, "logged_at": 0,
                     "value": number * 7919 * (key + 1) % COUNT / COUNT}
                    for number in numbers for key in range(KEYS)
                ],
            )  # fmt: skip
            connection.execute(
                insert(run_params),
                [
                    {"run_id": f"run-{number:020}", "key": f"p{key}", "is_text": False,
                     "value": str(number * (key + 3) % 10 ** (key % 4 + 1))}
                    for number in numbers for key in range(KEYS)
                ],
            )  # fmt: skip
            connection.execute(
                insert(run_tags),
                [{"run_id": f"run-{number:020}", "key": "team", "value": f"t{number % 5}"} for number in numbers],
            )
