"""What every remote must do. An implementation passes by giving the fixture `remote`."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from homeostat.core.digests import Digest, short
from homeostat.core.errors import CorruptObject, InvalidDeclaration, NotFound, Unavailable
from homeostat.store.objects import FileObjects
from homeostat.store.objects.bucket import PART_BYTES, BucketRemote
from homeostat.store.objects.folder import FolderRemote
from homeostat.store.objects.opening import open_remote
from homeostat.store.objects.remote import Location, Remote
from s3_server import KEYS, s3_server

ABSENT = Digest("0" * 64)


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "objects")


class RemoteContract:
    """The promises of `Remote`, one test each."""

    @pytest.mark.parametrize("size", [0, 4, PART_BYTES + 1], ids=["empty", "small", "in parts"])
    def test_what_is_sent_is_fetched(self, remote: Remote, objects: FileObjects, size: int) -> None:
        """An object comes back whole, however large it is."""
        content = bytes(size)
        digest = objects.put(content)
        travelled = remote.send(digest, objects)

        assert (size, content) == (travelled, b"".join(remote.fetch(digest)))

    @pytest.mark.parametrize("size", [4, PART_BYTES + 1], ids=["small", "in parts"])
    def test_what_is_there_does_not_travel(self, remote: Remote, objects: FileObjects, size: int) -> None:
        """An object that is there already is not sent again."""
        digest = objects.put(bytes(size))

        assert [size, 0] == [remote.send(digest, objects) for _ in range(2)]

    @pytest.mark.parametrize("size", [4, PART_BYTES + 1], ids=["small", "in parts"])
    def test_damage_is_not_sent(self, remote: Remote, objects: FileObjects, size: int) -> None:
        """A copy of a damaged object would look like an object: it stays here, and is named."""
        digest = objects.put(bytes(size))
        objects.path(digest).write_bytes(b"\x01" + bytes(size - 1))

        with pytest.raises(CorruptObject, match=short(digest)):
            remote.send(digest, objects)
        assert [] == list(remote.entries())

    def test_absent_object_is_named(self, remote: Remote, objects: FileObjects) -> None:
        """Whoever fetches or sends an object that is not there learns which."""
        with pytest.raises(NotFound, match=short(ABSENT)):
            list(remote.fetch(ABSENT))
        with pytest.raises(NotFound, match=short(ABSENT)):
            remote.send(ABSENT, objects)
        assert not remote.has(ABSENT)

    def test_every_object_is_listed_with_its_size(self, remote: Remote, objects: FileObjects) -> None:
        """The listing holds what was sent, and its age is that of the sending."""
        began = time.time()
        digest = objects.put(b"rows")
        remote.send(digest, objects)
        [entry] = remote.entries()

        assert (digest, 4) == (entry.digest, entry.size_bytes)
        assert began - 2 <= entry.wanted_at <= time.time() + 2

    def test_discard_spares_what_is_younger(self, remote: Remote, objects: FileObjects) -> None:
        """An object that was sent after the instant given stays."""
        digest = objects.put(b"rows")
        remote.send(digest, objects)

        assert not remote.discard(digest, time.time() - 3600)
        assert b"rows" == b"".join(remote.fetch(digest))

    def test_discard_deletes_what_is_older(self, remote: Remote, objects: FileObjects) -> None:
        """An object that nobody wanted since is gone, and can be sent anew."""
        digest = objects.put(b"rows")
        remote.send(digest, objects)

        assert remote.discard(digest, time.time() + 60)
        assert (False, []) == (remote.has(digest), list(remote.entries()))
        assert 4 == remote.send(digest, objects)

    def test_discard_of_nothing(self, remote: Remote) -> None:
        """Two collectors at once: the second finds nothing to delete."""
        assert not remote.discard(ABSENT, time.time() + 60)

    def test_documents_are_swapped(self, remote: Remote) -> None:
        """A document is written only over the state that its writer has read."""
        assert remote.document("example") is None
        assert remote.swap("example", b"one", None)
        assert not remote.swap("example", b"other", None)
        first = remote.document("example")
        assert first is not None
        assert remote.swap("example", b"two", first.tag)
        assert not remote.swap("example", b"three", first.tag)

        now = remote.document("example")
        assert now is not None
        assert (b"two", ["example"]) == (now.content, remote.documents())

    def test_no_swap_is_lost(self, remote: Remote) -> None:
        """Any number of writers at once: each one's word is in the document in the end."""

        def add(number: int) -> None:
            while True:
                now = remote.document("example")
                content = b"" if now is None else now.content
                if remote.swap("example", content + bytes([number]), None if now is None else now.tag):
                    return

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(add, range(12)))
        now = remote.document("example")
        assert now is not None
        assert list(range(12)) == sorted(now.content)


class TestFolderRemote(RemoteContract):
    """A remote in a directory."""

    @pytest.fixture
    def remote(self, tmp_path: Path) -> Remote:
        return open_remote(Location(url=(tmp_path / "a remote").as_uri()), create=True)

    def test_missing_directory_is_not_made(self, tmp_path: Path) -> None:
        """A disk that is not mounted is no empty remote."""
        with pytest.raises(Unavailable, match="Mount its disk"):
            open_remote(Location(url=(tmp_path / "share").as_uri()))
        assert not (tmp_path / "share").exists()

    def test_killed_discard_is_put_back(self, tmp_path: Path, objects: FileObjects) -> None:
        """An object that a killed collector had set aside is there again for the next one."""
        remote = FolderRemote(tmp_path / "remote", create=True)
        digest = objects.put(b"rows")
        remote.send(digest, objects)
        aside = tmp_path / "remote" / "objects" / "aside"
        aside.mkdir()
        remote._objects.path(digest).rename(aside / digest)

        assert [digest] == [entry.digest for entry in remote.entries()]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.mark.e2e
class TestBucketRemote(RemoteContract):
    """A remote in a bucket, through a real server."""

    @pytest.fixture
    def remote(self, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
        for name, value in KEYS.items():
            monkeypatch.setenv(name, value)
        return open_remote(Location(url=f"s3://models/{tmp_path.name}", endpoint=endpoint))

    def test_relying_on_an_old_object_spares_it(
        self, remote: BucketRemote, objects: FileObjects, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A bucket cannot touch an object: whoever relies on an old one leaves a mark, which a collector respects."""
        digest = objects.put(b"rows")
        remote.send(digest, objects)
        monkeypatch.setattr("homeostat.store.objects.bucket.FRESH_S", -3600.0)  # every object counts as old

        time.sleep(1.1)  # the server's clock ticks in seconds
        began = time.time()
        assert remote.has(digest)

        assert not remote.discard(digest, began - 1)
        assert b"rows" == b"".join(remote.fetch(digest))

    def test_what_was_set_aside_meanwhile_is_not_relied_on(
        self, remote: BucketRemote, objects: FileObjects, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A collector that has an object aside may have looked for marks already: who asks for it now has to send it again."""
        digest = objects.put(b"rows")
        remote.send(digest, objects)
        monkeypatch.setattr("homeostat.store.objects.bucket.FRESH_S", -3600.0)  # every object counts as old
        put = obstore.put

        def put_late(bucket: S3Store, path: str, content: bytes) -> object:
            obstore.rename(bucket, f"objects/{digest[:2]}/{digest[2:]}", f"aside/{digest}")
            return put(bucket, path, content)

        monkeypatch.setattr(obstore, "put", put_late)

        assert not remote.has(digest)

    def test_killed_discard_is_put_back(self, remote: BucketRemote, objects: FileObjects) -> None:
        """An object that a killed collector had set aside can be read, and is there again for the next one."""
        digest = objects.put(b"rows")
        remote.send(digest, objects)
        obstore.rename(remote._bucket, f"objects/{digest[:2]}/{digest[2:]}", f"aside/{digest}")

        assert b"rows" == b"".join(remote.fetch(digest))
        assert [digest] == [entry.digest for entry in remote.entries()]

    def test_missing_bucket_is_named(self, endpoint: str, objects: FileObjects) -> None:
        """A bucket that does not exist is an error of the remote, not an absent object."""
        nowhere = open_remote(Location(url="s3://nowhere/x", endpoint=endpoint))

        with pytest.raises(Unavailable, match="s3://nowhere/x"):
            nowhere.send(objects.put(b"rows"), objects)


@pytest.mark.parametrize(
    "url", ["", "models", "http://host/x", "file:models", "file://host/x", "s3:///x", "s3://key:secret@models/x"]
)
def test_what_is_no_address(url: str) -> None:
    """An address is a directory or a bucket, without secrets, which no message repeats."""
    with pytest.raises(InvalidDeclaration) as refused:
        open_remote(Location(url=url))
    assert "secret@" not in refused.value.message
