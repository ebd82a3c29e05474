"""Environments of the other tools, each made once, outside the project, by uv or by venv and pip."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

from bench.stale_cache.trial import Tool


class Rival(NamedTuple):
    """A tool that is installed for the comparison."""

    distribution: str
    adapter: str


RIVALS = {
    "joblib": Rival("joblib", "with_joblib"),
    "hamilton": Rival("sf-hamilton", "with_hamilton"),
    "dvc": Rival("dvc", "with_dvc"),
}


def installed(name: str) -> Tool:
    """The rival, in its own environment; installs it the first time. Needs a package registry."""
    rival = RIVALS[name]
    python, found = environment(name, rival.distribution)
    return Tool(f"{rival.distribution} {found}", rival.adapter, str(python))


def environment(name: str, distribution: str) -> tuple[Path, str]:
    """The Python of an environment with nothing but this distribution in it, and the version that was found."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "homeostat-bench", name)
    python = folder / "bin" / "python"
    uv = shutil.which("uv")
    if not python.exists() and uv:
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--compile-bytecode", "--python", python, distribution], check=True)
    elif not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", distribution], check=True)
    ask = f"from importlib.metadata import version; print(version({distribution!r}))"
    found = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    return python, found
