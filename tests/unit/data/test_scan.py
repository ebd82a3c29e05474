"""What is remembered of a directory's files."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from homeostat.core.digests import digest_bytes
from homeostat.data.scan import StatCache


def test_two_that_save_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that add one directory at once do not take each other's file away: what one of them saved is there."""
    both_wrote = Barrier(2)
    write = Path.write_bytes

    def write_and_wait(path: Path, content: bytes) -> int:
        written = write(path, content)
        both_wrote.wait(5)
        return written

    monkeypatch.setattr(Path, "write_bytes", write_and_wait)
    manifests = [digest_bytes(b"one"), digest_bytes(b"other")]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda manifest: StatCache(tmp_path / "stat", tmp_path).save((), manifest, ()), manifests))

    kept = StatCache(tmp_path / "stat", tmp_path)
    assert [(), None] == sorted(
        (kept.objects_of((), manifest) for manifest in manifests), key=lambda found: found is None
    )
