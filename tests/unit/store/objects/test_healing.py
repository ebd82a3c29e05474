import pickle
from pathlib import Path

import pytest

from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, NotFound
from homeostat.store.objects import FileObjects
from homeostat.store.objects.folder import FolderRemote
from homeostat.store.objects.healing import HealingObjects


@pytest.fixture
def remote(tmp_path: Path) -> FolderRemote:
    return FolderRemote(tmp_path / "remote", create=True)


@pytest.fixture
def store(tmp_path: Path, remote: FolderRemote) -> HealingObjects:
    return HealingObjects(tmp_path / "objects", lambda: [remote])


@pytest.fixture
def rows(store: HealingObjects, remote: FolderRemote) -> Digest:
    """An object that is here and on the remote."""
    digest = store.put(b"rows")
    remote.send(digest, store)
    return digest


def test_damaged_object_comes_back_when_it_is_read(
    store: HealingObjects, rows: Digest, caplog: pytest.LogCaptureFixture
) -> None:
    """A reader never sees the damage, the log does, and the next reader finds the object mended."""
    store.path(rows).write_bytes(b"r0ws")

    assert b"rows" == store.read(rows)
    assert "came back from" in caplog.text
    assert b"rows" == store.path(rows).read_bytes()


def test_missing_object_comes_back_for_a_path(store: HealingObjects, rows: Digest) -> None:
    """Whoever maps an object into memory gets one that was lost, too."""
    store.path(rows).unlink()

    assert b"rows" == store.path(rows).read_bytes()


def test_damage_everywhere_is_an_error(store: HealingObjects, remote: FolderRemote, rows: Digest) -> None:
    """A damaged copy mends nothing: the error is that of the store, with what the remote has."""
    for objects in (store, remote._objects):
        objects.path(rows).write_bytes(b"r0ws")

    with pytest.raises(CorruptObject, match="the copy is damaged too"):
        store.read(rows)


def test_what_no_remote_has_is_missing(store: HealingObjects) -> None:
    """An object that nobody has is not found."""
    with pytest.raises(NotFound, match="does not have it either"):
        store.read(Digest("0" * 64))


def test_remotes_are_not_asked_for_nothing(tmp_path: Path) -> None:
    """A store that has its objects never opens a remote."""
    store = HealingObjects(tmp_path / "objects", lambda: pytest.fail("A remote was opened."))

    assert b"rows" == store.read(store.put(b"rows"))


def test_failed_mending_leaves_what_was_there(tmp_path: Path) -> None:
    """What comes from elsewhere replaces an object only if it is that object."""
    store = FileObjects(tmp_path / "objects")
    digest = store.put(b"rows")

    with pytest.raises(CorruptObject, match="Nothing was changed"):
        store.receive(digest, [b"other"])
    assert b"rows" == store.read(digest)


def test_sent_to_another_process_it_reads_what_is_here(store: HealingObjects, rows: Digest) -> None:
    """A process of a step gets plain objects: the project with its remotes and database stays where it is."""
    assert b"rows" == pickle.loads(pickle.dumps(store)).read(rows)
