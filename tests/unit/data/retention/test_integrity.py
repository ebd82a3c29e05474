"""Every loss in a store is found, and told with what it touches."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from homeostat.codec.tables import Table
from homeostat.core.digests import Digest, short
from homeostat.core.errors import CorruptObject
from homeostat.data.contracts.infer import infer
from homeostat.data.retention.integrity import Integrity, check_whole
from homeostat.data.service import Datasets
from homeostat.store.db import Database
from homeostat.store.db.schema.track import run_artifacts
from homeostat.store.objects import FileObjects
from homeostat.store.objects.folder import FolderRemote

Feed = Callable[[int], Table]


def silent(done: int, total: int) -> None:
    """Nobody looks."""


@pytest.fixture
def integrity(database: Database, objects: FileObjects, datasets: Datasets, feed: Feed, tmp_path: Path) -> Integrity:
    """Of a project with tables, files small and large, a contract, a tag and an artifact."""
    for day in range(3):
        datasets.append("flights", feed(day), source=f"day {day}")
    datasets.tag(datasets.version("flights", 2), "second")
    datasets.set_contract("flights", infer(datasets.read(datasets.version("flights")), name="flights"))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "small").write_bytes(b"small")
    (tmp_path / "files" / "large").write_bytes(bytes(range(256)) * 300)
    datasets.add_files("files", tmp_path / "files")
    plot = objects.put(b"plot")
    with database.write() as connection:
        blank = {column.name: "" for column in run_artifacts.c if not column.nullable}
        artifact = {"run_id": "run-1", "name": "plot.png", "digest": plot, "size_bytes": 4}
        connection.execute(insert(run_artifacts).values(blank | artifact))
    return Integrity(database, objects)


def flip(objects: FileObjects, digest: Digest, position: int) -> None:
    content = bytearray(objects.path(digest).read_bytes())
    content[position % len(content)] ^= 1
    objects.path(digest).write_bytes(content)


def test_whole_store(integrity: Integrity) -> None:
    """A store that holds what was put there has no losses."""
    assert [] == integrity.losses(silent)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 10_000), position=st.integers(0, 1_000_000))
def test_any_flipped_bit_is_found(integrity: Integrity, objects: FileObjects, which: int, position: int) -> None:
    """Whatever byte of whatever object changes, that object is named, and something that it touches."""
    digests = sorted(objects.digests())
    digest = digests[which % len(digests)]
    flip(objects, digest, position)
    [loss] = integrity.losses(silent)
    flip(objects, digest, position)

    assert digest == loss.object


@pytest.mark.parametrize("name", ["flights", "files"])
def test_loss_is_told_with_every_version_it_touches(
    integrity: Integrity, objects: FileObjects, datasets: Datasets, name: str
) -> None:
    """The largest object of a version: every version that leads to it is named, however far the way."""
    mine = [entry for entry in objects.entries() if entry.size_bytes > 70_000] if name == "files" else []
    first = mine[0].digest if mine else datasets.version(name, 1).manifest
    flip(objects, first, 9)
    [loss] = integrity.losses(silent)

    assert (f"dataset:{name}@1",) == loss.touches
    with pytest.raises(CorruptObject, match=f"{short(first)}.*dataset:{name}@1"):
        check_whole([loss])


def test_rows_of_an_early_append_touch_all_later_versions(
    integrity: Integrity, objects: FileObjects, datasets: Datasets
) -> None:
    """A segment belongs to every version since."""
    shared = [
        digest
        for digest in objects.digests()
        if all(digest.encode() in objects.read(datasets.version("flights", number).manifest) for number in (1, 2, 3))
    ]
    flip(objects, shared[0], 9)
    [loss] = integrity.losses(silent)

    assert ("dataset:flights@1", "dataset:flights@2", "dataset:flights@3") == loss.touches


def test_missing_objects_are_found(integrity: Integrity, objects: FileObjects, datasets: Datasets) -> None:
    """What a row or a manifest needs and is gone is named too; a run's artifact by its row."""
    for digest in list(objects.digests()):
        content = objects.read(digest)
        if content == b"plot" or content.startswith(b"PAR1") or digest == datasets.version("files").manifest:
            objects.path(digest).unlink()
    losses = integrity.losses(silent)

    told = {name for loss in losses for name in loss.touches}
    assert {"run_artifacts run-1 plot.png", "dataset:flights@3", "dataset:files@1"} <= told
    assert all("is not in" in loss.problem for loss in losses)


def test_everything_heals_from_a_remote(
    integrity: Integrity, objects: FileObjects, datasets: Datasets, tmp_path: Path
) -> None:
    """Any loss comes back from a remote that has it; so does what only a manifest that came back speaks of."""
    remote = FolderRemote(tmp_path / "remote", create=True)
    digests = sorted(objects.digests())
    for digest in digests:
        remote.send(digest, objects)
    for number, digest in enumerate(digests):
        if number % 2 or digest == datasets.version("flights").manifest:
            objects.path(digest).unlink()
        else:
            flip(objects, digest, number)

    healed = integrity.heal(integrity.losses(silent), [remote])

    assert {remote.url} == {loss.healed_from for loss in healed}
    assert [] == integrity.losses(silent)
    for name in datasets.names():
        for version in datasets.versions(name):
            datasets.verify(version)


def test_what_no_remote_has_stays_lost(integrity: Integrity, objects: FileObjects, tmp_path: Path) -> None:
    """A loss that cannot be mended is an error that names it."""
    remote = FolderRemote(tmp_path / "remote", create=True)
    digest = next(objects.digests())
    flip(objects, digest, 0)

    with pytest.raises(CorruptObject, match=short(digest)):
        check_whole(integrity.heal(integrity.losses(silent), [remote]))
