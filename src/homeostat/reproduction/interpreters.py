"""An interpreter with the recorded packages: installed anew from the lock by uv, once for each lock (`capture.installing`)."""

import importlib.metadata
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import homeostat
from homeostat.capture.environment import Environment, requirements
from homeostat.capture.installing import failure, installed
from homeostat.reproduction.records import EnvironmentSource

_PACKAGE = "homeostat"


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python to run in.

    Attributes:
        python: its executable.
        source: where its packages come from.
        why: what kept the recorded ones from being installed, if they were not.
    """

    python: str
    source: EnvironmentSource
    why: str = ""


def interpreter(
    recorded: Environment, present: Environment, sources: Mapping[str, str], *, same_environment: bool
) -> Interpreter:
    """A new interpreter with exactly the recorded packages, or the one a former reproduction of this lock made.

    If they cannot be installed the answer is this interpreter, and the reason: what differs is then named, and the
    grade says whether it mattered.

    Args:
        present: packages of this process.
        sources: recorded packages that came from no index, with their URLs.
        same_environment: use this interpreter and install nothing.
    """
    here: EnvironmentSource = "same" if recorded == present else "other"
    if same_environment:
        return Interpreter(python=sys.executable, source=here, why="nothing was to be installed")
    lock = requirements(recorded, sources, leaving_out=(_PACKAGE,))
    try:
        python = installed(lock, recorded.python, is_lock=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Interpreter(python=sys.executable, source=here, why=failure(error))
    return Interpreter(python=str(python), source="rebuilt")


def link_package(folder: Path) -> Path:
    """Make the folder that gives any interpreter this very package when it comes first in PYTHONPATH.

    A model is made again by this version of the package, whatever the recorded one was: that difference is named like
    any other. So it need not be on an index, as a source checkout is on none.
    """
    folder.mkdir()
    (folder / _PACKAGE).symlink_to(Path(homeostat.__file__).parent.resolve())
    try:
        told = importlib.metadata.distribution(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:  # run from its sources
        return folder
    for file in told.files or ():
        if file.name == "METADATA":
            notes = Path(str(told.locate_file(file))).parent.resolve()
            (folder / notes.name).symlink_to(notes)
    return folder
