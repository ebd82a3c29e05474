"""Steps in processes of their own when the pipeline's process is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

WORK = """
import os
import time
import homeostat as hs
from pathlib import Path

@hs.step(executor="process")
def first(n: int) -> int:
    Path(f"first-{n}-{time.monotonic_ns()}").touch()
    return n

@hs.step(executor="process")
def second(numbers: list[int]) -> int:
    Path("pid").write_text(str(os.getpid()))
    while not Path("go").exists():
        time.sleep(0.01)
    return sum(numbers)

@hs.pipeline
def chain() -> int:
    return second(first.map(n=[1, 2, 3]))
"""
SCRIPT = """
from pathlib import Path
from homeostat.workspace import CONFIG_FILE, Config, Project, Workspace
from work import chain

root = Path.cwd()
if __name__ == "__main__":
    made = (root / CONFIG_FILE).exists()
    with Workspace.open(root) if made else Workspace.create(root, Config(project=Project(name="p"))) as workspace:
        run = workspace.pipelines.run(chain, {})
        print([action.status for action in run.actions], workspace.pipelines.value(run.result))
"""


def test_killed_run_leaves_no_child_and_resumes(tmp_path: Path) -> None:
    """kill -9 of the parent ends its steps' processes; the rerun finds what was committed and goes on behind it."""
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py"]
    parent = subprocess.Popen(command, cwd=tmp_path)
    pid = tmp_path / "pid"
    deadline = time.monotonic() + 120
    while not (pid.exists() and pid.read_text()):
        assert parent.poll() is None and time.monotonic() < deadline  # noqa: PT018  (one wait)
        time.sleep(0.02)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    child = int(pid.read_text())
    while _is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (tmp_path / "go").touch()
    again = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)

    assert "['cached', 'cached', 'cached', 'ran'] 6" == again.stdout.strip()
    assert 3 == len(list(tmp_path.glob("first-*")))


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" != Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
