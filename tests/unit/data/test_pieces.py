"""A large file that is like the one before it costs what is new, and is read back, checked and mended as any other."""

import random
from pathlib import Path

import pytest

from homeostat.core.errors import CorruptObject
from homeostat.data.service import Datasets
from homeostat.store.objects import FileObjects

FIRST = random.Random(7).randbytes(3_000_000)
SECOND = FIRST[:1_000_000] + b"n" * 30_000 + FIRST[1_000_000:]
THIRD = SECOND[:2_000_000] + b"m" * 10 + SECOND[2_000_000:]


def stored(objects: FileObjects) -> int:
    return sum(objects.path(digest).stat().st_size for digest in objects.digests())


def added(datasets: Datasets, folder: Path, content: bytes) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "film").write_bytes(content)
    datasets.add_files("films", folder)


@pytest.fixture
def films(datasets: Datasets, tmp_path: Path) -> Datasets:
    """Three versions, each a little longer than the one before."""
    for content in (FIRST, SECOND, THIRD):
        added(datasets, tmp_path / "films", content)
    return datasets


def test_versions_share_what_they_have_in_common(films: Datasets, objects: FileObjects) -> None:
    """Three versions of 3 MB take little more than one."""
    assert len(FIRST) <= stored(objects) <= 1.25 * len(FIRST)


@pytest.mark.parametrize(("number", "content"), [(1, FIRST), (2, SECOND), (3, THIRD)])
def test_each_version_comes_out_whole(films: Datasets, tmp_path: Path, number: int, content: bytes) -> None:
    """However a file is kept, its bytes come out, linked or not."""
    films.checkout(films.version("films", number), tmp_path / "out", links=True)

    assert content == (tmp_path / "out" / "film").read_bytes()
    films.verify(films.version("films", number))


def test_identity_is_that_of_the_bytes(films: Datasets, tmp_path: Path) -> None:
    """A file kept as pieces has the id of the same file kept whole."""
    (tmp_path / "film").write_bytes(THIRD)

    assert films.version("films").id == films.add_files("alone", tmp_path / "film").version.id


def test_an_unlike_file_is_kept_whole(films: Datasets, objects: FileObjects, tmp_path: Path) -> None:
    """Below 30 % in common, a file is an object of its own."""
    other = random.Random(8).randbytes(2_000_000)

    added(films, tmp_path / "films", other)

    assert [other] == [objects.read(digest) for digest in objects.digests() if objects.read(digest) == other]


def test_damage_names_every_version_it_touches(films: Datasets, objects: FileObjects, tmp_path: Path) -> None:
    """All three versions stand on the first one's object."""
    whole = next(digest for digest in objects.digests() if objects.path(digest).stat().st_size == len(FIRST))
    objects.path(whole).write_bytes(FIRST[:-1] + bytes([FIRST[-1] ^ 1]))

    with pytest.raises(CorruptObject, match=r"films@3 cannot be read: film is damaged.*part of films@1, films@2 too"):
        films.verify(films.version("films"))
    with pytest.raises(CorruptObject, match="film is damaged"):
        films.checkout(films.version("films"), tmp_path / "out")


def test_any_flipped_byte_is_found(films: Datasets, objects: FileObjects) -> None:
    """Manifest, tree, recipe, chunks, whole object: whichever is damaged, some version says so."""
    for digest in list(objects.digests()):
        path = objects.path(digest)
        content = path.read_bytes()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        found = []
        for version in films.versions("films"):
            try:
                films.verify(version)
            except CorruptObject as error:
                found.append(error.message)
        path.write_bytes(content)

        assert [] != found
        assert {True} == {digest[:8] in message for message in found}
