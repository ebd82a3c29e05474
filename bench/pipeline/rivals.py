"""The chain of trivial steps in other tools: each run a command in the tool's own environment, and its peak memory.

A command is timed whole, as a user meets it; the run within it too, where the tool can be called in a process. Each tool
is asked for fewer steps first; if all of them would take it longer than `PATIENCE_S`, that run is scaled instead.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from bench.stale_cache.rivals import RIVALS, Rival, environment
from bench.stale_cache.settings import silenced
from bench.stale_cache.trial import Failed, in_group

PATIENCE_S = 180
FEWER = 20
_TIMEOUT_S = 600
_PROJECTS = Path(__file__).parent / "projects"
_PEAK = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - began, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Run(NamedTuple):
    """What a run took.

    Attributes:
        command_s: the whole command.
        run_s: the run within it.
        peak_mb: of the largest of its processes; those that it leaves behind, a server say, are not seen.
        ran: how many steps were called.
    """

    command_s: float
    run_s: float
    peak_mb: float
    ran: int


class Chain(NamedTuple):
    """First and cached run of a tool; `asked` is how many steps it had, if these are not the figures of so many."""

    name: str
    asked: int
    first: Run
    cached: Run


def measure_rival(name: str, steps: int) -> Chain:
    """The first and the second run of a tool, in a folder of its own.

    Raises: Failed if the tool fails, is not right, or does not come to an end.
    """
    rival = RIVALS[name]
    python, version = environment(name, rival.distribution, *rival.pins)
    title = f"{rival.distribution} {version}"
    few = _both(title, rival, python, FEWER)
    if scaled(few, steps).first.run_s > PATIENCE_S:
        return scaled(few, steps)
    return _both(title, rival, python, steps)


def scaled(chain: Chain, steps: int) -> Chain:
    """The chain as if it had had so many steps; it still says how many it had."""
    return chain._replace(
        first=_longer(chain.first, steps / chain.asked), cached=_longer(chain.cached, steps / chain.asked)
    )


def _both(title: str, rival: Rival, python: Path, steps: int) -> Chain:
    with tempfile.TemporaryDirectory(prefix="homeostat-bench-") as folder:
        project, home = Path(folder, "project"), Path(folder, "home")
        project.mkdir()
        home.mkdir()
        first, cached = (_run(rival, python, steps, project, home) for _ in range(2))
    if first.ran != steps or cached.ran:
        raise Failed(f"of {steps} steps, {first.ran} were called in the first run and {cached.ran} in the second")
    return Chain(title, steps, first, cached)


def _run(rival: Rival, python: Path, steps: int, project: Path, home: Path) -> Run:
    command = [sys.executable, "-c", _PEAK, str(python), str(_PROJECTS / f"{rival.adapter}.py"), str(steps)]
    status, output, errors = in_group(command, project, {**os.environ, **silenced(home)}, _TIMEOUT_S)
    if status != 0:
        raise Failed((errors.strip().splitlines() or ["no message"])[-1])
    said, took = output.strip().splitlines()[-2:]
    seen: dict[str, Any] = json.loads(said)
    if seen["result"] != steps:
        raise Failed(f"{steps} steps returned {seen['result']}")
    command_s, peak_kb = map(float, took.split())
    return Run(command_s, seen["run_s"], peak_kb / 1024, seen["ran"])


def _longer(run: Run, times: float) -> Run:
    """The run as if it had more steps; what the command takes besides stays."""
    return run._replace(command_s=run.command_s + run.run_s * (times - 1), run_s=run.run_s * times)
