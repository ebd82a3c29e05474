"""How far a long command is: on a terminal a bar, elsewhere a line now and then; always on stderr."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click

_QUIET_S = 2.0  # what takes no longer says nothing
_EVERY_S = 10.0
_REDRAW_S = 0.2  # on a terminal


class _Line:
    """A line that is written over itself on a terminal."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_terminal = sys.stderr.isatty()
        self._next_at = time.monotonic() + _QUIET_S
        self._is_shown = False

    def _show(self, state: Callable[[], str]) -> None:
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + (_REDRAW_S if self._is_terminal else _EVERY_S)
        line = f"{self._what}: {state()}"
        click.echo(f"\r{line}" if self._is_terminal else line, err=True, nl=not self._is_terminal)
        self._is_shown = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_shown and self._is_terminal:
            click.echo("", err=True)


class Bar(_Line):
    """Told how many bytes, or whatever the unit is, are done, and of how many."""

    def __init__(self, what: str, unit: str = "bytes") -> None:
        super().__init__(what)
        self._unit = unit

    def __call__(self, done: int, total: int) -> None:
        self._show(lambda: f"{100 * done // max(total, 1):3d} %, {done:,} of {total:,} {self._unit}")


class Rows(_Line):
    """Told how many rows are done."""

    def __call__(self, done: int) -> None:
        self._show(lambda: f"{done:,} rows")


class Words(_Line):
    """Told in words how far it is; what is shorter than before is padded, to be written over it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self._longest = 0

    def __call__(self, words: str) -> None:
        self._longest = max(self._longest, len(words))
        self._show(lambda: words.ljust(self._longest) if self._is_terminal else words)
