"""The process of a step: what its parent starts, and what ends with it.

A fresh interpreter imports the step's module; arguments and results travel as stored objects, what the step logs
through a pipe. The process leads a group, so that its own children end with it, and it ends when its parent does.
"""

import ctypes
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from homeostat.core.digests import digest_of
from homeostat.core.errors import Unavailable
from homeostat.pipelines.attempts import perform
from homeostat.pipelines.code_digest import code_digest
from homeostat.pipelines.records import Action
from homeostat.pipelines.steps import Step
from homeostat.pipelines.values import Values

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


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


def work(
    pipe: Connection, words: Connection, module: str, name: str, begun: Action, values: Values, root: Path
) -> None:
    """The child: find the step, perform it, tell what came of it.

    Args:
        pipe: takes what is logged, and what came of it.
        words: takes what is written to stderr, also by native code and by children.
    """
    if hasattr(os, "setsid"):
        os.setsid()
    os.dup2(words.fileno(), 2)
    faulthandler.enable()
    _end_with_parent()
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
            f"Step {step.name} is not the same in a fresh process: its files were edited, or something changed its modules, "
            f"after they were loaded. Start again; what a step needs is set where its module is imported."
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
    """Also where native code holds the interpreter's lock, on Linux; elsewhere as soon as it lets go."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "runs in a child only"
    parent.join()
    if hasattr(os, "killpg"):
        os.killpg(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGTERM)
