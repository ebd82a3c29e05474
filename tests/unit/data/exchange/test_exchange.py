"""Push and pull between two copies of a project, over a directory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from homeostat.codec.tables import Table
from homeostat.core.clock import FixedClock
from homeostat.core.digests import Digest
from homeostat.core.errors import AlreadyExists, CorruptObject, NotFound
from homeostat.data.contracts.infer import infer
from homeostat.data.exchange.clearing import clear_on, clearable_on, needed_on
from homeostat.data.exchange.service import Exchange
from homeostat.data.retention.forgetting import Forgetting
from homeostat.data.service import Datasets
from homeostat.store.db import Database
from homeostat.store.db.schema.every import metadata
from homeostat.store.objects import FileObjects
from homeostat.store.objects.folder import FolderRemote

Feed = Callable[[int], Table]


def silent(done: int, total: int) -> None:
    """Nobody looks."""


class Copy(NamedTuple):
    """One copy of the project `flights`."""

    objects: FileObjects
    datasets: Datasets
    exchange: Exchange
    forgetting: Forgetting

    def push(self, remote: FolderRemote, *names: str) -> int:
        """Push versions; how many objects travelled."""
        versions = [self.datasets.find(name) for name in names] or list(reversed(self.datasets.versions("flights")))
        return self.exchange.push(remote, versions, silent).objects

    def pull(self, remote: FolderRemote, dataset: str = "", label: str = "", *, check: bool = False) -> int:
        return self.exchange.pull(remote, dataset, label, silent, check=check).objects


@pytest.fixture
def copies(tmp_path: Path, clock: FixedClock) -> Iterator[Callable[..., Copy]]:
    opened = []

    def copy(name: str, project: str = "example") -> Copy:
        database = Database(f"sqlite:///{tmp_path / name}.db")
        opened.append(database)
        metadata.create_all(database.engine)
        objects = FileObjects(tmp_path / name)
        return Copy(
            objects,
            Datasets(database, objects, clock, tmp_path / f"{name}-stat"),
            Exchange(database, objects, clock, project),
            Forgetting(database, objects, clock),
        )

    yield copy
    for database in opened:
        database.close()


@pytest.fixture
def here(copies: Callable[..., Copy], feed: Feed) -> Copy:
    """A copy with three versions of flights; the second has the tag `second`."""
    one = copies("here")
    for day in range(3):
        one.datasets.append("flights", feed(day), source=f"day {day}")
    one.datasets.tag(one.datasets.version("flights", 2), "second")
    return one


@pytest.fixture
def there(copies: Callable[..., Copy]) -> Copy:
    """Another copy, without any data."""
    return copies("there")


@pytest.fixture
def remote(tmp_path: Path) -> FolderRemote:
    return FolderRemote(tmp_path / "remote", create=True)


def test_what_is_pushed_is_pulled(here: Copy, there: Copy, remote: FolderRemote) -> None:
    """Every version arrives as it was: rows, ids, tags, contract, lineage, and reads the same."""
    here.datasets.set_contract("flights", infer(here.datasets.read(here.datasets.version("flights")), name="flights"))
    here.push(remote)
    there.pull(remote)

    assert here.datasets.versions("flights") == there.datasets.versions("flights")
    assert here.datasets.tags("flights") == there.datasets.tags("flights")
    assert here.datasets.contract("flights") == there.datasets.contract("flights")
    for version in there.datasets.versions("flights"):
        there.datasets.verify(version)


def test_only_what_is_missing_travels(here: Copy, there: Copy, remote: FolderRemote, feed: Feed) -> None:
    """A second push or pull moves nothing, and one after an append the new objects only."""
    here.push(remote)
    assert 0 == here.push(remote)
    there.pull(remote)
    assert 0 == there.pull(remote)

    held = set(here.objects.digests())
    here.datasets.append("flights", feed(3))
    new = len(set(here.objects.digests()) - held)

    assert (new, new) == (here.push(remote), there.pull(remote))


def test_pulled_copy_goes_on(here: Copy, there: Copy, remote: FolderRemote, feed: Feed) -> None:
    """A pulled dataset takes appends, which go back the same way; the id is that of one history."""
    here.push(remote)
    there.pull(remote)
    there.datasets.append("flights", feed(3))
    there.push(remote)
    here.pull(remote)

    assert there.datasets.version("flights", 4) == here.datasets.version("flights", 4)
    here.datasets.verify(here.datasets.version("flights"))


def test_one_version_alone(here: Copy, there: Copy, remote: FolderRemote) -> None:
    """Of the other versions only the rows travel: reading one says that it is not here."""
    here.push(remote, "flights@3")
    there.pull(remote)

    there.datasets.verify(there.datasets.version("flights", 3))
    with pytest.raises(NotFound, match="homeostat data pull flights@1"):
        there.datasets.read(there.datasets.version("flights", 1))

    here.push(remote)
    there.pull(remote, "flights", "second")
    assert [True, False, True] == [
        there.datasets.version("flights", number).forgotten_at is None for number in (3, 1, 2)
    ]


def test_files_travel(here: Copy, there: Copy, remote: FolderRemote, tmp_path: Path) -> None:
    """Directories, with small files in packs and large ones alone, arrive byte for byte."""
    (tmp_path / "files").mkdir()
    for name, content in {"a": b"", "b": b"small", "c": bytes(range(256)) * 1000}.items():
        (tmp_path / "files" / name).write_bytes(content)
    here.datasets.add_files("files", tmp_path / "files")
    here.push(remote, "files")
    there.pull(remote, "files")
    there.datasets.checkout(there.datasets.version("files"), tmp_path / "out")

    assert {"a": 0, "b": 5, "c": 256_000} == {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
    there.datasets.verify(there.datasets.version("files"))


def test_interrupted_push_names_nothing_and_goes_on(
    here: Copy, there: Copy, remote: FolderRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push that ends in its middle leaves the document as it was; the next sends the rest only."""
    sent: list[Digest] = []
    send = FolderRemote.send

    def broken(self: FolderRemote, digest: Digest, source: FileObjects) -> int:
        if len(sent) == 3:
            raise KeyboardInterrupt
        size = send(self, digest, source)
        sent.append(digest)
        return size

    monkeypatch.setattr(FolderRemote, "send", broken)
    with pytest.raises(KeyboardInterrupt):
        here.push(remote)
    monkeypatch.undo()

    assert remote.document("example") is None
    assert len(set(here.objects.digests()) - set(sent)) == here.push(remote)
    there.pull(remote)
    there.datasets.verify(there.datasets.version("flights"))


def test_two_pushes_at_once(
    here: Copy, copies: Callable[..., Copy], remote: FolderRemote, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever loses the race for the document merges and tries again: both datasets are there."""
    other = copies("other")
    other.datasets.append("weather", feed(9))
    swap = remote.swap
    raced: list[bool] = []

    def late(project: str, content: bytes, tag: str | None) -> bool:
        if not raced:
            raced.append(True)
            other.push(remote, "weather")
        return swap(project, content, tag)

    monkeypatch.setattr(remote, "swap", late)  # the race, made certain
    here.push(remote)

    assert ["flights", "weather"] == here.exchange.names(remote)


def test_diverged_histories_are_refused(here: Copy, there: Copy, remote: FolderRemote, feed: Feed) -> None:
    """Two that add to the same version do not overwrite one another; the message says where they parted."""
    here.push(remote)
    there.pull(remote)
    here.datasets.append("flights", feed(3))
    there.datasets.append("flights", feed(4))
    here.push(remote)

    for attempt in (there.push, there.pull):
        with pytest.raises(AlreadyExists, match="both were made from flights@3"):
            attempt(remote)
    assert 4 == len(there.datasets.versions("flights"))


def test_projects_do_not_clash(here: Copy, copies: Callable[..., Copy], remote: FolderRemote, feed: Feed) -> None:
    """Another project's dataset of the same name is another dataset; equal objects are there once."""
    stranger = copies("stranger", "another")
    stranger.datasets.append("flights", feed(0), source="day 0")
    here.push(remote)

    assert 1 >= stranger.push(remote)  # the rows are there already, from the other project
    assert ["another", "example"] == remote.documents()
    assert 3 == len(here.datasets.versions("flights"))


def test_damage_is_not_pushed(here: Copy, remote: FolderRemote) -> None:
    """A version with a damaged object does not become one on the remote."""
    largest = max(here.objects.entries(), key=lambda entry: entry.size_bytes)
    here.objects.path(largest.digest).write_bytes(b"damage")

    with pytest.raises(CorruptObject):
        here.push(remote)
    assert remote.document("example") is None


def test_missing_object_is_not_pushed(here: Copy, remote: FolderRemote) -> None:
    """Nor does a version that lacks one: it is named."""
    here.objects.path(max(here.objects.entries(), key=lambda entry: entry.size_bytes).digest).unlink()

    with pytest.raises(CorruptObject, match="dataset:flights@"):
        here.push(remote)
    assert remote.document("example") is None


def test_damage_on_the_remote_is_not_pulled(here: Copy, there: Copy, remote: FolderRemote) -> None:
    """What comes is checked; nothing of a damaged version is written down."""
    here.push(remote)
    largest = max(here.objects.entries(), key=lambda entry: entry.size_bytes)
    remote._objects.path(largest.digest).write_bytes(b"damage")

    with pytest.raises(CorruptObject, match="other bytes"):
        there.pull(remote)
    assert [] == there.datasets.names()


def test_pull_mends(here: Copy, remote: FolderRemote) -> None:
    """A pull brings back what is missing, and with `check` what is damaged too."""
    here.push(remote)
    one, other, *_ = sorted(here.objects.entries(), key=lambda entry: -entry.size_bytes)
    here.objects.path(one.digest).unlink()
    here.objects.path(other.digest).write_bytes(b"damage")

    assert [1, 1] == [here.pull(remote), here.pull(remote, check=True)]
    for version in here.datasets.versions("flights"):
        here.datasets.verify(version)


def test_unknown_names_say_what_there_is(here: Copy, there: Copy, remote: FolderRemote) -> None:
    """A pull of what is not there names what is."""
    here.push(remote)

    for dataset, label, said in (
        ("weather", "", "It has: flights"),
        ("flights", "9", "It has those of: 1, 2, 3"),
        ("flights", "third", "no tag 'third'"),
    ):
        with pytest.raises(NotFound, match=said):
            there.pull(remote, dataset, label)


def test_own_tag_stays(here: Copy, there: Copy, remote: FolderRemote) -> None:
    """A tag that points elsewhere here is left, and said."""
    here.push(remote)
    there.pull(remote)
    there.datasets.tag(there.datasets.version("flights", 1), "second")
    done = there.exchange.pull(remote, "", "", silent)

    assert (("tag/flights/second",), {"second": 1}) == (done.refs_kept, there.datasets.tags("flights"))


def test_forgotten_version_comes_back(here: Copy, remote: FolderRemote) -> None:
    """What was forgotten here to save space is pulled whole from where it was pushed."""
    here.push(remote)
    [first] = here.forgetting.forget(["flights"], 1, actor="me")
    here.objects.path(first.manifest).unlink()

    with pytest.raises(NotFound, match="was forgotten"):
        here.datasets.read(here.datasets.version("flights", 1))
    here.pull(remote, "flights", "1")
    here.datasets.verify(here.datasets.version("flights", 1))


def test_everything_on_a_remote_is_needed(
    here: Copy, copies: Callable[..., Copy], remote: FolderRemote, feed: Feed
) -> None:
    """What any project's document leads to is needed, and what a killed push left is not."""
    stranger = copies("stranger", "another")
    stranger.datasets.append("weather", feed(7))
    here.push(remote)
    stranger.push(remote, "weather")
    left = here.objects.put(b"of a killed push")
    remote.send(left, here.objects)
    here.push(remote)

    assert {left} == {entry.digest for entry in remote.entries()} - needed_on(remote)


def test_clearing_a_remote_keeps_tags_and_rows(here: Copy, there: Copy, remote: FolderRemote) -> None:
    """Older versions lose their contents there, tagged ones do not, and a later pull still has every row."""
    here.push(remote)
    found = clearable_on(remote, "example", [], 1)
    needed = needed_on(remote)
    cleared = clear_on(remote, "example", [], 1)

    assert ["flights@1"] == [one.version.name for one in found] == [one.version.name for one in cleared]
    assert cleared[0].version.manifest in needed - needed_on(remote)
    there.pull(remote)
    assert [True, True, False] == [version.forgotten_at is None for version in there.datasets.versions("flights")]


def test_unreadable_document_is_named(here: Copy, remote: FolderRemote) -> None:
    """A document of a later version is not overwritten, and nothing is collected past it."""
    remote.swap("example", b'{"format":"datasets-9"}', None)

    with pytest.raises(CorruptObject, match="'example' cannot be read"):
        here.push(remote)
    with pytest.raises(CorruptObject, match="'example' cannot be read"):
        needed_on(remote)
