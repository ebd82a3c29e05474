"""The page that compares 100 runs of 100,000 points: time, bytes and memory in the server, and its curves by range.

The runs have one metric of noise on a falling curve and a sparse one beside it. Each figure is the median of five readings by
a server that has read the page once before.
"""

import gzip
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import insert

from homeostat.core.ids import RunId
from homeostat.store.db.schema.track import run_params, runs
from homeostat.track import points
from homeostat.track.blocks import Points
from homeostat.ui.reading import Reading
from homeostat.ui.render import render
from homeostat.workspace import Config, Project, Workspace

LENGTH = 100_000
SIZES = (2, 100, 200)
READINGS = 5
_TEXTS = ("system", "parent", "user", "source", "error", "note", "code", "environment")


def fill(workspace: Workspace, count: int) -> None:
    """Runs whose rate decides what their loss ends at."""
    generator = np.random.default_rng(0)
    start = 1_700_000_000_000_000
    for number in range(count):
        id_, rate = RunId(f"run-{number:04}"), float(10 ** generator.uniform(-4, -1))
        at = start + np.cumsum(generator.integers(900, 5000, LENGTH))
        loss = abs(np.log10(rate) + 2.5) + np.exp(-np.arange(LENGTH) / 3e4) + generator.normal(size=LENGTH) * 0.1
        with workspace.database.write() as connection:
            fixed = {"kind": "run", "status": "finished", "dropped": 0, "experiment_id": 0}
            named = {"id": id_, "name": f"tuned-{number}", "started_at": start, "finished_at": int(at[-1])}
            connection.execute(insert(runs).values(**named, **fixed, **dict.fromkeys(_TEXTS, "")))
            for key, value in {"lr": rate, "depth": int(generator.integers(2, 9)), "seed": number, "batch": 64}.items():
                connection.execute(insert(run_params).values(run_id=id_, key=key, value=repr(value), is_text=False))
            points.add(connection, id_, "train/loss", Points.of(np.arange(LENGTH), at, loss))
            sparse = slice(LENGTH // 100 - 1, None, LENGTH // 100)
            points.add(connection, id_, "val/loss", Points.of(np.arange(LENGTH)[sparse], at[sparse], loss[sparse]))


def taken(act: Callable[[], Any]) -> tuple[float, Any]:
    """Median seconds, and what came of it."""
    found = act()
    times = []
    for _ in range(READINGS):
        began = time.perf_counter()
        found = act()
        times.append(time.perf_counter() - began)
    return statistics.median(times), found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Config(project=Project(name="compared"))
        with Workspace.create(Path(folder) / "project", config) as workspace:
            began = time.perf_counter()
            fill(workspace, max(SIZES))
            print(f"{max(SIZES)} runs of {LENGTH:,} points written in {time.perf_counter() - began:.1f} s")
            reading = Reading(workspace)
            for count in SIZES:
                report(reading, [("run", f"run-{number:04}") for number in range(count)])


def report(reading: Reading, query: list[tuple[str, str]]) -> None:
    page_s, html = taken(lambda: render(reading.comparison(query)))
    tracemalloc.start()
    render(reading.comparison(query))
    peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    packed = len(gzip.compress(html.encode(), 4))
    print(
        f"{len(query)} runs: page {page_s:.3f} s, {len(html) / 1000:.0f} kB ({packed / 1000:.0f} kB sent), {peak_mb:.0f} MB at most"
    )
    ranges = {"all steps": [], "a fifth": [("span", "step:40000..60000")], "200 steps": [("span", "step:40000..40200")]}
    for name, more in ranges.items():
        asked = [*query, ("metric", "train/loss"), *more]
        curves_s, body = taken(lambda asked=asked: msgspec.json.encode(reading.comparison_curves(asked, 400)))  # type: ignore[misc]
        print(f"  curves of one metric, {name}: {curves_s:.3f} s, {len(body) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
