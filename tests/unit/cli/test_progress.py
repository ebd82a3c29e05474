"""How far a long command is."""

from pathlib import Path

import pytest

from command_line import Call
from homeostat.cli.data import progress
from homeostat.cli.data.progress import Bar


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that say how far they are at once and each time."""
    for name in ("_QUIET_S", "_EVERY_S", "_REDRAW_S"):
        monkeypatch.setattr(progress, name, 0.0)


@pytest.mark.usefixtures("impatient")
def test_a_terminal_gets_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The line is written over itself, and ended when the work is."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    with Bar("reading") as bar:
        bar(0, 2000)
        bar(1000, 2000)

    assert "\rreading:   0 %, 0 of 2,000 bytes\rreading:  50 %, 1,000 of 2,000 bytes\n" == capsys.readouterr().err


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """What is done in a moment needs no progress."""
    with Bar("reading") as bar:
        bar(1, 1)

    assert "" == capsys.readouterr().err


@pytest.mark.usefixtures("impatient")
def test_files_and_rows_are_counted_on_the_way(call: Call, project: Path) -> None:
    """Adding, writing out and checking say on stderr how many bytes of files and how many rows are done."""
    Path("photos").mkdir()
    Path("photos/cat").write_bytes(b"meow" * 25)
    commands = {
        ("add", "photos", "photos"): "adding photos: 100 %, 100 of 100 bytes",
        ("checkout", "photos", "--to", "out"): "writing out: 100 %, 100 of 100 bytes",
        ("verify", "photos"): "reading photos@1: 100 %, 100 of 100 bytes",
        ("checkout", "rows", "--to", "rows.parquet"): "writing rows.parquet: 100 %, 200 of 200 rows",
        ("verify", "rows"): "reading rows@1: 100 %, 200 of 200 rows",
    }

    said = {words: call("data", *words).err.strip().splitlines()[-1] for words in commands}

    assert commands == said
