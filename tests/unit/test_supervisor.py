"""The supervisor with real processes: what dies is started again, what ends, ends together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import homeostat
from homeostat.core.errors import Unavailable
from homeostat.supervisor import Supervisor
from homeostat.workspace import Config, Project, Workspace

pytestmark = pytest.mark.e2e
SOURCES = Path(homeostat.__file__).parents[1]
PATIENCE_S = 20.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "project", Config(project=Project(name="small"))).close()
    return tmp_path / "project"


@pytest.fixture(autouse=True)
def _sources_for_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))


def controller(project: Path) -> list[str]:
    return ["controller", "--project", str(project)]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


def is_up(log: Path) -> bool:
    return log.is_file() and "Looking after" in log.read_text()


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_killed_child_comes_back_and_stop_ends_all(project: Path, tmp_path: Path) -> None:
    """A child killed by `kill -9` is started again; the others live on; `stop` leaves none behind."""
    with Supervisor({"one": controller(project), "two": controller(project)}, tmp_path / "logs") as supervisor:
        one, two = supervisor.children["one"], supervisor.children["two"]
        pids = (one.process.pid, two.process.pid)

        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: one.restarts == 1 and one.process.poll() is None)
        wait_until(lambda: is_up(tmp_path / "logs" / "one.log") and is_up(tmp_path / "logs" / "two.log"))

        assert (pids[1], 0) == (two.process.pid, two.restarts)
        assert pids[0] != one.process.pid
        supervisor.check()
    # A controller ends in good order when it is asked to.
    assert (0, 0) == (one.process.returncode, two.process.returncode)


def test_crash_loop_slows_down_and_is_named(tmp_path: Path) -> None:
    """A child that dies at once is tried less and less often, and `check` shows its last words."""
    with Supervisor({"broken": ["no-such-command"]}, tmp_path / "logs") as supervisor:
        child = supervisor.children["broken"]
        wait_until(lambda: child.restarts >= 2)

        with pytest.raises(Unavailable, match=r"The broken died [23] times") as raised:
            supervisor.check(most_restarts=1)

        assert "no-such-command" in raised.value.message
        assert child._pause_s >= 0.4  # two pauses of 0.1 and 0.2 s lie behind it


def test_stubborn_child_is_killed(tmp_path: Path, project: Path) -> None:
    """A child that does not end when asked to is killed when patience is over."""
    with Supervisor({"stuck": controller(project)}, tmp_path / "logs") as supervisor:
        child = supervisor.children["stuck"]
        wait_until(lambda: is_up(tmp_path / "logs" / "stuck.log"))
        os.kill(child.process.pid, signal.SIGSTOP)  # it cannot hear SIGTERM any more

        supervisor.stop(patience_s=0.2)

        assert -signal.SIGKILL == child.process.returncode


SUPERVISING = """
import sys, time
from pathlib import Path
from homeostat.supervisor import Supervisor

with Supervisor({"child": ["controller", "--project", sys.argv[1]]}, Path(sys.argv[2])) as supervisor:
    print(supervisor.children["child"].process.pid, flush=True)
    time.sleep(600)
"""


def test_children_end_with_their_supervisor(project: Path, tmp_path: Path) -> None:
    """`kill -9` of the supervisor leaves no process behind."""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISING, str(project), str(tmp_path / "logs")], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    child = int(supervisor.stdout.readline())
    wait_until(lambda: is_up(tmp_path / "logs" / "child.log"))

    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()

    wait_until(lambda: is_gone(child))
