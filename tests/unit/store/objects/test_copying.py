"""A copy is what lies in the target, by the kernel or by hand, and its digest is that of the copy."""

import errno
import os
from pathlib import Path

import pytest

from homeostat.core.digests import digest_bytes
from homeostat.store.objects import copying
from homeostat.store.objects.copying import Stretch, copy

CONTENT = bytes(range(256)) * 1000


def refused(*_: object) -> int:
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


@pytest.mark.parametrize("in_kernel", [True, False])
@pytest.mark.parametrize("step", [copying._STEP_BYTES, 65_536])
def test_stretches_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_kernel: bool, step: int) -> None:
    """Parts of a file come one after the other, in one step or in several, whether the kernel copies or not."""
    monkeypatch.setattr(copying, "_STEP_BYTES", step)
    monkeypatch.setattr(copying, "_FLUSH_BYTES", step)
    if not in_kernel:
        monkeypatch.setattr(os, "copy_file_range", refused, raising=False)
    (tmp_path / "source").write_bytes(CONTENT)
    expected = CONTENT[100_000:] + CONTENT[:50_001]

    with (tmp_path / "source").open("rb") as source, (tmp_path / "target").open("x+b", buffering=0) as target:
        stretches = [Stretch(source.fileno(), 100_000, len(CONTENT)), Stretch(source.fileno(), 0, 50_001)]
        digest = copy(stretches, target.fileno(), is_durable=True)

    assert (expected, digest_bytes(expected)) == ((tmp_path / "target").read_bytes(), digest)


def test_an_empty_file_is_copied(tmp_path: Path) -> None:
    """Nothing has a digest too."""
    (tmp_path / "source").touch()

    with (tmp_path / "source").open("rb") as source, (tmp_path / "target").open("x+b", buffering=0) as target:
        digest = copy([Stretch(source.fileno(), 0, 0)], target.fileno(), is_durable=False)

    assert digest_bytes(b"") == digest


def test_other_errors_of_the_kernel_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is not taken for a file system that cannot copy."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", full, raising=False)
    (tmp_path / "source").write_bytes(b"x")

    with (
        (tmp_path / "source").open("rb") as source,
        (tmp_path / "target").open("x+b", buffering=0) as target,
        pytest.raises(OSError, match=os.strerror(errno.ENOSPC)),
    ):
        copy([Stretch(source.fileno(), 0, 1)], target.fileno(), is_durable=False)
