"""What every object store must do. An implementation passes by giving the fixture `store`."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import homeostat
from homeostat.core.digests import Digest, digest_bytes, short
from homeostat.core.errors import CorruptObject, DiskFull, NotFound
from homeostat.store.objects import FileObjects, ObjectStore
from homeostat.store.objects.folder import FolderRemote
from homeostat.store.objects.healing import HealingObjects

SOURCES = Path(homeostat.__file__).parents[1]
ABSENT = Digest("0" * 64)


class Crash(BaseException):
    """Ends a put in its middle, past every `except Exception`."""


def breaking(error: BaseException, after: int) -> Iterator[bytes]:
    """`after` chunks of 64 KiB, then `error`."""
    for _ in range(after):
        yield bytes(65_536)
    raise error


class ObjectStoreContract:
    """The promises of `ObjectStore`, one test each."""

    @pytest.mark.parametrize("content", [b"", b"rows", bytes(3_000_000)], ids=["empty", "small", "3 MB"])
    def test_what_is_put_is_read(self, store: ObjectStore, content: bytes) -> None:
        """An object comes back whole under the digest of its content."""
        digest = store.put(content)

        assert (digest_bytes(content), content) == (digest, store.read(digest))

    def test_chunks_are_one_object(self, store: ObjectStore) -> None:
        """A stream is the object of its concatenation, however it is cut."""
        assert store.put(b"flights and weather") == store.put(iter([b"flights", b" and ", b"", b"weather"]))
        assert [digest_bytes(b"flights and weather")] == list(store.digests())

    def test_put_is_idempotent(self, store: ObjectStore) -> None:
        """The same content twice is one object."""
        digests = {store.put(b"rows"), store.put(b"rows")}

        assert digests == set(store.digests())

    def test_every_object_is_listed_once(self, store: ObjectStore) -> None:
        """The listing holds what was put, all of it, and nothing else."""
        put = [store.put(str(number).encode()) for number in range(300)]

        assert sorted(put) == sorted(store.digests())

    def test_path_is_a_file_with_the_content(self, store: ObjectStore) -> None:
        """A reader may map the object into memory."""
        assert b"rows" == store.path(store.put(b"rows")).read_bytes()

    def test_has(self, store: ObjectStore) -> None:
        """An object is here after it was put, and not before."""
        before = store.has(digest_bytes(b"rows"))
        digest = store.put(b"rows")

        assert (False, True) == (before, store.has(digest))

    def test_absent_object_is_named(self, store: ObjectStore) -> None:
        """Whoever asks for an object that is not here learns which."""
        with pytest.raises(NotFound, match=short(ABSENT)):
            store.read(ABSENT)
        with pytest.raises(NotFound, match=short(ABSENT)):
            store.path(ABSENT)

    def test_interrupted_put_leaves_nothing(self, store: ObjectStore) -> None:
        """A reader never sees a half-written object."""
        with pytest.raises(Crash):
            store.put(breaking(Crash(), after=10))

        assert [] == list(store.digests())

    def test_full_disk_is_named_and_leaves_nothing(self, store: ObjectStore) -> None:
        """A put that does not fit changes nothing, and what was there stays readable."""
        digest = store.put(b"rows")

        with pytest.raises(DiskFull, match="Nothing was changed"):
            store.put(breaking(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), after=10))
        assert [digest] == list(store.digests())
        assert b"rows" == store.read(digest)

    def test_other_errors_of_the_source_pass(self, store: ObjectStore) -> None:
        """Only a full disk is called a full disk."""
        with pytest.raises(PermissionError):
            store.put(breaking(PermissionError(errno.EACCES, "no"), after=1))

    @pytest.mark.parametrize("where", [0, 70_000, -1], ids=["first", "middle", "last"])
    def test_corrupt_byte_is_found(self, store: ObjectStore, where: int) -> None:
        """One changed byte anywhere is found by the next read, which names the object; others stay readable."""
        digest, other = store.put(bytes(100_000)), store.put(b"rows")
        content = bytearray(store.path(digest).read_bytes())
        content[where] ^= 1
        store.path(digest).write_bytes(content)

        with pytest.raises(CorruptObject, match=short(digest)):
            store.read(digest)
        assert b"rows" == store.read(other)

    def test_truncated_object_is_found(self, store: ObjectStore) -> None:
        """A file cut short is no object."""
        digest = store.put(bytes(100_000))
        os.truncate(store.path(digest), 99_999)

        with pytest.raises(CorruptObject, match=short(digest)):
            store.read(digest)

    def test_threads_may_put_the_same(self, store: ObjectStore) -> None:
        """Any number of threads may write one content at once: all succeed, one object remains."""
        content = bytes(500_000)
        with ThreadPoolExecutor(8) as threads:
            put = set(threads.map(lambda _: store.put(iter([content])), range(32)))

        assert {digest_bytes(content)} == put == set(store.digests())
        assert content == store.read(digest_bytes(content))


class TestFileObjects(ObjectStoreContract):
    """Objects as files."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> FileObjects:
        return FileObjects(tmp_path / "objects")

    def test_processes_may_put_the_same(self, store: FileObjects, tmp_path: Path) -> None:
        """Two processes that write the same hundred objects at once both succeed, and each object is there once."""
        code = """
import sys
from pathlib import Path
from homeostat.store.objects import FileObjects
store = FileObjects(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(len({store.put(iter([str(number).encode() * 1000])) for number in range(100)}))
"""
        children = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(tmp_path / "objects")],
                env={**os.environ, "PYTHONPATH": str(SOURCES)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for child in children:
            assert child.stdout is not None
            assert "ready\n" == child.stdout.readline()
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()

        assert ["100\n", "100\n"] == [child.communicate(timeout=30)[0] for child in children]
        assert sorted(digest_bytes(str(number).encode() * 1000) for number in range(100)) == list(store.digests())

    def test_killed_process_leaves_nothing_to_readers(self, store: FileObjects, tmp_path: Path) -> None:
        """A process that dies without a word in the middle of a put adds no object."""
        code = """
import os, sys
from pathlib import Path
from homeostat.store.objects import FileObjects
def chunks():
    yield bytes(100_000)
    os._exit(9)
FileObjects(Path(sys.argv[1])).put(chunks())
"""
        ended = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "objects")],
            env={**os.environ, "PYTHONPATH": str(SOURCES)},
            check=False,
        )

        assert (9, []) == (ended.returncode, list(store.digests()))

    @pytest.mark.parametrize("error", [Crash(), OSError(errno.ENOSPC, "full"), PermissionError(errno.EACCES, "no")])
    def test_failed_put_leaves_no_file(self, store: FileObjects, tmp_path: Path, error: BaseException) -> None:
        """Whatever ends a put, the space it took is given back."""
        with pytest.raises((Crash, DiskFull, PermissionError)):
            store.put(breaking(error, after=3))

        assert [] == [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
    def test_full_disk_found_at_fsync(
        self, store: FileObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
    ) -> None:
        """Some file systems tell only at fsync that bytes do not fit; nothing is left then either."""

        def full(_: int) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(DiskFull, match=os.strerror(code)):
            store.put(b"rows")

        assert [] == [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]

    def test_object_is_durable_before_it_is_seen(self, store: FileObjects, monkeypatch: pytest.MonkeyPatch) -> None:
        """A power cut leaves no name without its bytes: they are on disk before the name is, and then the name is made so."""
        digest, seen = digest_bytes(b"rows"), []
        sync = os.fsync

        def watched(descriptor: int) -> None:
            seen.append(store.has(digest))
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", watched)
        store.put(b"rows")

        assert [False, False, True] == seen  # its bytes, the name of its new shard, its own name

    def test_a_file_is_kept_as_its_bytes_are(self, store: FileObjects, tmp_path: Path) -> None:
        """A file is the object of its content, put any way."""
        (tmp_path / "film").write_bytes(bytes(3_000_000))

        assert store.put(bytes(3_000_000)) == store.put_file(tmp_path / "film")

    def test_what_killed_writers_left_is_swept(self, store: FileObjects, tmp_path: Path) -> None:
        """After a day nobody is writing it any more; what is younger may be of somebody at work."""
        old, young = (tmp_path / "objects" / "incoming" / name for name in ("old", "young"))
        for left in (old, young):
            left.write_bytes(b"half")
        os.utime(old, (old.stat().st_mtime - 25 * 3600,) * 2)

        FileObjects(tmp_path / "objects")

        assert (False, True) == (old.exists(), young.exists())


class TestHealingObjects(ObjectStoreContract):
    """Objects as files that ask remotes for what they lost; here one that has nothing, so that losses stay."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> FileObjects:
        remote = FolderRemote(tmp_path / "remote", create=True)
        return HealingObjects(tmp_path / "objects", lambda: [remote])
