"""Files as versions: the id is that of paths and contents, small files share packs, an unchanged file is not read again."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeostat.core.digests import Digest
from homeostat.core.errors import AlreadyExists, BadData, CorruptObject, DiskFull, NotFound, WrongType
from homeostat.data import filesets, packs
from homeostat.data import scan as scanning
from homeostat.data.scan import scan
from homeostat.data.service import Datasets
from homeostat.store.objects import FileObjects

LARGE = 64 * 1024
Content = dict[str, bytes]


def laid(root: Path, content: Content, *, age_s: int = 60) -> Path:
    """A directory with these files, last modified some time ago."""
    for path, data in content.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (file.stat().st_mtime - age_s,) * 2)
    return root


def held(root: Path) -> Content:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return laid(
        tmp_path / "photos",
        {"a.png": b"a" * 100, "sub/b.png": b"b" * 200, "sub/deep/empty": b"", "twin": b"a" * 100, "film": b"f" * LARGE},
    )


def test_a_checkout_is_what_was_added(datasets: Datasets, photos: Path, tmp_path: Path) -> None:
    """Every path and every byte comes out again; contents that two files share as well."""
    version = datasets.add_files("photos", photos).version

    datasets.checkout(version, tmp_path / "out")

    assert held(photos) == held(tmp_path / "out")
    assert [] == [entry for entry in tmp_path.iterdir() if entry.name.startswith(".out")]


trees = st.dictionaries(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(lambda parts: "/".join([*parts, "file"])),
    st.binary(max_size=20) | st.integers(LARGE - 1, LARGE + 1).map(lambda size: b"z" * size),
    min_size=1,
    max_size=6,
)


@given(first=trees, second=trees)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_id_is_that_of_the_files(datasets: Datasets, tmp_path: Path, first: Content, second: Content) -> None:
    """However a tree came about, equal trees have equal ids and different ones different ids; both come out whole."""
    number = len(list(tmp_path.iterdir()))
    old, new = laid(tmp_path / f"old{number}", first), laid(tmp_path / f"new{number}", second)
    grown = f"grown{number}"
    before = datasets.add_files(grown, old).version
    after = datasets.add_files(grown, new).version

    alone = datasets.add_files(f"alone{number}", new).version

    assert (alone.id, first == second) == (after.id, before.id == after.id)
    datasets.checkout(after, tmp_path / f"out{number}")
    assert second == held(tmp_path / f"out{number}")
    datasets.verify(before)


def test_small_files_share_a_pack(datasets: Datasets, objects: FileObjects, tmp_path: Path) -> None:
    """Two hundred small files are four objects: pack, index, tree, manifest."""
    datasets.add_files("many", laid(tmp_path / "many", {f"{number}": b"%d" % number for number in range(200)}))

    assert 4 == len(list(objects.digests()))


def test_packs_are_closed_when_full(
    datasets: Datasets, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit goes to the next pack."""
    monkeypatch.setattr(packs, "PACK_BYTES", 250)

    datasets.checkout(datasets.add_files("photos", photos).version, tmp_path / "out")

    assert held(photos) == held(tmp_path / "out")


def test_an_unchanged_directory_adds_nothing(datasets: Datasets, photos: Path) -> None:
    """Adding the same files again gives the version there is."""
    first = datasets.add_files("photos", photos)

    again = datasets.add_files("photos", photos)

    assert (True, False, 0) == (first.is_new, again.is_new, again.bytes_added)
    assert first.version == again.version


def test_an_unchanged_file_is_not_read(datasets: Datasets, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what changed since the last time is read."""
    monkeypatch.setattr(scanning, "_TICK_NS", -(10**12))  # no file is too young
    datasets.add_files("photos", photos)
    (photos / "a.png").write_bytes(b"new")
    added: list[str] = []
    keep = packs.Contents.add

    def noted(contents: packs.Contents, found: scanning.Found, predecessor: Digest | None) -> Digest:
        added.append(found.path)
        return keep(contents, found, predecessor)

    monkeypatch.setattr(packs.Contents, "add", noted)

    datasets.add_files("photos", photos)

    assert ["a.png"] == added


def test_a_change_adds_what_changed(datasets: Datasets, photos: Path, tmp_path: Path) -> None:
    """Versions share contents: the next one adds the new bytes, and the one before stays as it was."""
    before = held(photos)
    first = datasets.add_files("photos", photos).version
    laid(photos, {"sub/b.png": b"changed", "more": b"c"})

    second = datasets.add_files("photos", photos)

    assert (2, 1, 8, 2, 6) == (
        second.version.number,
        second.version.parent,
        second.bytes_added,
        second.version.rows_added,
        second.version.rows,
    )
    datasets.checkout(first, tmp_path / "out")
    assert before == held(tmp_path / "out")


def test_a_young_file_is_read_again(datasets: Datasets, tmp_path: Path) -> None:
    """A file may change twice within a tick of the clock: while it is young its times are no proof."""
    folder = laid(tmp_path / "young", {"file": b"one"}, age_s=0)
    times = (folder / "file").stat()
    datasets.add_files("young", folder)
    (folder / "file").write_bytes(b"two")
    os.utime(folder / "file", ns=(times.st_atime_ns, times.st_mtime_ns))

    assert 2 == datasets.add_files("young", folder).version.number


def test_one_file_is_a_dataset(datasets: Datasets, tmp_path: Path) -> None:
    """A single file is kept under its name."""
    (tmp_path / "weights.bin").write_bytes(b"w" * (LARGE + 1))

    datasets.checkout(datasets.add_files("weights", tmp_path / "weights.bin").version, tmp_path / "out")

    assert {"weights.bin": b"w" * (LARGE + 1)} == held(tmp_path / "out")


def test_links_are_the_stores_own_bytes(datasets: Datasets, photos: Path, tmp_path: Path) -> None:
    """A large file can be linked: it takes no space, and cannot be written by mistake."""
    datasets.checkout(datasets.add_files("photos", photos).version, tmp_path / "out", links=True)

    film = (tmp_path / "out" / "film").stat()
    assert (2, 0o444) == (film.st_nlink, film.st_mode & 0o777)
    assert held(photos) == held(tmp_path / "out")


@pytest.mark.parametrize("size", [100, LARGE])
def test_damage_is_found(datasets: Datasets, objects: FileObjects, tmp_path: Path, size: int) -> None:
    """A byte that changed in the store is found by verify and by checkout, and nothing is left behind."""
    version = datasets.add_files("one", laid(tmp_path / "one", {"file": b"x" * size})).version
    damaged = next(objects.path(digest) for digest in objects.digests() if objects.path(digest).stat().st_size == size)
    damaged.write_bytes(b"y" * size)

    with pytest.raises(CorruptObject, match="file is damaged"):
        datasets.verify(version)
    with pytest.raises(CorruptObject, match="file is damaged"):
        datasets.checkout(version, tmp_path / "out")
    assert [] == [entry for entry in tmp_path.iterdir() if "out" in entry.name]


@pytest.mark.parametrize("size", [100, LARGE])
def test_what_was_lost_comes_back(datasets: Datasets, objects: FileObjects, tmp_path: Path, size: int) -> None:
    """Adding the source again restores contents that the store has lost."""
    folder = laid(tmp_path / "one", {"file": b"x" * size})
    version = datasets.add_files("one", folder).version
    next(objects.path(digest) for digest in objects.digests() if objects.path(digest).stat().st_size == size).unlink()
    with pytest.raises(CorruptObject, match="damaged"):
        datasets.verify(version)

    datasets.verify(datasets.add_files("one", folder).version)


def test_a_checkout_needs_a_new_directory(datasets: Datasets, photos: Path) -> None:
    """Files of somebody are never overwritten."""
    version = datasets.add_files("photos", photos).version

    with pytest.raises(AlreadyExists, match="not empty"):
        datasets.checkout(version, photos)


def test_tables_and_files_do_not_mix(datasets: Datasets, photos: Path) -> None:
    """A dataset is of one kind; what asks for the other is told so."""
    files = datasets.add_files("photos", photos).version
    datasets.append("rows", {"n": [1]})

    with pytest.raises(WrongType, match="holds a table"):
        datasets.add_files("rows", photos)
    with pytest.raises(WrongType, match="holds files"):
        datasets.append("photos", {"n": [1]})
    with pytest.raises(WrongType, match="holds files"):
        datasets.read(files)


def test_what_cannot_be_kept_is_named(datasets: Datasets, tmp_path: Path) -> None:
    """A missing path, an empty directory, a link to a directory, a dead link, a name that is not UTF-8."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "nameless").mkdir()
    (tmp_path / "nameless" / os.fsdecode(b"\xff")).write_bytes(b"x")
    for name, target in (("loop", "."), ("dead", "nowhere")):
        (tmp_path / f"with-{name}").mkdir()
        (tmp_path / f"with-{name}" / name).symlink_to(target)

    with pytest.raises(NotFound, match="no file or directory"):
        datasets.add_files("d", tmp_path / "nowhere")
    for folder, message in (
        (tmp_path / "empty", "holds no file"),
        (tmp_path / "with-loop", "loop is no file"),
        (tmp_path / "with-dead", "dead is gone"),
        (tmp_path / "nameless", "not UTF-8"),
    ):
        with pytest.raises(BadData, match=message):
            datasets.add_files("d", folder)
    assert [] == datasets.names()


def test_a_file_that_changes_meanwhile_is_refused(
    datasets: Datasets, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the old and half of the new content is no version."""
    found = list(scan(photos))
    (photos / "a.png").write_bytes(b"longer than before" * 10)
    monkeypatch.setattr("homeostat.data.filesets.scan", lambda _: iter(found))

    with pytest.raises(BadData, match="changed while it was read"):
        datasets.add_files("photos", photos)


def test_an_interrupted_add_goes_on(datasets: Datasets, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read and written before an interruption is neither read nor written again."""
    monkeypatch.setattr(scanning, "_TICK_NS", -(10**12))  # no file is too young
    monkeypatch.setattr(filesets, "_SAVE_EVERY_S", -1.0)
    monkeypatch.setattr(packs, "PACK_BYTES", 1)
    keep = packs.Contents.add
    read: list[str] = []

    def stopped(contents: packs.Contents, found: scanning.Found, predecessor: Digest | None) -> Digest:
        read.append(found.path)
        if len(read) == 4:
            raise KeyboardInterrupt
        return keep(contents, found, predecessor)

    monkeypatch.setattr(packs.Contents, "add", stopped)
    with pytest.raises(KeyboardInterrupt):
        datasets.add_files("photos", photos)
    assert [] == datasets.names()

    datasets.verify(datasets.add_files("photos", photos).version)

    assert ["a.png", "film", "sub/b.png", "sub/deep/empty"] == read[:4]
    assert not {"a.png", "film"} & set(read[4:])


def test_a_disk_that_is_full_is_told_though_another_thread_writes(
    datasets: Datasets, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the writer of packs meets ends the add, and no version is made."""
    monkeypatch.setattr(packs, "PACK_BYTES", 1)

    def full(_objects: FileObjects, _content: object) -> Digest:
        raise DiskFull("no space left")

    monkeypatch.setattr(FileObjects, "put", full)

    with pytest.raises(DiskFull):
        datasets.add_files("photos", photos)
    assert [] == datasets.names()
