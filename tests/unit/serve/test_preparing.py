"""Models made ready: verified, written out, with an environment. That one is really installed is for the e2e tests."""

from pathlib import Path

import pytest
import yaml

from homeostat.capture import installing
from homeostat.codec.model_folders import write_folder
from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, NotFound, Unavailable
from homeostat.serve.preparing import prepare
from homeostat.store.objects import FileObjects

# A uv that makes folders and installs nothing, but keeps what it was told to.
WORKING = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/asked"
"""
FAILING = """#!/bin/sh
[ "$2" = venv ] && exit 0
echo "Because there is no version of ark==9 and you require ark==9, requirements are unsatisfiable." >&2
exit 1
"""


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(installing, "find_uv_bin", lambda: str(tmp_path / "bin" / "uv"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    write(tmp_path / "bin" / "uv", WORKING)
    return tmp_path / "bin" / "uv"


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "objects")


def write(uv: Path, script: str) -> None:
    uv.write_text(script)
    uv.chmod(0o755)


def logged(objects: FileObjects, python: str = "", requirements: bytes = b"ark==9\n") -> Digest:
    """A folder as a client logs it."""
    function = {"loader_module": "mlflow.sklearn", "python_version": python}
    files = {
        "MLmodel": yaml.safe_dump({"flavors": {"python_function": function}, "mlflow_version": "3.1.0"}).encode(),
        "requirements.txt": requirements,
        "data/model.pkl": b"pickle",
    }
    return objects.put(write_folder({path: objects.put(content) for path, content in files.items()}))


def test_a_logged_model_gets_an_environment_of_its_own(uv: Path, objects: FileObjects, tmp_path: Path) -> None:
    """From its requirements; its worker is started there, isolated, with the folder to load."""
    model = logged(objects)

    found = prepare(model, objects, tmp_path / "run")

    python = Path(found.command[0])
    assert (
        "ark==9\nmlflow-skinny==3.1.0\nmsgspec\nnumpy\npandas\n" == (python.parents[1] / "requirements.txt").read_text()
    )
    assert (tmp_path / "run" / "models" / model, b"pickle") == (
        Path(found.load.model),
        Path(found.load.model, "data/model.pkl").read_bytes(),
    )
    assert (False, (("*", "row"),)) == (found.is_ours, found.load.columns)


def test_an_environment_is_shared_by_equal_requirements(uv: Path, objects: FileObjects, tmp_path: Path) -> None:
    """Another model with the same needs starts at once, without an installer."""
    first = prepare(logged(objects), objects, tmp_path / "run")
    uv.unlink()

    second = prepare(logged(objects, requirements=b"ark==9\n\n"), objects, tmp_path / "other")

    assert first.command == second.command


def test_another_python_is_asked_of_uv(uv: Path, objects: FileObjects, tmp_path: Path) -> None:
    """In the version that the model was logged with, without its patch."""
    prepare(logged(objects, python="3.9.18"), objects, tmp_path / "run")

    assert "venv --allow-existing --python 3.9 " in (uv.parent / "asked").read_text()


def test_what_cannot_be_installed_is_named(uv: Path, objects: FileObjects, tmp_path: Path) -> None:
    """The requirement, and the Python that was wanted; nothing is left behind, so that it can be tried again."""
    write(uv, FAILING)

    with pytest.raises(Unavailable, match=r"Python 3\.9; ark==9, mlflow-skinny==3\.1\.0.*no version of ark==9"):
        prepare(logged(objects, python="3.9.18"), objects, tmp_path / "run")

    assert [] == list((tmp_path / "cache" / "homeostat" / "environments").iterdir())


def test_a_changed_file_is_written_again(uv: Path, objects: FileObjects, tmp_path: Path) -> None:
    """Every file is verified before each load; one that was put there is no part of the model."""
    folder = Path(prepare(logged(objects), objects, tmp_path / "run").load.model)
    (folder / "data" / "model.pkl").chmod(0o644)
    (folder / "data" / "model.pkl").write_bytes(b"poison")
    (folder / "sitecustomize.py").write_text("import os")

    prepare(logged(objects), objects, tmp_path / "run")

    assert b"pickle" == (folder / "data" / "model.pkl").read_bytes()
    assert not (folder / "sitecustomize.py").exists()


def test_a_damaged_object_is_not_loaded(uv: Path, objects: FileObjects, tmp_path: Path) -> None:
    """Bytes that are not what their digest says are never written where a worker loads from."""
    model = logged(objects)
    damaged = objects.path(objects.put(b"pickle"))
    damaged.chmod(0o644)
    damaged.write_bytes(b"poison")

    with pytest.raises(CorruptObject):
        prepare(model, objects, tmp_path / "run")

    assert [] == list((tmp_path / "run" / "models").iterdir())


def test_a_version_kept_elsewhere_cannot_run(objects: FileObjects, tmp_path: Path) -> None:
    """The error says what to do."""
    with pytest.raises(NotFound, match="Log the model with this server"):
        prepare(Digest(""), objects, tmp_path / "run")
