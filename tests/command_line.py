"""Calling the command line in tests: in this process, or as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from homeostat.cli.app import app

ROWS = 200


class Answer(msgspec.Struct, frozen=True):
    """What one call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Everything on stdout, which must be one JSON value."""
        return json.loads(self.out)


Call = Callable[..., Answer]


def in_process(capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls that run in this process."""

    def call(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        code = app([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return call


def process(*arguments: str | Path, cwd: Path, timeout_s: float = 120) -> Answer:
    """Run `python -m homeostat ...` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "homeostat", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def frame(rows: int = ROWS) -> pl.DataFrame:
    """Rows of a small feed."""
    return pl.DataFrame(
        {
            "distance": [100.0 + row % 10 for row in range(rows)],
            "carrier": [("AA", "UA")[row % 2] for row in range(rows)],
            "late": [row % 3 == 0 for row in range(rows)],
        }
    )
