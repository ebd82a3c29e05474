"""Bytes that can be worked out again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from homeostat.core.digests import digest_bytes
from homeostat.data.contracts.derived import Derived

CONTENT = bytes(range(256)) * 512  # eight blocks
KEY = digest_bytes(b"key")


def test_kept_bytes_are_not_made_again(tmp_path: Path) -> None:
    """What was made once is read from then on."""
    Derived(tmp_path).get(KEY, lambda: CONTENT)

    assert CONTENT == bytes(Derived(tmp_path).get(KEY, lambda: b"other").read())


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file[:0], id="empty"),
        pytest.param(lambda file: file[:20], id="cut in the digest of the list"),
        pytest.param(lambda file: file[:100], id="cut in the list"),
        pytest.param(lambda file: file[: -(1 << 14)], id="cut where a block ends"),
        pytest.param(lambda file: file[:-1], id="cut in a block"),
        pytest.param(lambda file: file + bytes(1), id="grown"),
        pytest.param(lambda file: file[:38] + b"\xff" + file[39:], id="a list of 10 ** 14 digests"),
        pytest.param(lambda file: file[:-1] + b"\x00", id="another byte"),
    ],
)
def test_damage_costs_time_only(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """However a file is damaged, what is read is what was made."""
    derived = Derived(tmp_path)
    derived.get(KEY, lambda: CONTENT)
    [path] = (one for one in tmp_path.rglob("*") if one.is_file())
    path.write_bytes(damage(path.read_bytes()))

    assert CONTENT == bytes(derived.get(KEY, lambda: CONTENT).read())
