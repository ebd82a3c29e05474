"""What a program prints while a run is open, kept as an artifact of the run."""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO, cast

from homeostat.track.run import Run

ARTIFACT = "output.txt"


class Output:
    """Copies stdout and stderr to a file until `stop`, which keeps it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._file = tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="replace")  # noqa: SIM115  closed by `stop`
        self._streams = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = (cast("TextIO", _Copied(stream, self._file)) for stream in self._streams)

    def stop(self) -> None:
        """Give the streams back, and keep what went through them."""
        sys.stdout, sys.stderr = self._streams
        with self._file:
            self._file.flush()
            self._run.artifact(ARTIFACT, Path(self._file.name))


class _Copied:
    """A stream that also writes to a file while that is open; all but writing is the stream's."""

    def __init__(self, stream: TextIO, file: Any) -> None:
        self._stream = stream
        self._file = file

    def write(self, text: str) -> int:
        if not self._file.closed:  # who took the stream meanwhile, such as a log handler, outlives the run
            self._file.write(text)
        return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
