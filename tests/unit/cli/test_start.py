"""What a command loads before it does its work."""

import subprocess
import sys
from pathlib import Path

import pytest

from homeostat.workspace import Config, Project, Workspace

# Each takes longer to load than all that these commands do.
_HEAVY = frozenset({"numpy", "pyarrow", "polars", "pandas", "alembic", "scipy", "sklearn"})
_RUN = """
import sys
from homeostat.cli.app import app
code = app(sys.argv[1:])
print(code, *sys.modules, file=sys.stderr)
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A project beside a directory of two files, which it has as a dataset."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat").write_bytes(b"meow")
    (tmp_path / "photos" / "dog").write_bytes(b"x" * 100_000)
    with Workspace.create(tmp_path / "project", Config(project=Project(name="p"))) as workspace:
        workspace.filesets.add("photos", tmp_path / "photos")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "log",
        "log photos",
        "show photos",
        "tag photos best",
        "add photos ../photos",
        "add new ../photos",
        "verify photos",
        "checkout photos --to out",
    ],
)
def test_a_command_on_files_loads_no_tables(photos: Path, command: str) -> None:
    """Files and the list of versions need neither arrays nor tables, so that these commands begin at once."""
    asked = [sys.executable, "-c", _RUN, "data", *command.split()]
    done = subprocess.run(asked, cwd=photos / "project", capture_output=True, text=True, check=True)
    code, *modules = done.stderr.splitlines()[-1].split()

    assert ("0", set()) == (code, _HEAVY & set(modules))
