"""The command line called in this process, and a project to call it in."""

import shutil
from pathlib import Path

import pytest

from command_line import Call, frame, in_process
from homeostat.data.contracts.infer import infer
from homeostat.workspace import Config, Project, Workspace


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return in_process(capsys)


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("example")
    with Workspace.create(root, Config(project=Project(name="example"))) as workspace:
        version = workspace.datasets.append("rows", frame(), source="first").version
        workspace.datasets.set_contract("rows", infer(workspace.datasets.read(version), name="rows"))
    return root


@pytest.fixture
def project(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the dataset `rows`, held to a contract; it is the current directory."""
    root = tmp_path / "project"
    shutil.copytree(example, root)
    monkeypatch.chdir(root)
    return root
