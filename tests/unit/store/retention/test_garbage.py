import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from homeostat.core.digests import Digest
from homeostat.core.errors import NotAllowed
from homeostat.store.objects import FileObjects
from homeostat.store.retention.garbage import check_grace, collect

DAY = 86_400.0


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "objects")


def aged(objects: FileObjects, content: bytes, days: float) -> Digest:
    """An object that was put so many days ago."""
    digest = objects.put(content)
    at = time.time() - days * DAY
    os.utime(objects.path(digest), (at, at))
    return digest


def before() -> float:
    return time.time() - 14 * DAY


def test_only_what_is_unneeded_and_old_goes(objects: FileObjects) -> None:
    """What is needed stays however old it is, and what is young stays though nothing needs it yet."""
    needed, young, old = aged(objects, b"needed", 90), aged(objects, b"young", 13), aged(objects, b"old", 15)

    found = collect(objects, lambda: {needed}, before=before(), apply=True)

    assert ((old,), 3, 1, 5) == (found.unneeded, found.unneeded_bytes, found.waiting, found.waiting_bytes)
    assert {needed, young} == set(objects.digests())


def test_nothing_is_deleted_unless_asked(objects: FileObjects) -> None:
    """Without `apply` the same is found, and stays."""
    old = aged(objects, b"old", 15)

    found = collect(objects, set, before=before(), apply=False)

    assert ((old,), False) == (found.unneeded, found.is_applied)
    assert [old] == list(objects.digests())


@pytest.mark.parametrize(
    "ask", [FileObjects.has, lambda objects, _: objects.put(b"old"), lambda objects, _: objects.put(iter([b"old"]))]
)
def test_what_is_wanted_again_stays(objects: FileObjects, ask: Callable[[FileObjects, Digest], object]) -> None:
    """Whoever is told, while the collector works, that an object is there can rely on it."""
    old = aged(objects, b"old", 15)

    def marked() -> set[Digest]:
        ask(objects, old)
        return set()

    assert () == collect(objects, marked, before=before(), apply=True).unneeded
    assert b"old" == objects.read(old)


def test_row_committed_while_marking_keeps_its_objects(objects: FileObjects) -> None:
    """An object that is put after the listing is no candidate, whatever the mark says."""
    made: list[Digest] = []

    def marked() -> set[Digest]:
        made.append(aged(objects, b"made meanwhile", 20))
        return set()

    collect(objects, marked, before=before(), apply=True)

    assert made == list(objects.digests())


def test_killed_discard_is_put_back(objects: FileObjects, tmp_path: Path) -> None:
    """An object that a killed collector had set aside is there again for the next one."""
    old = aged(objects, b"old", 15)
    (tmp_path / "objects" / "aside").mkdir()
    objects.path(old).rename(tmp_path / "objects" / "aside" / old)

    found = collect(objects, lambda: {old}, before=before(), apply=True)

    assert (1, ()) == (found.objects, found.unneeded)
    assert b"old" == objects.read(old)


def test_short_grace_is_refused() -> None:
    """A grace period that is shorter than a commit may take would delete what is about to be named."""
    with pytest.raises(NotAllowed, match="at least 60 minutes"):
        check_grace(60.0)
