"""What a command loads before it does its work."""

import json
import subprocess
import sys
from pathlib import Path

from homeostat.workspace import Config, Project, Workspace

# Each of `heavy` takes longer to load than all that these commands do.
_RUN = """
import json, sys
from homeostat.cli.app import app
heavy = {"numpy", "pyarrow", "polars", "pandas", "alembic", "scipy", "sklearn", "rich"}
codes = {}
for line in sys.argv[1:]:
    codes[line] = app(["data", *line.split()]), sorted(heavy & set(sys.modules))
print(json.dumps(codes), file=sys.stderr)
"""
_COMMANDS = (
    "log",
    "log photos",
    "show photos",
    "tag photos best",
    "add photos ../photos",
    "add new ../photos",
    "verify photos",
    "checkout photos --to out",
)


def test_a_command_on_files_loads_no_tables(tmp_path: Path) -> None:
    """Files and the list of versions need neither arrays nor tables, so that these commands begin at once."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat").write_bytes(b"meow")
    (tmp_path / "photos" / "dog").write_bytes(b"x" * 100_000)
    with Workspace.create(tmp_path / "project", Config(project=Project(name="p"))) as workspace:
        workspace.filesets.add("photos", tmp_path / "photos")

    asked = [sys.executable, "-c", _RUN, *_COMMANDS]
    done = subprocess.run(asked, cwd=tmp_path / "project", capture_output=True, text=True, check=True)

    assert {command: [0, []] for command in _COMMANDS} == json.loads(done.stderr.splitlines()[-1])
