"""Steps with a limit run in a process of their own."""

import time
from typing import Any

import pytest

from homeostat.codec.tables import Dataset, Table
from homeostat.core.errors import StepFailed

SOURCE = """
import os
import time
import numpy as np
import homeostat as hs
from homeostat.codec.tables import Dataset, Table
from pathlib import Path

@hs.step(timeout="30s")
def summary(flights: Dataset, rows: Table, array: np.ndarray, options: dict[str, int]) -> tuple[Table, list[str]]:
    hs.current_run().log(loss=0.5)
    scale = int((Path(__file__).parent / "scale.txt").read_text())
    told = [str(os.getpid()), f"{flights.name}@{flights.version}", str(array.sum() * scale), str(options["a"])]
    return Table(rows.arrow()), told

@hs.step(timeout="200ms")
def slow() -> int:
    time.sleep(60)
    return 1

@hs.step(timeout="30s")
def dies() -> int:
    os._exit(7)

@hs.pipeline
def chain(flights: Dataset):
    return summary(flights, flights, np.ones(3), {"a": 4})[1]

@hs.pipeline
def endless(): return slow()

@hs.pipeline
def crash(): return dies()
"""


def dataset() -> Dataset:
    table = Table.of({"x": [1, 2]})
    return Dataset(table.arrow(), name="flights", version=3, origin=("dataset:flights@3",))


def test_values_metrics_and_reads_travel(workspace: Any, project: Any) -> None:
    """A step in its own process gets what it would get here, and what it reads counts as it would here."""
    project.write({"main": SOURCE})
    (project.root / "scale.txt").write_text("2")
    main = project.load()
    made = workspace.pipelines.run(main.chain, {"flights": dataset()})
    statuses = [workspace.pipelines.run(main.chain, {"flights": dataset()}).actions[0].status]
    (project.root / "scale.txt").write_text("3")
    again = workspace.pipelines.run(main.chain, {"flights": dataset()})

    pid, *told = workspace.pipelines.value(made.result)
    assert str(__import__("os").getpid()) != pid
    assert ["flights@3", "6.0", "4"] == told
    assert "9.0" == workspace.pipelines.value(again.result)[2]
    assert ["cached", "ran"] == [*statuses, again.actions[0].status]
    assert [(None, {"loss": 0.5})] == workspace.runs.runs[0].metrics


def test_limit_stops_the_step(workspace: Any, project: Any) -> None:
    """At its limit the process is killed, and the message names the limit."""
    project.write({"main": SOURCE})
    chain = project.load().endless
    begun = time.monotonic()
    with pytest.raises(
        StepFailed, match=r"Step slow failed in run run-0: TimeoutError: not done after 0\.2 s, its limit"
    ):
        workspace.pipelines.run(chain, {})

    assert time.monotonic() - begun < 30


def test_dead_process_is_told_of(workspace: Any, project: Any) -> None:
    """A process that dies takes nothing with it but its step."""
    project.write({"main": SOURCE})
    with pytest.raises(StepFailed, match="Its process ended with 7 before the step did"):
        workspace.pipelines.run(project.load().crash, {})
