import sys
import time
from pathlib import Path

import msgspec
import pytest

from homeostat.capture.code import files
from homeostat.capture.environment import read_environment
from homeostat.capture.hardware import Hardware
from homeostat.capture.surroundings import Surroundings, capture
from homeostat.store.objects import FileObjects


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "objects")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "train.py").write_text("A = 1\n")
    return root


def test_everything_named_is_kept(project: Path, objects: FileObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each digest of the surroundings leads to what it names."""
    monkeypatch.setenv("PYTHONHASHSEED", "7")

    found = capture(project, objects)

    assert ["train.py"] == list(files(found.code, objects))
    assert read_environment(found.environment, objects).packages
    assert msgspec.json.decode(objects.read(found.hardware), type=Hardware).cores_logical >= 1
    assert (tuple(sys.argv), "7") == (found.argv, found.variables["PYTHONHASHSEED"])


def test_only_the_code_changes_with_the_code(project: Path, objects: FileObjects) -> None:
    """What stands still keeps its digest; the random generators stand still too when nobody draws."""
    before = capture(project, objects)
    (project / "train.py").write_text("A = 2\n")

    after = capture(project, objects)

    assert before.code != after.code
    assert before == msgspec.structs.replace(after, code=before.code)


def test_surroundings_are_json(project: Path, objects: FileObjects) -> None:
    """As a run's row keeps them."""
    found = capture(project, objects)

    assert found == msgspec.json.decode(msgspec.json.encode(found), type=Surroundings)


def test_settings_are_those_in_effect(project: Path, objects: FileObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no variable says so."""
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)

    found = capture(project, objects, entry="train:pipeline").settings

    assert ("random", "utf-8", "/".join(time.tzname)) == (found["hash_seed"], found["encoding"], found["time_zone"])
