"""A folder that is there whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from homeostat.core.errors import AlreadyExists
from homeostat.data.whole_folder import whole_folder

_FILL = """
import sys, time
from pathlib import Path
from homeostat.data.whole_folder import whole_folder

with whole_folder(Path(sys.argv[1])) as folder:
    (folder / "half").touch()
    print("filling", flush=True)
    time.sleep(60)
"""


def test_it_appears_when_all_of_it_is_there(tmp_path: Path) -> None:
    """Nobody sees it half filled, and nothing else is left."""
    with whole_folder(tmp_path / "new" / "out") as folder:
        (folder / "file").touch()
        assert not (tmp_path / "new" / "out").exists()

    assert ["out", "out/file"] == _tree(tmp_path / "new")


def test_what_goes_wrong_leaves_nothing(tmp_path: Path) -> None:
    """An error in the middle takes the half of it away."""

    def fill() -> None:
        with whole_folder(tmp_path / "out") as folder:
            (folder / "file").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fill()

    assert [] == _tree(tmp_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A directory with something in it, or a file, stays what it is."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    (tmp_path / "file").touch()

    for name in ("out", "file"):
        with pytest.raises(AlreadyExists, match="not empty"), whole_folder(tmp_path / name):
            pass

    assert ["file", "out", "out/mine"] == _tree(tmp_path)


def test_what_a_killed_process_left_goes_with_the_next(tmp_path: Path) -> None:
    """As long as its owner lives it stays; so does what only looks like it."""
    (tmp_path / ".out.backup").mkdir()
    (tmp_path / ".other.0123abcd").mkdir()
    command = [sys.executable, "-c", _FILL, str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert "filling\n" == owner.stdout.readline()
        with whole_folder(tmp_path / "out"):
            pass
        assert 1 == len(list(tmp_path.glob(".out.*/half")))
        (tmp_path / "out").rmdir()
        os.kill(owner.pid, signal.SIGKILL)

    with whole_folder(tmp_path / "out"):
        assert [] == list(tmp_path.glob(".out.*/half"))

    assert [".other.0123abcd", ".out.backup", "out"] == _tree(tmp_path)


def _tree(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))
