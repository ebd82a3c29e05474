"""A try of a step in a process of its own, which can be stopped whatever the step does.

A fresh interpreter imports the step's module; arguments and results travel as stored objects, what the step logs
through a pipe. The process leads a group, so that its own children end with it, and it ends when its parent does.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec

from homeostat.core.clock import SECOND
from homeostat.core.digests import digest_of
from homeostat.core.durations import spoken
from homeostat.core.errors import InvalidDeclaration, Unavailable
from homeostat.pipelines.attempts import Made, perform
from homeostat.pipelines.code_digest import code_digest
from homeostat.pipelines.ports import TrackedRun
from homeostat.pipelines.records import Action
from homeostat.pipelines.steps import Step
from homeostat.pipelines.values import Values


def perform_apart(
    step: Step[..., Any],
    begun: Action,
    arguments: Mapping[str, Any],
    values: Values,
    run: TrackedRun,
    root: Path,
) -> Made:
    """As `perform`, in a process that is killed at the step's limit.

    Raises: TimeoutError naming the limit. Unavailable if the process dies. What `perform` raises.
    """
    assert step.timeout_us is not None, "who has no limit runs here"
    shipped = {name: values.shipped(begun.arguments[name], value) for name, value in arguments.items()}
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_work, args=(there, *_place(step), msgspec.structs.replace(begun, arguments=shipped), values, root)
    )
    process.start()
    there.close()
    try:
        return _followed(here, process, step.timeout_us, run)
    finally:
        _end(process)
        here.close()


def _followed(here: Connection, process: BaseProcess, timeout_us: int, run: TrackedRun) -> Made:
    deadline = time.monotonic() + timeout_us / SECOND
    tell: dict[str, Callable[..., None]] = {"log": run.log, "artifact": run.artifact}
    while here.poll(max(0.0, deadline - time.monotonic())):
        try:
            kind, args, named = here.recv()
        except EOFError:
            process.join()
            raise Unavailable(
                f"Its process ended with {process.exitcode} before the step did: out of memory, or a crash in native code."
            ) from None
        if kind == "made":
            return msgspec.msgpack.decode(args[0], type=Made)
        if kind == "raised":
            raise args[0]
        tell[kind](*args, **named)
    raise TimeoutError(
        f"not done after {spoken(timeout_us)}, its limit, and stopped. Raise timeout= or give it less to do"
    )


def _end(process: BaseProcess) -> None:
    if process.is_alive() and process.pid is not None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (AttributeError, ProcessLookupError):  # Windows; or it does not lead its group yet
            process.kill()
    process.join()


def _place(step: Step[..., Any]) -> tuple[str, str]:
    """Module and name under which another process finds the step."""
    function = step.function
    if "<locals>" in function.__qualname__:
        raise InvalidDeclaration(
            f"Step {step.name} has a timeout, so another process must find it, but it is defined inside a function. Move it to "
            f"the top level of its module."
        )
    return function.__module__, function.__qualname__


class _Relay:
    """The tracked run as the child sees it: told through the pipe. Safe for threads."""

    def __init__(self, run_id: str, pipe: Connection) -> None:
        self.id = run_id
        self._pipe = pipe
        self._lock = threading.Lock()

    def log(self, step: int | None = None, **metrics: float) -> None:
        self._send("log", step, **metrics)

    def artifact(self, name: str, source: bytes) -> None:
        self._send("artifact", name, source)

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        raise NotImplementedError(f"A step cannot finish its run ({status}, {error}): the pipeline does.")

    def _send(self, kind: str, *args: Any, **named: Any) -> None:
        with self._lock:
            self._pipe.send((kind, args, named))


def _work(pipe: Connection, module: str, name: str, begun: Action, values: Values, root: Path) -> None:
    """The child: find the step, perform it, tell what came of it."""
    if hasattr(os, "setsid"):
        os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    relay = _Relay(begun.run_id, pipe)
    try:
        found: Any = import_module("__mp_main__" if module == "__main__" else module)
        for part in name.split("."):
            found = getattr(found, part)
        _check_code(found, begun, root)
        arguments = {
            given: values.load(stored, found.hints.get(given, Any)) for given, stored in begun.arguments.items()
        }
        made = perform(found, begun, arguments, values, relay, root)
    except BaseException as error:  # noqa: BLE001 - what a step raises is for the parent to judge, SystemExit as well
        _flush()
        _tell_raised(pipe, error)
    else:
        _flush()
        pipe.send(("made", (msgspec.msgpack.encode(made),), {}))


def _check_code(step: Step[..., Any], begun: Action, root: Path) -> None:
    """What the parent loaded is what the key is made of; files may have been edited since."""
    if step.function.__module__ == "__mp_main__":
        return  # its names differ, and a script is read by both within the same second
    if digest_of(code_digest(step.function, root, step.hints.values()).parts) != begun.code:
        raise Unavailable(
            f"The files of step {step.name} were edited after this process loaded them, so its own process would run other "
            f"code. Start again."
        )


def _flush() -> None:
    """What the step printed; the parent may kill the process once it has the result."""
    sys.stdout.flush()
    sys.stderr.flush()


def _tell_raised(pipe: Connection, error: BaseException) -> None:
    error.add_note("".join(traceback.format_exception(error)))
    raised = error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
    try:
        pipe.send(("raised", (raised,), {}))
    except Exception:  # noqa: BLE001 - an exception that cannot travel
        plain = RuntimeError(f"{type(error).__name__}: {error}")
        plain.add_note(error.__notes__[-1])
        pipe.send(("raised", (plain,), {}))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "runs in a child only"
    parent.join()
    if hasattr(os, "killpg"):
        os.killpg(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGTERM)
