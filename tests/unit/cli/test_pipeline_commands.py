"""`homeostat run` and `homeostat why`."""

import sys
from pathlib import Path

import pytest

from command_line import Call

WORK = """
import os
import homeostat as hs
from pathlib import Path

@hs.step
def firm() -> str: return Path(__file__).with_name("rate.txt").read_text()

@hs.step
def loose() -> int: return os.getpid()

@hs.pipeline
def chain(): return [firm(), loose()]
"""


@pytest.fixture
def work(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A pipeline of the project; gives its name."""
    (project / "cli_work.py").write_text(WORK)
    (project / "rate.txt").write_text("1")
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.delitem(sys.modules, "cli_work", raising=False)
    return "cli_work:chain"


def test_run_twice_labels_each_step(call: Call, work: str) -> None:
    """JSON says of each step whether a second time made the same, and what it read."""
    steps = call("run", work, "--twice", "--json").json["steps"]

    assert [("firm", "same"), ("loose", "differs")] == [(step["step"], step["repeated"]) for step in steps]
    assert [["file rate.txt"], []] == [step["observed"] for step in steps]


def test_why_shows_what_was_read(call: Call, work: str) -> None:
    """The inputs nobody declared are listed beside what changed."""
    call("run", work)

    assert "  reads file rate.txt" in call("why", "firm").out.splitlines()
