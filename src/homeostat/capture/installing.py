"""Environments of their own, made by uv: once for what is to be in them, then not changed any more.

One lies in the cache folder under the digest of its requirements and its Python, so the next who needs the same has it at
once. It appears whole or not at all: it is made under another name and renamed.
"""

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from homeostat.core.digests import digest_of

_INSTALL_S = 1800.0  # large packages over a slow line
_SAID = 1500  # characters of what uv said that a message holds


def installed(
    requirements: str, python: str, *, is_lock: bool, constraints: str = "", folder: Path | None = None
) -> Path:
    """The Python of an environment with these packages, made now if there is none.

    Args:
        requirements: as in a requirements file.
        python: version that is wanted, as exactly as it is said: `3.11` or `3.11.7`. This process's own if it is one of those, else
            what uv finds or fetches.
        is_lock: `requirements` name all packages there are to be, so nothing is resolved.
        constraints: as in a constraints file.
        folder: where relative paths among the requirements begin.

    Raises: OSError and SubprocessError if uv fails; `failure` says why in words.
    """
    ours = f"{sys.version.partition(' ')[0]}.".startswith(f"{python}.")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "homeostat", "environments")
    what = [python, os.path.realpath(sys.executable) if ours else "", sys.platform, requirements]
    what += [] if is_lock else ["resolved", constraints, str(folder or "")]
    final = cache / digest_of(what)[:32]
    if final.is_dir():
        return final / "bin" / "python"
    incoming = cache / f".{final.name}.{secrets.token_hex(4)}"
    try:
        incoming.mkdir(parents=True)
        _uv("venv", "--allow-existing", "--python", sys.executable if ours else python, str(incoming))
        (incoming / "requirements.txt").write_text(requirements)
        (incoming / "constraints.txt").write_text(constraints)
        # What is resolved is for workers, which start often and write no bytecode of their own.
        options = (
            ["--no-deps"] if is_lock else ["--compile-bytecode", "--constraint", str(incoming / "constraints.txt")]
        )
        target = ["--python", str(incoming / "bin" / "python"), "--requirement", str(incoming / "requirements.txt")]
        _uv("pip", "install", *options, *target, folder=folder)
        try:
            incoming.rename(final)
        except OSError:
            if not final.is_dir():  # else another process was first, with the same packages
                raise
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return final / "bin" / "python"


def failure(error: OSError | subprocess.SubprocessError) -> str:
    """Why an environment could not be made, in one line."""
    if isinstance(error, subprocess.CalledProcessError):
        return f"uv {' '.join(error.cmd[2:4])}: {' '.join(error.stderr.split())[-_SAID:]}"
    return f"{type(error).__name__}: {error}"


def _uv(*command: str, folder: Path | None = None) -> None:
    subprocess.run(
        [find_uv_bin(), "--quiet", *command], cwd=folder, capture_output=True, text=True, timeout=_INSTALL_S, check=True
    )
