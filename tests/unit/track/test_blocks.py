"""Points as compressed columns."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from homeostat.track.blocks import Points, join, pack, unpack

whole = st.integers(-(2**63), 2**63 - 1)
some_points = st.lists(st.tuples(whole, whole, st.floats()), min_size=1, max_size=40).map(
    lambda rows: Points.of(*zip(*rows, strict=True))
)


def bits(points: Points) -> tuple[list[int], list[int], list[int]]:
    """NaN is not equal to itself, its bits are."""
    return points.steps.tolist(), points.at.tolist(), points.values.view(np.int64).tolist()


@given(points=some_points)
def test_points_come_back_bit_by_bit(points: Points) -> None:
    """Whatever the steps, times and values: extremes, NaN with a payload, -0.0."""
    assert bits(points) == bits(unpack(pack(points), len(points)))


@given(first=some_points, second=some_points)
def test_joined_columns_are_one_after_the_other(first: Points, second: Points) -> None:
    """Order of arrival is kept."""
    joined = bits(join([first, second]))

    assert joined == tuple(a + b for a, b in zip(bits(first), bits(second), strict=True))


@given(points=some_points)
def test_the_latest_is_the_greatest(points: Points) -> None:
    """By step, then time, then value, NaN being less than any number."""
    rows = zip(points.steps.tolist(), points.at.tolist(), points.values.tolist(), strict=True)
    keys = [(step, at, -np.inf if np.isnan(value) else value) for step, at, value in rows]
    step, at, value = points.latest()

    assert max(keys) == (step, at, -np.inf if np.isnan(value) else value)


def test_a_curve_takes_ten_bytes_a_point() -> None:
    """Noise, which nothing can compress, at uneven times: 8 bytes of mantissa and little more."""
    generator = np.random.default_rng(0)
    times = 1_700_000_000_000_000 + np.cumsum(generator.integers(500, 5000, 10_000))
    points = Points.of(np.arange(10_000), times, generator.normal(size=10_000))

    assert len(pack(points)) < 10 * len(points)


def test_even_columns_take_nothing() -> None:
    """Steps that count and a value that stands still cost some bytes a block."""
    points = Points.of(np.arange(10_000), np.arange(10_000) * 1000, np.ones(10_000))

    assert len(pack(points)) < 500
