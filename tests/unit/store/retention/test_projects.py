from pathlib import Path

import pytest

from homeostat.core.errors import CorruptObject
from homeostat.store.retention.projects import register, registered


def test_projects_of_a_shared_store(tmp_path: Path) -> None:
    """A store knows each project once, and never a password."""
    for name in ("one", "two", "two"):
        register(tmp_path / "store", name, tmp_path / name, "postgresql+psycopg://me:secret@host/db")

    found = [one for _, one in registered(tmp_path / "store")]

    assert {("one", str(tmp_path / "one")), ("two", str(tmp_path / "two"))} == {(one.name, one.root) for one in found}
    assert 2 == len(found)
    assert not any("secret" in path.read_text() for path in (tmp_path / "store").rglob("*.json"))


def test_project_with_its_own_store_can_be_moved(tmp_path: Path) -> None:
    """A project that is moved or copied with its store is found where it is."""
    register(tmp_path / "before" / ".homeostat" / "objects", "one", tmp_path / "before", "sqlite:///x.db")
    (tmp_path / "before").rename(tmp_path / "after")

    [(_, found)] = registered(tmp_path / "after" / ".homeostat" / "objects")

    assert str(tmp_path / "after") == found.root


def test_unreadable_registration_is_named(tmp_path: Path) -> None:
    """A file that may name a project is not passed over."""
    register(tmp_path, "one", Path("/elsewhere"), "sqlite:///x.db")
    [path] = (tmp_path / "projects").iterdir()
    path.write_text("{")

    with pytest.raises(CorruptObject, match="Nothing was deleted"):
        registered(tmp_path)
