"""Running one case with one tool: first run, edit, second run, each in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from bench.stale_cache.cases import Case
from bench.stale_cache.settings import silenced

_REPOSITORY = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 300
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


class TooSlow(Failed):
    """A command was ended, for it took longer than it may."""


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


def in_group(command: list[str], folder: Path, variables: Mapping[str, str], timeout_s: float) -> tuple[int, str, str]:
    """Run a command and end every process that it leaves behind, servers included: exit status, output, errors.

    Raises: TooSlow if it takes longer.
    """
    # Files, not pipes: a process that is left behind would hold a pipe open.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=output, stderr=errors, start_new_session=True
        )
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TooSlow(f"no end within {timeout_s:.0f} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return status, _text(output), _text(errors)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _both_runs(tool: Tool, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        Path(folder, "home").mkdir()
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
        **silenced(project.parent / "home"),
        **{name: values[at] for name, values in case.variables.items()},
    }
    command = [tool.python, "-m", f"bench.stale_cache.adapters.{tool.adapter}"]
    status, output, errors = in_group(command, project, {**os.environ, **settings}, _TIMEOUT_S)
    if status != 0:
        lines = [line for line in errors.splitlines() if line.strip()] or ["no message"]
        raise Failed(f"run {at + 1}: {lines[-1].strip()}")
    seen: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return seen
