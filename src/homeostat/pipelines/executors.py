"""Where a try of a step runs: in this thread, or in a process of its own.

What travels to an executor is an action, whose arguments are digests, and the values as far as they are at hand.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from homeostat.core.ids import ActionId
from homeostat.pipelines.attempts import Made, perform
from homeostat.pipelines.ports import TrackedRun
from homeostat.pipelines.records import Action
from homeostat.pipelines.steps import Step
from homeostat.pipelines.values import Values


class Task(NamedTuple):
    """A try.

    Attributes:
        begun: the action, whose `arguments` are the values as stored.
        arguments: the values as given.
    """

    step: Step[..., Any]
    begun: Action
    arguments: Mapping[str, Any]


class Executor(Protocol):
    """Runs tries. `tests/contract/test_executors.py` holds each implementation to it. Safe for threads."""

    def submit(self, task: Task) -> Future[Made]:
        """Begin a try.

        The future raises what the step raises, TimeoutError at its limit, Unavailable if its process dies, and
        CancelledError if it was cancelled. When it is done nothing of the try is left running.
        """
        ...

    def cancel(self, action: ActionId) -> None:
        """Stop the try of an action, if it goes on and can be stopped; who is not known is not missed."""
        ...


class Inline:
    """Runs a try in the calling thread: it is done when `submit` returns, and nobody can cancel it."""

    def __init__(self, values: Values, run: TrackedRun, root: Path) -> None:
        self._values = values
        self._run = run
        self._root = root

    def submit(self, task: Task) -> Future[Made]:
        future: Future[Made] = Future()
        try:
            future.set_result(perform(*task, self._values, self._run, self._root))
        except Exception as error:  # noqa: BLE001 - what a step raises is for the asker to judge
            future.set_exception(error)
        return future

    def cancel(self, action: ActionId) -> None:
        """Nothing goes on when somebody can ask."""
