"""What a dataset held before, from what is kept of its segments."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from homeostat.core.digests import digest_of
from homeostat.data.contracts.derived import Derived
from homeostat.data.contracts.past import History, Stretch
from homeostat.data.contracts.profile import profile


class Store:
    """Stretches that count how often they are read."""

    def __init__(self, frames: Sequence[pl.DataFrame]) -> None:
        self.reads = 0
        self.stretches = [self._stretch(frame) for frame in frames]

    def history(self, folder: Path) -> History:
        return History(Derived(folder), lambda _: self.stretches)

    def _stretch(self, frame: pl.DataFrame) -> Stretch:
        def read(columns: Sequence[str]) -> pa.Table:
            self.reads += 1
            return frame.select(columns).to_arrow()

        return Stretch(len(frame), {name: digest_of(frame[name].to_list()) for name in frame.columns}, read)


def frames(count: int) -> list[pl.DataFrame]:
    return [pl.DataFrame({"x": [n, n + 1000], "s": ["a", f"b{n % 3}"]}) for n in range(count)]


@pytest.mark.parametrize("count", [1, 16, 40])
def test_the_profile_of_the_past_is_that_of_its_rows(count: int, tmp_path: Path) -> None:
    """Whatever was merged beforehand, the profile is the one of all rows together."""
    parts = frames(count)

    assert profile(pl.concat(parts)) == Store(parts).history(tmp_path).profile(("x", "s"))


def test_rows_are_read_once(tmp_path: Path) -> None:
    """After an append only the new stretch is read; another process finds what was kept."""
    before, after = Store(frames(20)), Store(frames(21))
    before.history(tmp_path).profile(("x",))

    after.history(tmp_path).profile(("x",))

    assert (20, 1) == (before.reads, after.reads)


@pytest.mark.parametrize("count", [1, 16, 40])
def test_seen_keys_are_told(count: int, tmp_path: Path) -> None:
    """A key counts as seen if all of its columns agree with a row that is there, wherever."""
    history = Store(frames(count)).history(tmp_path)

    found = history.seen(pl.DataFrame({"x": [0, 0, 1000, 5000, count - 1], "s": ["a", "b0", "b0", "a", "a"]}))

    assert [True, False, True, False, True] == found.tolist()


def test_an_empty_past_has_seen_nothing(tmp_path: Path) -> None:
    """There may be no rows yet."""
    assert [False] == Store([]).history(tmp_path).seen(pl.DataFrame({"x": [1]})).tolist()


def test_damage_costs_time_only(tmp_path: Path) -> None:
    """A flipped byte in what is kept is noticed, and the rows are read again."""
    store = Store(frames(1))
    expected = store.history(tmp_path).profile(("x",))
    (kept,) = (path for path in tmp_path.rglob("*") if path.is_file())
    damaged = bytearray(kept.read_bytes())
    damaged[-1] ^= 1
    kept.write_bytes(damaged)

    assert expected == store.history(tmp_path).profile(("x",))
    assert 2 == store.reads
