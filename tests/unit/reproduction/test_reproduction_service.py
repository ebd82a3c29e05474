"""What a reproduction refuses before it begins; that models come out the same is for the tests with real processes."""

from pathlib import Path

import pytest

from homeostat.core.errors import AlreadyExists
from homeostat.reproduction.service import reproduce
from homeostat.workspace import Config, Project, Workspace


def test_what_is_kept_replaces_nothing(tmp_path: Path) -> None:
    """A directory that holds something is refused before anything is installed or made."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "notes.txt").write_text("mine")
    with (
        Workspace.create(tmp_path / "project", Config(project=Project(name="small"))) as workspace,
        pytest.raises(AlreadyExists, match="--keep DIR"),
    ):
        reproduce(workspace, "late-flights@1", keep=kept)

    assert [kept / "notes.txt"] == list(kept.iterdir())
