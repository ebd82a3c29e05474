"""How far a long command is: on a terminal a bar, elsewhere a line now and then; always on stderr."""

import time
from types import TracebackType
from typing import Self

import click

_QUIET_S = 2.0  # what takes no longer says nothing
_EVERY_S = 10.0


class Bar:
    """Told how many bytes are done, and of how many."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_terminal = click.get_text_stream("stderr").isatty()
        self._next_at = time.monotonic() + _QUIET_S
        self._is_shown = False

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + (0.2 if self._is_terminal else _EVERY_S)
        share = 100 * done // max(total, 1)
        line = f"{self._what}: {share:3d} %, {done:,} of {total:,} bytes"
        click.echo(f"\r{line}" if self._is_terminal else line, err=True, nl=not self._is_terminal)
        self._is_shown = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_shown and self._is_terminal:
            click.echo("", err=True)
