"""Downloads in files of their own."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeostat.core.errors import DiskFull
from homeostat.data.sources.spool import Spool


def test_a_disk_that_fills_up_is_named_and_what_came_stays(tmp_path: Path) -> None:
    """A server need not say how much will come; the next attempt goes on from what is there."""
    spool = Spool(tmp_path, "https://example.org/rows.csv", "rows.csv", 1 << 20)
    spool.begin('"etag"')

    def filling() -> Iterator[bytes]:
        yield b"a,b\n"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DiskFull, match="Free some space"):
        spool.write(filling())

    assert ('"etag"', 4) == (spool.validator, spool.size_bytes)
