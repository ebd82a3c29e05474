"""Projects: found upwards, made once, read with errors that name what is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeostat.core.errors import AlreadyExists, InvalidDeclaration, InvalidName, NotFound, NoWorkspace
from homeostat.workspace import Config, Project, Store, Workspace
from loop_world import forget


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "project"
    root.mkdir()
    yield root
    forget(root)


def with_systems(root: Path, *systems: str) -> Workspace:
    return Workspace(root, Config(project=Project(name="small", systems=systems)))


def test_found_from_a_folder_below(root: Path) -> None:
    """A command run deep inside a project finds it."""
    deep = root / "src" / "deep"
    deep.mkdir(parents=True)
    Workspace.create(root, Config(project=Project(name="small"))).close()

    with Workspace.find(deep) as workspace:
        assert root.resolve() == workspace.root


def test_the_nearest_project_is_found(root: Path) -> None:
    """A project within a project is itself."""
    inner = root / "inner"
    Workspace.create(root, Config(project=Project(name="outer"))).close()
    Workspace.create(inner, Config(project=Project(name="inner"))).close()

    with Workspace.find(inner) as workspace:
        assert "inner" == workspace.config.project.name


def test_no_project_here_or_above(root: Path) -> None:
    """Without a project the message names the folder and how to make one."""
    with pytest.raises(NoWorkspace, match="homeostat init") as raised:
        Workspace.find(root)

    assert str(root.resolve()) in raised.value.message


def test_opening_what_is_no_project(root: Path) -> None:
    """Opening a folder that is none makes nothing in it."""
    with pytest.raises(NoWorkspace, match=r"it has no homeostat\.toml"):
        Workspace.open(root)

    assert [] == list(root.iterdir())


@pytest.mark.parametrize(
    "config",
    [
        Config(project=Project(name="small")),
        Config(
            project=Project(name="small", systems=("a:system", "b.c:other"), weeks_from="2013-01-01"),
            store=Store(clock="watermark"),
        ),
        Config(project=Project(name="small"), store=Store(objects='../the "shared" \\ 🗄')),
    ],
)
def test_what_was_created_is_read_back(root: Path, config: Config) -> None:
    """The written homeostat.toml says what the project was created with."""
    Workspace.create(root, config).close()

    with Workspace.open(root) as workspace:
        assert config == workspace.config


def test_database_elsewhere(root: Path, tmp_path: Path) -> None:
    """A database URL of one's own is kept, and used."""
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    Workspace.create(root, Config(project=Project(name="small"), store=Store(database=url))).close()

    with Workspace.open(root) as workspace:
        assert url == workspace.database.url
    assert (tmp_path / "elsewhere.db").is_file()


def test_creating_twice(root: Path) -> None:
    """An existing project is never overwritten."""
    Workspace.create(root, Config(project=Project(name="small"))).close()
    before = (root / "homeostat.toml").read_bytes()

    with pytest.raises(AlreadyExists, match="is there already"):
        Workspace.create(root, Config(project=Project(name="other")))

    assert before == (root / "homeostat.toml").read_bytes()


def test_name_that_cannot_be_one(root: Path) -> None:
    """A project whose name cannot be one is not created at all."""
    with pytest.raises(InvalidName, match=r"'\.\./small'"):
        Workspace.create(root, Config(project=Project(name="../small")))

    assert [] == list(root.iterdir())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[project", "homeostat.toml"),
        ("", "project"),
        ("[project]\nsystems = []", "name"),
        ('[project]\nname = "small"\nsystem = "a:b"', "system"),
        ('[project]\nname = "small"\n[store]\nclock = "sundial"', "sundial"),
    ],
    ids=["no toml", "empty", "no name", "unknown field", "unknown clock"],
)
def test_wrong_toml(root: Path, text: str, named: str) -> None:
    """A homeostat.toml that cannot be read is named, with what is wrong in it and what it needs."""
    (root / "homeostat.toml").write_text(text)

    with pytest.raises(InvalidDeclaration, match="It needs \\[project\\]") as raised:
        Workspace.open(root)

    assert named in raised.value.message


def test_systems_are_imported_from_beside_the_toml(root: Path) -> None:
    """A module beside homeostat.toml is found wherever the command was run."""
    (root / "my_system.py").write_text(
        "import homeostat as hs\n"
        "@hs.pipeline\n"
        "def train(rows: hs.Dataset) -> hs.Candidate: ...\n"
        "system = hs.System(name='small', pipeline=train, data={'rows': hs.window()})\n"
    )

    assert ["small"] == list(with_systems(root, "my_system:system").systems)


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("no_such_module:system", NotFound, "No module named 'no_such_module'"),
        ("there:other", NotFound, "module there has no 'other'"),
        ("there", NotFound, "module there has no ''"),
        ("there:system", InvalidDeclaration, "there:system is a int, not a System"),
    ],
)
def test_system_path_that_leads_nowhere(root: Path, path: str, error: type[Exception], says: str) -> None:
    """A wrong path in homeostat.toml is named together with what was found instead."""
    (root / "there.py").write_text("system = 42\n")

    with pytest.raises(error, match=says) as raised:
        _ = with_systems(root, path).systems

    assert path in str(raised.value)
