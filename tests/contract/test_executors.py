"""What every executor of steps promises, held for each implementation."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any, cast

import pytest

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest, digest_of
from homeostat.core.errors import InvalidDeclaration, Unavailable
from homeostat.core.ids import ActionId
from homeostat.pipelines.attempts import Made
from homeostat.pipelines.code_digest import code_digest
from homeostat.pipelines.executors import Executor, Inline, Task
from homeostat.pipelines.ports import TrackedRun
from homeostat.pipelines.processes import Processes
from homeostat.pipelines.records import Action, Observed
from homeostat.pipelines.resources import Resources
from homeostat.pipelines.steps import Step, current_run, step
from homeostat.pipelines.values import Values
from homeostat.store.objects import FileObjects

Submit = Callable[..., Future[Made]]


@step(executor="process")
def twice(number: int) -> int:
    # No assert: pytest rewrites those in this process only, and the executor notices that the code differs.
    cast("TrackedRun", current_run()).log(number=number)
    return 2 * number


@step(executor="process")
def fails(number: int) -> int:
    raise ValueError(f"no {number}")


@step(executor="process")
def reads(path: str) -> str:
    return Path(path).read_text()


@step(executor="process")
def crashes(number: int) -> int:
    sys.stderr.write("out of cheese\n")
    sys.stderr.flush()
    os._exit(number)


@step(executor="process")
def sleeps(path: str) -> int:
    Path(path).write_text(str(os.getpid()))
    time.sleep(60)
    return 0


@step(executor="process")
def leaves_behind(path: str) -> int:
    """Its child holds stderr, in a session that does not end with the step."""
    Path(path).write_text(str(subprocess.Popen(["sleep", "60"], start_new_session=True).pid))
    return 1


class Run:
    """A tracked run in memory."""

    id = "run-1"

    def __init__(self) -> None:
        self.metrics: list[dict[str, float]] = []

    def log(self, step: int | None = None, **metrics: float) -> None:
        self.metrics.append(metrics)

    def artifact(self, name: str, source: bytes) -> None:
        raise NotImplementedError

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        raise NotImplementedError


def task(work: Step[..., Any], values: Values, root: Path, **arguments: Any) -> Task:
    """A try of a step, as a run would begin it."""
    action = Action(
        id=ActionId(f"action-{work.name}"),
        run_id="run-1",
        pipeline="p",
        step=work.name,
        position=0,
        key=Digest("k"),
        status="ran",
        made_by=ActionId("action-1"),
        outputs=(),
        arguments={name: values.argument(value, Any, name) for name, value in arguments.items()},
        code=digest_of(code_digest(work.function, root, work.hints.values()).parts),
        environment=Digest("e"),
        variables={},
        observed=Observed(),
        error="",
        at=Micros(0),
        started_wall=0.0,
        finished_wall=0.0,
    )
    return Task(work, action, arguments)


class ExecutorContract:
    """Give `executor`."""

    @pytest.fixture
    def run(self) -> Run:
        return Run()

    @pytest.fixture
    def values(self, tmp_path: Path) -> Values:
        return Values(FileObjects(tmp_path / "objects"), Digest("c"), tmp_path / "code")

    @pytest.fixture
    def submit(self, executor: Executor, values: Values, tmp_path: Path) -> Submit:
        return lambda work, **arguments: executor.submit(task(work, values, tmp_path, **arguments))

    def test_result_and_metrics_come_back(self, submit: Submit, values: Values, run: Run) -> None:
        """What a step returns is kept, and what it logs reaches its run."""
        made = submit(twice, number=21).result()

        assert [42] == [values.load(stored) for stored in made.outputs]
        assert [{"number": 21}] == run.metrics

    def test_what_a_step_raises_is_raised(self, submit: Submit) -> None:
        """The future raises the step's own error."""
        with pytest.raises(ValueError, match="no 7"):
            submit(fails, number=7).result()

    def test_reads_are_observed(self, submit: Submit, tmp_path: Path) -> None:
        """What a step reads beside its arguments is told, wherever it runs."""
        path = tmp_path / "config.txt"
        path.write_text("a")
        made = submit(reads, path=str(path)).result()

        assert ["config.txt"] == list(made.observed.files)

    def test_cancelling_who_is_not_known_does_nothing(self, executor: Executor, submit: Submit, values: Values) -> None:
        """A try that has come to its end can no longer be stopped."""
        executor.cancel(ActionId("action-0"))

        assert 4 == values.load(submit(twice, number=2).result().outputs[0])


class TestInline(ExecutorContract):
    """In the thread of the caller."""

    @pytest.fixture
    def executor(self, values: Values, run: Run, tmp_path: Path) -> Executor:
        return Inline(values, run, tmp_path)

    def test_done_at_once(self, submit: Submit) -> None:
        """There is nothing to wait for."""
        assert submit(twice, number=1).done()


class TestProcesses(ExecutorContract):
    """In a process of its own."""

    @pytest.fixture
    def executor(self, values: Values, run: Run, tmp_path: Path) -> Iterator[Executor]:
        made = Processes(values, run, tmp_path, Resources(2, 0))
        yield made
        made.close()

    def test_crash_is_told_with_last_words(self, submit: Submit) -> None:
        """A process that dies says how, and what it wrote last."""
        with pytest.raises(Unavailable, match=r"(?s)ended with 9 before the step did.*out of cheese"):
            submit(crashes, number=9).result()

    def test_cancelled_try_ends(self, executor: Executor, submit: Submit, tmp_path: Path) -> None:
        """Who is cancelled is killed, and its future says so."""
        path = tmp_path / "pid"
        future = submit(sleeps, path=str(path))
        while not (path.exists() and path.read_text()):
            time.sleep(0.01)
        executor.cancel(ActionId("action-sleeps"))

        with pytest.raises(CancelledError):
            future.result()
        assert not Path("/proc", path.read_text()).exists()

    def test_what_a_step_leaves_behind_is_not_waited_for(self, submit: Submit, tmp_path: Path) -> None:
        """A program that outlives the step, and holds its stderr, does not hold up the result."""
        path = tmp_path / "pid"
        try:
            submit(leaves_behind, path=str(path)).result(timeout=30)
        finally:
            os.kill(int(path.read_text()), signal.SIGKILL)

    def test_step_inside_a_function_is_refused_at_once(self, submit: Submit) -> None:
        """Another process could not find it."""

        @step(executor="process")
        def local(number: int) -> int:
            return number

        with pytest.raises(InvalidDeclaration, match="defined inside a function"):
            submit(local, number=1)
