"""Keeps a family of processes alive: starts them, restarts the ones that die, ends them together.

A process that dies is started again after a pause that doubles with each death in a row, so that a crash loop costs
little and shows in its log. Children notice when their supervisor is gone and end by themselves (see `processes.py`).
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from homeostat.core.errors import Unavailable

PARENT_VARIABLE = "HOMEOSTAT_SUPERVISOR_PID"
_LOOK_EVERY_S = 0.05
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_CALM_S = 10.0  # a process that lived this long has recovered


class Child:
    """One supervised process."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self.restarts = 0
        self._arguments = list(arguments)
        self._log = log
        self._pause_s = _FIRST_PAUSE_S
        self._due = 0.0
        self._started = 0.0
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        self._started = time.monotonic()
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "homeostat", *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
            )

    def look(self) -> None:
        """Start the process again if it died and its pause is over."""
        if self.process.poll() is None:
            self._due = 0.0
            return
        now = time.monotonic()
        if not self._due:
            if now - self._started > _CALM_S:
                self._pause_s = _FIRST_PAUSE_S
            self._due = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        elif now >= self._due:
            self.restarts += 1
            self.process = self._start()

    def tail(self, lines: int = 15) -> str:
        """The end of the process's log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])


class Supervisor:
    """Owns its children from `start` to `stop`; use it as a context manager."""

    def __init__(self, commands: Mapping[str, Sequence[str]], logs: Path) -> None:
        self._commands = dict(commands)
        self._logs = logs
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self.children: dict[str, Child] = {}

    def start(self) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        for name, arguments in self._commands.items():
            self.children[name] = Child(name, arguments, self._logs / f"{name}.log")
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            for child in self.children.values():
                child.look()

    def check(self, *, most_restarts: int = 5) -> None:
        """Raise if a child is in a crash loop.

        Raises: Unavailable with the end of its log.
        """
        for child in self.children.values():
            if child.restarts > most_restarts:
                raise Unavailable(f"The {child.name} died {child.restarts} times. Its last words:\n{child.tail()}")

    def stop(self, patience_s: float = 10.0) -> None:
        """End every child: politely, then not."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for child in self.children.values():
            child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + patience_s
        for child in self.children.values():
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
