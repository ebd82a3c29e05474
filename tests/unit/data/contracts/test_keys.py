"""Sets of hashes: what is in them is found, and little is looked at for what is not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.core.digests import digest_of
from homeostat.data.contracts.derived import Derived, Kept
from homeostat.data.contracts.keys import Hashes, KeySet, key_set

MANY = np.sort(np.random.default_rng(0).integers(0, 2**64, 300_000, dtype=np.uint64))
HASH = st.integers(0, 2**64 - 1)


def hashes(values: list[int]) -> Hashes:
    return np.sort(np.array(values, dtype=np.uint64))


class Watched(Kept):
    """Counts the bytes it is asked for."""

    def __init__(self, folder: Path, content: bytes) -> None:
        found = Derived(folder).get(digest_of(0), lambda: content)
        self.__dict__ |= found.__dict__
        self.asked = 0

    def read(self, start: int = 0, stop: int | None = None) -> memoryview:
        found = super().read(start, stop)
        self.asked += len(found)
        return found


@settings(max_examples=30, deadline=None)
@given(held=st.lists(HASH, min_size=1, max_size=40), others=st.lists(HASH, max_size=40))
def test_membership_is_exact(held: list[int], others: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    """A hash is found if it is there, and only then."""
    kept = Derived(tmp_path_factory.mktemp("kept")).get(digest_of(held), lambda: key_set(hashes(held)))
    wanted = np.unique(hashes([*held, *others]))

    assert [int(one) in set(held) for one in wanted] == KeySet(kept).has(wanted).tolist()


def test_large_sets_are_exact(tmp_path: Path) -> None:
    """Pages and blocks find the hashes that are there, and none that is one beside it."""
    kept = Derived(tmp_path).get(digest_of(0), lambda: key_set(MANY))

    assert KeySet(kept).has(MANY[::2]).all()
    assert not KeySet(kept).has(np.setdiff1d(MANY + np.uint64(1), MANY)[::2]).any()


def test_hashes_come_back(tmp_path: Path) -> None:
    """A set can be merged with others: it still has all hashes, equal ones each."""
    kept = Derived(tmp_path).get(digest_of(0), lambda: key_set(hashes([7, 7, 2**64 - 1])))

    assert [7, 7, 2**64 - 1] == KeySet(kept).hashes().tolist()


def test_what_is_not_there_costs_little(tmp_path: Path) -> None:
    """A thousand keys that are not there are told by the filter, a quarter of the set, and few of its pages."""
    content = key_set(MANY)
    kept = Watched(tmp_path, content)
    wanted = np.sort(np.random.default_rng(1).integers(0, 2**64, 1000, dtype=np.uint64))

    KeySet(kept).has(wanted)

    assert kept.asked < len(content) / 3
