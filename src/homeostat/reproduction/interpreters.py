"""An interpreter with the recorded packages: installed anew from the lock by uv, once for each lock.

An environment lies in the cache folder under the digest of its lock and is not changed any more, so the second model of
a lock has it at once. It appears whole or not at all: it is made under another name and renamed.
"""

import importlib.metadata
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

import homeostat
from homeostat.capture.environment import Environment, requirements
from homeostat.core.digests import digest_of
from homeostat.reproduction.records import EnvironmentSource

_PACKAGE = "homeostat"
_INSTALL_S = 1800.0  # large packages over a slow line


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
        folder = _environment(lock, recorded.python)
    except (OSError, subprocess.SubprocessError) as error:
        return Interpreter(python=sys.executable, source=here, why=_reason(error))
    return Interpreter(python=str(folder / "bin" / "python"), source="rebuilt")


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


def _environment(lock: str, python: str) -> Path:
    """The folder of the lock's environment. Raises: OSError and SubprocessError if uv fails."""
    ours = python == sys.version.partition(" ")[0]
    wanted = sys.executable if ours else python
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", _PACKAGE, "environments")
    final = cache / digest_of([python, os.path.realpath(sys.executable) if ours else "", sys.platform, lock])[:32]
    if final.is_dir():
        return final
    incoming = cache / f".{final.name}.{secrets.token_hex(4)}"
    try:
        incoming.mkdir(parents=True)
        _uv("venv", "--allow-existing", "--python", wanted, str(incoming))
        (incoming / "requirements.txt").write_text(lock)
        target = ("--python", str(incoming / "bin" / "python"), "--requirement", str(incoming / "requirements.txt"))
        _uv("pip", "install", "--no-deps", *target)
        try:
            incoming.rename(final)
        except OSError:
            if not final.is_dir():  # else another process was first, with the same packages
                raise
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return final


def _uv(*command: str) -> None:
    subprocess.run([find_uv_bin(), "--quiet", *command], capture_output=True, text=True, timeout=_INSTALL_S, check=True)


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"{' '.join(error.cmd[:3])}: {' '.join(error.stderr.split())}"
    return f"{type(error).__name__}: {error}"
