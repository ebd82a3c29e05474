"""Installed files that were edited in place."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homeostat.pipelines import installed

Install = Callable[[str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package of one module and import it; gives its file."""
    site = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(installed, "_judged", {})
    monkeypatch.setattr(installed, "_edited", {})

    def act(name: str) -> Path:
        file = site / name / "__init__.py"
        file.parent.mkdir(parents=True)
        file.write_text("N = 1\n")
        os.utime(file, ns=(10**18, 10**18))
        record = site / f"{name}-1.0.dist-info" / "RECORD"
        record.parent.mkdir()
        record.write_text(f"{name}/__init__.py,sha256=1,6\n")
        importlib.invalidate_caches()
        importlib.import_module(name)
        return file

    yield act
    for name in [name for name in sys.modules if name.startswith("homeostat_test_")]:
        del sys.modules[name]
    installed._edited.clear()


def test_a_file_as_it_was_installed_is_vouched_for(install: Install) -> None:
    """What is not younger than its RECORD has not been edited."""
    file = install("homeostat_test_vouched")

    assert str(file) not in installed.edited()


def test_a_file_younger_than_its_record_was_edited(install: Install) -> None:
    """An installer writes the RECORD last."""
    file = install("homeostat_test_edited")
    record = next(file.parents[1].glob("*.dist-info/RECORD"))
    os.utime(record, ns=(10**17, 10**17))

    assert str(file) in installed.edited()


def test_a_package_without_a_record_counts_by_content(install: Install) -> None:
    """Nobody vouches for it."""
    file = install("homeostat_test_odd")
    next(file.parents[1].glob("*.dist-info/RECORD")).unlink()

    assert str(file) in installed.edited()
