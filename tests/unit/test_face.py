import pkgutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import homeostat as hs

HEAVY = {
    "sqlalchemy",
    "alembic",
    "polars",
    "pyarrow",
    "numpy",
    "scipy",
    "sklearn",
    "starlette",
    "granian",
    "httpx",
    "jinja2",
}


def loaded(arguments: Sequence[str], folder: Path) -> set[str]:
    """Top-level packages that a fresh interpreter imports while it runs `arguments`."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True, cwd=folder
    )
    # A line is `import time: self [us] | cumulative | name`, the name indented by its depth.
    names = [line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {name.partition(".")[0] for name in names}


def test_import_loads_nothing_heavy(tmp_path: Path) -> None:
    """A training script pays for what it uses, when it uses it."""
    packages = loaded(["-c", "import homeostat"], tmp_path)

    assert "homeostat" in packages
    assert set() == packages & HEAVY


def test_what_is_used_is_loaded(tmp_path: Path) -> None:
    """The list above is read from a real import: a table does load Arrow."""
    assert "pyarrow" in loaded(["-c", "import homeostat as hs; hs.Table"], tmp_path)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-h"]])
def test_help_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    """Whoever asks what there is does not wait for it."""
    packages = loaded(["-m", "homeostat", *arguments], tmp_path)

    assert {"homeostat", "click"} <= packages
    assert set() == packages & HEAVY


@pytest.mark.parametrize("name", hs.__all__)
def test_every_name_of_the_face_is_there(name: str) -> None:
    """What the package offers it has, and the object says the same name."""
    found = getattr(hs, name)

    assert name == getattr(found, "__name__", name).rpartition(".")[2]


def test_face_is_listed_once_and_whole() -> None:
    """Editors complete exactly what the package offers, in order."""
    assert sorted(hs._FACE) == hs.__all__
    assert sorted([*hs.__all__, "__version__"]) == dir(hs)


def test_unknown_name_is_answered_with_what_there_is() -> None:
    """A misspelt name is told the names there are."""
    with pytest.raises(AttributeError, match=r"no attribute 'Sistem'\. It offers Candidate, .*System"):
        _ = hs.Sistem


def test_version_is_the_packages(tmp_path: Path) -> None:
    """The command line and the package say one version."""
    ended = subprocess.run(
        [sys.executable, "-m", "homeostat", "--version"], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert hs.__version__ in ended.stdout


def test_no_name_of_the_face_is_another_module() -> None:
    """Python binds an imported submodule in its package, so a name may not mean two things (ADR 0002)."""
    modules = {module.name for module in pkgutil.iter_modules(hs.__path__)}

    assert ["homeostat.callbacks"] == [hs._FACE[name] for name in sorted(modules & set(hs.__all__))]
