"""The number of distinct values, from their smallest hashes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.stats.distinct import KEPT, distinct, merge_smallest, smallest


def hashes(n: int, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


@given(sizes=st.lists(st.integers(0, 3000), max_size=4))
@settings(max_examples=20, deadline=None)
def test_parts_merge_to_the_whole(sizes: list[int]) -> None:
    """The merge of sketches is the sketch of all hashes."""
    parts = [hashes(size, seed) for seed, size in enumerate(sizes)]
    whole = smallest(np.concatenate([hashes(0), *parts]))

    assert whole.tolist() == merge_smallest([smallest(part) for part in parts]).tolist()


def test_few_are_counted_exactly() -> None:
    """Repeated values are one, and up to 1,023 there is no error."""
    some = hashes(1000)

    assert 1000 == distinct(smallest(np.concatenate([some, some[:500]])))


def test_many_are_estimated() -> None:
    """Of many the number is known to a few percent."""
    found = smallest(hashes(600_000))

    assert KEPT == len(found)
    assert 600_000 == pytest.approx(distinct(found), rel=0.1)
