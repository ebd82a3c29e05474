"""An interpreter with the recorded packages: this one if it has them, else one installed anew by uv."""

import importlib.metadata
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import homeostat
from homeostat.capture.environment import Environment
from homeostat.reproduction.records import EnvironmentSource

_PACKAGE = "homeostat"
_INSTALL_S = 1800.0  # large packages over a slow line
# Where this package is imported from: a source checkout is on no index, so a new environment gets it by path.
_SOURCES = Path(homeostat.__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python to run in.

    Attributes:
        python: its executable.
        path: for PYTHONPATH, or empty.
        source: where its packages come from.
        why: what kept the recorded ones from being installed, if `source` is `other`.
    """

    python: str
    path: str
    source: EnvironmentSource
    why: str = ""


def interpreter(recorded: Environment, present: Environment, folder: Path) -> Interpreter:
    """This interpreter if its packages are the recorded ones, else a new one in `folder` with their exact versions.

    If that cannot be installed the answer is this interpreter, and the reason: what differs is then named, and the grade
    says whether it mattered.
    """
    here = "" if _is_installed() else str(_SOURCES)
    if recorded == present:
        return Interpreter(python=sys.executable, path=here, source="same")
    python = folder / "bin" / "python"
    wanted = [
        f"{package.name}=={package.version}"
        for package in recorded.packages
        if package.name != _PACKAGE or _is_installed()
    ]
    for command in (
        ["uv", "venv", "--quiet", "--python", recorded.python, str(folder)],
        ["uv", "pip", "install", "--quiet", "--no-deps", "--python", str(python), *wanted],
    ):
        why = _failure(command)
        if why:
            return Interpreter(python=sys.executable, path=here, source="other", why=why)
    return Interpreter(python=str(python), path=here, source="rebuilt")


def _failure(command: list[str]) -> str:
    """Run it; the last line of what went wrong, or nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {error}"
    said = " ".join(done.stderr.split())
    return f"{' '.join(command[:3])}: {said}" if done.returncode else ""


def _is_installed() -> bool:
    """Whether this package lies among the installed ones, not in a source checkout."""
    return importlib.metadata.distribution(_PACKAGE).locate_file("") == _SOURCES
