"""Running one case with one tool: first run, edit, second run, each in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bench.stale_cache.cases import Case

_REPOSITORY = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 180
_LONG_AGO = 1_000_000_000

Verdict = Literal["right", "stale", "needless", "failed"]


class Tool(NamedTuple):
    """A tool under test.

    Attributes:
        adapter: module in `adapters/`.
        python: interpreter of the environment that has the tool.
    """

    name: str
    adapter: str
    python: str = sys.executable


class Outcome(NamedTuple):
    """What a tool made of a case."""

    case: Case
    verdict: Verdict
    detail: str = ""


class Failed(Exception):
    """The adapter did not come to its end."""


PLAIN = Tool("no cache", "plain")


def truth(case: Case) -> tuple[str, str]:
    """What the step returns before and after the edit when nothing is kept.

    Raises: ValueError if the case is not what its kind says.
    """
    before, after = (seen["result"] for seen in _both_runs(PLAIN, case))
    if (before == after) is not (case.kind == "must keep"):
        raise ValueError(f"Case {case.name!r} is of kind {case.kind!r}, but its results are {before} and {after}.")
    return before, after


def attempt(tool: Tool, case: Case, right: tuple[str, str]) -> Outcome:
    """Run the case with the tool; `right` is what its two runs have to return."""
    try:
        first, second = _both_runs(tool, case)
    except Failed as error:
        return Outcome(case, "failed", str(error))
    if first["result"] != right[0] or not first["ran"]:
        return Outcome(case, "failed", f"the first run returned {first['result']}, ran: {first['ran']}")
    if second["result"] != right[1]:
        return Outcome(case, "stale", f"returned {second['result']} instead of {right[1]}")
    if case.kind == "must keep" and second["ran"]:
        return Outcome(case, "needless")
    return Outcome(case, "right")


def _both_runs(tool: Tool, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        _write(project, case.before)
        first = _run(tool, case, project, 0)
        _write(project, case.after)
        if case.touches:
            for path in project.rglob("*.py"):
                os.utime(path, (_LONG_AGO, _LONG_AGO))
        if case.moves:
            project = project.rename(Path(folder, "moved"))
        return first, _run(tool, case, project, 1)


def _write(project: Path, files: Any) -> None:
    for name, text in files.items():
        path = project / name
        if not text and path.exists():
            path.unlink()
            if not any(path.parent.iterdir()):  # an installer leaves no empty folder
                path.parent.rmdir()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def _run(tool: Tool, case: Case, project: Path, at: Literal[0, 1]) -> dict[str, Any]:
    # No bytecode on disk: an edit within the same second would meet the old one, whatever the tool does.
    settings = {
        "PYTHONPATH": os.pathsep.join(map(str, (project, project / "site-packages", _REPOSITORY, _REPOSITORY / "src"))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "BENCH_ENV": " ".join(case.env),
        "DO_NOT_TRACK": "1",
        "DVC_NO_ANALYTICS": "1",
        "HAMILTON_TELEMETRY_ENABLED": "false",
        **{name: values[at] for name, values in case.variables.items()},
    }
    done = subprocess.run(
        [tool.python, "-m", f"bench.stale_cache.adapters.{tool.adapter}"],
        cwd=project,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise Failed(f"run {at + 1}: {lines[-1]}")
    seen: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return seen
