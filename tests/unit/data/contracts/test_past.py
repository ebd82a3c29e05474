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


def test_keys_apart_are_not_looked_for(tmp_path: Path) -> None:
    """Rows whose numbers lie apart from those of the keys are not asked for keys: only the number is read, once a stretch."""
    store = Store([pl.DataFrame({"x": [n, n + 1], "s": ["a", "b"]}) for n in range(20)])

    found = store.history(tmp_path).seen(pl.DataFrame({"x": [100, 101], "s": ["a", "b"]}))

    assert ([False, False], 20) == (found.tolist(), store.reads)


def test_a_key_without_a_number_may_be_anywhere(tmp_path: Path) -> None:
    """Two keys that both lack the number may be one, wherever the other numbers lie."""
    store = Store([pl.DataFrame({"x": [1, None], "s": ["a", "b"]})])

    found = store.history(tmp_path).seen(pl.DataFrame({"x": [None, 100], "s": ["b", "b"]}))

    assert [True, False] == found.tolist()


@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64, pl.Date, pl.Time, pl.Duration("us")])
def test_keys_of_any_type_are_found(kind: pl.DataType, tmp_path: Path) -> None:
    """What a type says of its order makes a look-up cheaper, never wrong."""
    keys = pl.DataFrame({"k": pl.Series([3, 4]).cast(kind)})

    found = Store([keys]).history(tmp_path).seen(pl.DataFrame({"k": pl.Series([4, 5]).cast(kind)}))

    assert [True, False] == found.tolist()


def test_an_append_reads_only_itself_after_groups_were_made(tmp_path: Path) -> None:
    """Groups that a longer history forms are merged from those that are kept, for any number of appends."""
    for count in range(1, 18):
        store = Store(frames(count))
        store.history(tmp_path).profile(("x",))
        assert 1 == store.reads


def test_an_empty_past_has_seen_nothing(tmp_path: Path) -> None:
    """There may be no rows yet."""
    assert [False] == Store([]).history(tmp_path).seen(pl.DataFrame({"x": [1]})).tolist()


def test_the_newest_value_is_known(tmp_path: Path) -> None:
    """Times go on from the greatest one that is there."""
    assert 1039.0 == Store(frames(40)).history(tmp_path).newest("x")


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
