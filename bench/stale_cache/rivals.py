"""Environments of the other tools, each made once by uv, outside the project."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from uv import find_uv_bin

from bench.stale_cache.trial import Tool


class Rival(NamedTuple):
    """A tool that is installed for the comparison.

    Attributes:
        pins: what is installed: the tool at one version, and what of its requirements has to be held back.
    """

    distribution: str
    adapter: str
    pins: tuple[str, ...]


RIVALS = {
    "joblib": Rival("joblib", "with_joblib", ("joblib==1.6.0",)),
    "hamilton": Rival("apache-hamilton", "with_hamilton", ("apache-hamilton==1.90.0",)),
    "dvc": Rival("dvc", "with_dvc", ("dvc==3.67.1",)),
    "dagster": Rival("dagster", "with_dagster", ("dagster==1.13.29",)),
    "metaflow": Rival("metaflow", "with_metaflow", ("metaflow==2.19.39",)),
    # Prefect's server uses an argument that later versions of FastAPI no longer have.
    "prefect": Rival("prefect", "with_prefect", ("prefect==3.8.8", "fastapi==0.139.*")),
    "zenml": Rival("zenml", "with_zenml", ("zenml[local]==0.98.0",)),
}


def chosen(names: str) -> list[str]:
    """The rivals that a comma-separated text names, `all` for every one.

    Raises: ValueError if there is no rival of a name.
    """
    asked = list(RIVALS) if names == "all" else [name for name in names.split(",") if name]
    unknown = sorted(set(asked) - set(RIVALS))
    if unknown:
        raise ValueError(f"There is no adapter for {', '.join(unknown)}. There are: {', '.join(RIVALS)}.")
    return asked


def installed(name: str) -> Tool:
    """The rival, in its own environment; installs it the first time. Needs a package registry."""
    rival = RIVALS[name]
    python, found = environment(name, rival.distribution, *rival.pins)
    return Tool(f"{rival.distribution} {found}", rival.adapter, str(python))


def environment(name: str, distribution: str, *others: str) -> tuple[Path, str]:
    """The Python of an environment with nothing but these distributions in it, and the version that was found of the first."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "homeostat-bench", name)
    python = folder / "bin" / "python"
    if not python.exists():
        uv = find_uv_bin()
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True)
        subprocess.run(
            [uv, "pip", "install", "-q", "--compile-bytecode", "--python", python, distribution, *others], check=True
        )
    ask = f"from importlib.metadata import version; print(version({distribution!r}))"
    found = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    return python, found
