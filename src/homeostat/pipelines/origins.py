"""Where code comes from: the project (followed to the last constant), a distribution (its version), or Python.

Project code is whatever is not installed: under no `site-packages` and not the standard library. That includes
packages installed editable, whose version stays while their code changes, and code typed into a notebook.
"""

import sys
import sysconfig
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

_STANDARD = tuple({str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib")})
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_OWN = "homeostat"  # this package counts by version, also where it is installed editable
_OWN_FOLDER = Path(__file__).resolve().parents[1]
PYTHON = "python"


def package(module: str) -> tuple[str, str]:
    """Name and version of what `module` belongs to: `("package numpy", "2.1.0")` or `("python", "3.11.7")`."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "builtins":
        return PYTHON, ".".join(map(str, sys.version_info[:3]))
    return f"package {top}", _version(top)


@lru_cache(maxsize=4096)
def _version(top: str) -> str:
    names = _distributions().get(top, (top,))
    return ", ".join(sorted({_version_of(name) for name in names}))


@lru_cache(maxsize=1)
def _distributions() -> dict[str, list[str]]:
    # One pass over every installed distribution: tens of milliseconds, once in a process.
    return {top: list(names) for top, names in packages_distributions().items()}


def _version_of(name: str) -> str:
    try:
        return version(name) or "unknown"  # an empty .dist-info has none
    except PackageNotFoundError:
        return "unknown"


@lru_cache(maxsize=20_000)
def is_project_file(file: str) -> bool:
    """Whether code of this file is followed. `<stdin>`, `<string>` and notebook cells are."""
    if file.startswith("<frozen"):
        return False
    if file.startswith("<"):
        return True
    path = Path(file).resolve()
    if _INSTALLED.intersection(path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in _STANDARD) and not path.is_relative_to(_OWN_FOLDER)


def is_project_module(module: ModuleType) -> bool:
    """Whether the module's names are followed."""
    name = module.__name__.partition(".")[0]
    if name in sys.stdlib_module_names and name != "__main__":
        return False
    file = getattr(module, "__file__", None)
    if file is None:  # a namespace package, or __main__ typed in
        return name == "__main__" or any(is_project_file(folder) for folder in getattr(module, "__path__", ()))
    return is_project_file(file)


def is_project_name(module: str) -> bool:
    """Whether a module of this name would be followed, without importing a third-party package to find out."""
    loaded = sys.modules.get(module)
    if loaded is not None:
        return is_project_module(loaded)
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == _OWN:
        return False
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:  # made by `exec`, or absent: follow what there is
        return True
    places = [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or ())
    return any(is_project_file(place) for place in places)


def source_files(root: Path) -> list[Path]:
    """Every Python file of a project, sorted; hidden folders and installed packages left out."""
    files = []
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).parts
        if not any(part.startswith(".") or part in _INSTALLED or part == "__pycache__" for part in parts):
            files.append(path)
    return sorted(files)
