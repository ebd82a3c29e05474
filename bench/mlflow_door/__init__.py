"""MLflow's own client against its server and ours: points, batches, runs, searches, memory.

The same client process, from its own environment, does each piece of work with each server in turns. Beside them a server that does
nothing (`null.py`), which shows what the client takes by itself: nothing that a server does can be faster than that.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import homeostat
from bench.mlflow_door.fill import fill_ours, fill_theirs
from bench.mlflow_door.servers import Server, free_port, running
from bench.stale_cache.rivals import environment

SEARCHED = 5_000
ROUNDS = 3
THEIRS, OURS, NULL = "MLflow", "homeostat", "null"
COUNTS = {"log_metric": 100, "log_batch": 8, "empty_run": 20, "search": 3, "search_raw": 5}
_TITLES = {
    "log_metric": "log_metric",
    "log_batch": "log_batch of 1,000 points",
    "empty_run": "a run begun and ended",
    "search": "search, filter and order, 5,000 runs",
    "search_raw": "the same by a plain socket",
}
_SEARCH = {"filter": "metrics.loss < 0.5 and params.model = 'm3'", "order_by": ["metrics.loss ASC"]}


class Figures(NamedTuple):
    """Seconds a piece of work by work and server, the medians of the rounds; MB by server, `idle`, `loaded` and `resident`."""

    seconds: dict[str, dict[str, float]]
    client_cpu: dict[str, float]
    memory: dict[str, dict[str, float]]


def main(*, workers: int | None = 1, rounds: int = ROUNDS, counts: dict[str, int] | None = None) -> None:
    """Measure and print the tables.

    Args:
        workers: of MLflow's server; None is its default.
    """
    python, version = environment("mlflow3", "mlflow")
    shown = f"{workers} worker" if workers == 1 else f"{workers or 'its default of'} workers"
    print(
        f"mlflow {version} ({shown}, SQLite), homeostat {homeostat.__version__}; one client, medians of {rounds} rounds"
    )
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder, ExitStack() as stack:
        root = Path(folder)
        servers, experiments = {}, {}
        for name in (THEIRS, OURS):
            home = root / name
            home.mkdir()
            experiments[name] = (
                fill_theirs(python, home / "mlflow.db", SEARCHED) if name == THEIRS else fill_ours(home, SEARCHED)
            )
            servers[name] = stack.enter_context(running(*_command(name, python, home, workers)))
            found = servers[name]
            found.settle()
            print(f"{name}: up after {found.started_s:.1f} s, {found.processes()} processes", flush=True)
        if len(set(experiments.values())) > 1:
            raise AssertionError(f"The experiments have different ids: {experiments}")
        port = free_port()
        null = [sys.executable, "-m", "bench.mlflow_door.null", str(port), servers[OURS].address]
        # A server of one line: it needs this project on its path, not a folder of its own.
        process = stack.enter_context(subprocess.Popen(null))
        stack.callback(process.terminate)
        addresses = {name: server.address for name, server in servers.items()} | {NULL: f"http://127.0.0.1:{port}"}
        asked = {
            "servers": addresses,
            "search": {"experiment": experiments[OURS], **_SEARCH},
            "rounds": rounds,
            "counts": counts or COUNTS,
        }
        _print(_measured(python, asked, servers))


def _command(name: str, python: Path, home: Path, workers: int | None) -> tuple[list[str | Path], Path, int]:
    port = free_port()
    if name == OURS:
        ours: list[str | Path] = [
            Path(sys.executable).with_name("homeostat"),
            "server",
            "--workspace",
            home,
            "--port",
            str(port),
        ]
        return ours, home, port
    theirs: list[str | Path] = [python.with_name("mlflow"), "server", "--port", str(port)]
    theirs += ["--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}", "--default-artifact-root", home / "artifacts"]
    return theirs + ([] if workers is None else ["--workers", str(workers)]), home, port


def _measured(python: Path, asked: dict[str, object], servers: dict[str, Server]) -> Figures:
    memory = {name: {"idle": server.memory_mb(), "loaded": 0.0, "resident": 0.0} for name, server in servers.items()}
    seconds: dict[str, dict[str, list[float]]] = {}
    cpu: dict[str, list[float]] = {}
    with _driver(python, asked) as driver:
        assert driver.stdout is not None
        assert driver.stdin is not None
        for line in driver.stdout:
            said = json.loads(line)
            if "round" in said:
                for name, server in servers.items():
                    memory[name]["loaded"] = max(memory[name]["loaded"], server.memory_mb())
                    memory[name]["resident"] = max(memory[name]["resident"], server.resident_mb())
                driver.stdin.write("\n")
                driver.stdin.flush()
                continue
            seconds.setdefault(said["work"], {}).setdefault(said["server"], []).append(said["median"])
            cpu.setdefault(said["work"], []).append(said["cpu"])
    medians = {
        work: {name: statistics.median(found) for name, found in by_server.items()}
        for work, by_server in seconds.items()
    }
    return Figures(medians, {work: min(found) for work, found in cpu.items()}, memory)


@contextmanager
def _driver(python: Path, asked: dict[str, object]) -> Iterator[subprocess.Popen[str]]:
    """Raises: CalledProcessError if the client fails."""
    command = [str(python), str(Path(__file__).with_name("driver.py")), json.dumps(asked)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, command[:2])


def _print(figures: Figures) -> None:
    print(f"\n{'':38}{'MLflow':>10}{'homeostat':>11}{'':>8}{'client alone':>14}{'without it':>12}")
    for work, found in figures.seconds.items():
        theirs, ours, null = (found[name] * 1000 for name in (THEIRS, OURS, NULL))
        rest = max(ours - null, 0.01)
        print(
            f"{_TITLES[work]:38}{theirs:>7.1f} ms{ours:>8.2f} ms{theirs / ours:>6.1f} x{null:>11.2f} ms"
            f"{(theirs - null) / rest:>10.1f} x"
        )
    for state in ("idle", "loaded"):
        theirs, ours = figures.memory[THEIRS][state], figures.memory[OURS][state]
        print(f"{'memory (PSS), ' + state:38}{theirs:>7.0f} MB{ours:>8.0f} MB{theirs / ours:>6.1f} x")
    # Pages of libraries that other processes of the machine hold too count in part only; in one process of ours, here, in full.
    theirs, ours = figures.memory[THEIRS]["loaded"], figures.memory[OURS]["resident"]
    print(f"{'ours with every shared page':38}{'':10}{ours:>8.0f} MB{theirs / ours:>6.1f} x")
