"""What a program prints while a run is open, kept as an artifact of the run."""

import sys
import tempfile
from collections.abc import Iterable
from typing import Any, TextIO, cast

from homeostat.track.run import Run

_ARTIFACT = "output.txt"


class Output:
    """Copies stdout and stderr to a file until `stop`, which keeps it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  closed by `stop`
        self._streams = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = (cast("TextIO", _Copied(stream, self._file)) for stream in self._streams)

    def stop(self) -> None:
        """Give the streams back, and keep what went through them."""
        sys.stdout, sys.stderr = self._streams
        self._file.seek(0)
        with self._file:
            self._run.text(_ARTIFACT, self._file.read())


class _Copied:
    """A stream that also writes to a file; all but writing is the stream's."""

    def __init__(self, stream: TextIO, file: TextIO) -> None:
        self._stream = stream
        self._file = file

    def write(self, text: str) -> int:
        self._file.write(text)
        return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
