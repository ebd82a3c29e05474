"""Loaded files of installed packages that are not as their installer left them.

The environment counts packages by what their RECORD says, which an edit of an installed file does not change. An
installer writes the RECORD last, so a file younger than it was edited since, and a file of a package without one has
nobody to vouch for it: both count by content, like any file that a step reads. Packages of the system's own manager
(`dist-packages`) are vouched for by it.
"""

import os
import sys
from functools import lru_cache
from pathlib import Path

_FOLDER = f"{os.sep}site-packages{os.sep}"
_OWN = ("_virtualenv", "__editable__", "distutils-precedence")  # what makes the environment itself, by path
# By file of a module: what is loaded does not change any more.
_judged: dict[str, bool] = {}
_edited: dict[int, list[str]] = {}  # what was found when so many modules were loaded; the newest only


def edited() -> list[str]:
    """Absolute paths of loaded files that nobody vouches for. Cost: a stat for each module loaded since the last call."""
    count = len(sys.modules)
    known = _edited.get(count)
    if known is not None:
        return known
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file not in _judged:
            _judged[file] = _FOLDER in file and not _is_vouched(file)
    found = [file for file, is_edited in _judged.items() if is_edited]
    _edited.clear()
    _edited[count] = found
    return found


def _is_vouched(file: str) -> bool:
    site, _, inside = file.rpartition(_FOLDER)
    if inside.startswith(_OWN):
        return True
    top = inside.partition(os.sep)[0].partition(".")[0]
    recorded = _recorded(site + _FOLDER, top)
    try:
        return recorded is not None and os.stat(file).st_mtime_ns <= recorded  # noqa: PTH116  (a thousand of them)
    except OSError:  # inside an archive
        return True


@lru_cache(maxsize=4096)
def _recorded(site: str, top: str) -> int | None:
    """When the last distribution with this top-level name was installed here, in ns; None if none says so."""
    records = _records(site)
    named = records.get(_normal(top))
    if named is not None:
        return named.stat().st_mtime_ns
    needles = (f"\n{top}/".encode(), f"\n{top}.".encode())
    owners = [path for path in records.values() if any(needle in b"\n" + _content(path) for needle in needles)]
    return max((path.stat().st_mtime_ns for path in owners), default=None)


@lru_cache(maxsize=64)
def _records(site: str) -> dict[str, Path]:
    """RECORD by the normal name of its distribution."""
    found = Path(site).glob("*.dist-info/RECORD")
    return {_normal(path.parent.name.removesuffix(".dist-info").rpartition("-")[0]): path for path in found}


@lru_cache(maxsize=1024)
def _content(record: Path) -> bytes:
    return record.read_bytes()


def _normal(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")
