"""Tries of steps in processes of their own: several at once, as far as the machine goes, and each can be stopped."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec

from homeostat.core.clock import SECOND
from homeostat.core.durations import spoken
from homeostat.core.errors import InvalidDeclaration, Unavailable
from homeostat.core.ids import ActionId
from homeostat.pipelines.attempts import Made
from homeostat.pipelines.child import work
from homeostat.pipelines.executors import Task
from homeostat.pipelines.ports import TrackedRun
from homeostat.pipelines.resources import Resources
from homeostat.pipelines.steps import Step
from homeostat.pipelines.values import Values

AT_ONCE = 32  # tries that may wait for resources; the machine has fewer processors, as a rule
_LAST_WORDS = 20  # lines
_LAST_WORDS_S = 1.0  # what the step started and left behind may hold the other end for ever


class Processes:
    """An executor that starts a fresh interpreter for each try. Safe for threads.

    Args:
        resources: what all tries together may take.
    """

    def __init__(self, values: Values, run: TrackedRun, root: Path, resources: Resources) -> None:
        self._values = values
        self._run = run
        self._root = root
        self._resources = resources
        self._pool = ThreadPoolExecutor(AT_ONCE, "homeostat-step")
        self._lock = threading.Lock()
        self._working: dict[ActionId, BaseProcess] = {}
        self._cancelled: set[ActionId] = set()

    def submit(self, task: Task) -> Future[Made]:
        _place(task.step)  # said at once, not when there is room
        return self._pool.submit(self._perform, task)

    def cancel(self, action: ActionId) -> None:
        with self._lock:
            self._cancelled.add(action)
            process = self._working.get(action)
            if process is not None:
                _kill(process)

    def close(self) -> None:
        """Wait for what goes on, and begin nothing more."""
        self._pool.shutdown()

    def _perform(self, task: Task) -> Made:
        step, begun = task.step, task.begun
        with self._resources.lent(step.cpu or 1, step.memory_bytes or 0):
            shipped = {
                name: self._values.shipped(begun.arguments[name], value) for name, value in task.arguments.items()
            }
            context = multiprocessing.get_context("spawn")
            here, there = context.Pipe()
            heard, words = context.Pipe(duplex=False)
            begun = msgspec.structs.replace(begun, arguments=shipped)
            process = context.Process(target=work, args=(there, words, *_place(step), begun, self._values, self._root))
            with self._lock:
                if begun.id in self._cancelled:
                    raise CancelledError
                process.start()
                self._working[begun.id] = process
            there.close()
            words.close()
            listener = _Listener(heard)
            listener.start()
            try:
                return self._followed(here, process, step, listener)
            except Exception:
                if begun.id in self._cancelled:
                    raise CancelledError from None
                raise
            finally:
                with self._lock:
                    self._working.pop(begun.id)
                    _kill(process)
                process.join()
                here.close()
                listener.join(_LAST_WORDS_S)

    def _followed(self, here: Connection, process: BaseProcess, step: Step[..., Any], listener: "_Listener") -> Made:
        tell: dict[str, Callable[..., None]] = {"log": self._run.log, "artifact": self._run.artifact}
        deadline = None if step.timeout_us is None else time.monotonic() + step.timeout_us / SECOND
        while here.poll(None if deadline is None else max(0.0, deadline - time.monotonic())):
            try:
                kind, args, named = here.recv()
            except (EOFError, ConnectionError):
                raise Unavailable(_ended(process, listener)) from None
            if kind == "made":
                return msgspec.msgpack.decode(args[0], type=Made)
            if kind == "raised":
                raise args[0]
            tell[kind](*args, **named)
        assert step.timeout_us is not None, "who has no limit is waited for"
        raise TimeoutError(
            f"not done after {spoken(step.timeout_us)}, its limit, and stopped. Raise timeout= or give it less to do"
        )


class _Listener(threading.Thread):
    """Passes on what a process writes to stderr, and remembers the end of it."""

    def __init__(self, heard: Connection) -> None:
        super().__init__(daemon=True)
        self._heard = heard
        self.lines: deque[str] = deque(maxlen=_LAST_WORDS)

    def run(self) -> None:
        with os.fdopen(os.dup(self._heard.fileno()), errors="replace") as lines:
            for line in lines:
                self.lines.append(line.rstrip())
                sys.stderr.write(line)
        self._heard.close()


def _ended(process: BaseProcess, listener: _Listener) -> str:
    process.join()
    listener.join(_LAST_WORDS_S)
    code = process.exitcode or 0
    how = f"signal {signal.Signals(-code).name}" if code < 0 else str(code)
    said = "Its last words:\n" + "\n".join(listener.lines) if listener.lines else "It said nothing"
    return f"Its process ended with {how} before the step did: out of memory, or a crash in native code. {said}"


def _kill(process: BaseProcess) -> None:
    if process.is_alive() and process.pid is not None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (AttributeError, ProcessLookupError):  # Windows; or it does not lead its group yet
            process.kill()


def _place(step: Step[..., Any]) -> tuple[str, str]:
    """Module and name under which another process finds the step."""
    function = step.function
    if "<locals>" in function.__qualname__:
        raise InvalidDeclaration(
            f"Step {step.name} runs in a process of its own, which must find it, but it is defined inside a function. Move it "
            f"to the top level of its module."
        )
    return function.__module__, function.__qualname__
