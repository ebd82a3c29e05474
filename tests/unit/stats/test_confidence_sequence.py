"""Confidence sequences: coverage at all times at once, resumption, ranges."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.core.errors import BadData
from homeostat.stats.confidence_sequence import ConfidenceSequence, Interval, deviation, interval, update

STREAMS = 200
LENGTH = 4000
LOOKS = np.unique(np.geomspace(5, LENGTH, 60).astype(int))


def misses(x: np.ndarray, mean: np.ndarray, alpha: float) -> float:
    """Share of (streams, length) streams whose running mean ever leaves the band around the mean of `mean`."""
    steps = np.arange(1, x.shape[1] + 1)
    totals = np.cumsum(x, axis=1)
    centres = (np.concatenate((np.zeros((len(x), 1)), totals[:, :-1]), axis=1) + 0.5) / steps
    variation = np.cumsum((x - centres) ** 2, axis=1)[:, LOOKS - 1]
    reach = deviation(variation.ravel(), alpha / 2).reshape(variation.shape)
    truth = np.cumsum(mean, axis=1)[:, LOOKS - 1]
    return float((np.abs(totals[:, LOOKS - 1] - truth) > reach).any(axis=1).mean())


@pytest.mark.parametrize("p", [0.02, 0.2, 0.5])
def test_misses_stay_below_alpha_under_continuous_looking(p: float) -> None:
    """Of 200 streams, looked at 60 times each, at most alpha ever leave their interval."""
    rng = np.random.default_rng(1)
    x = (rng.random((STREAMS, LENGTH)) < p).astype(float)
    assert misses(x, np.full(x.shape, p), alpha=0.1) <= 0.1


def test_covers_the_average_of_a_mean_that_moves() -> None:
    """A mean that jumps in the middle is covered too: the interval speaks of the average so far."""
    rng = np.random.default_rng(2)
    mean = np.where(np.arange(LENGTH) < LENGTH // 2, 0.1, 0.6) * np.ones((STREAMS, 1))
    x = (rng.random(mean.shape) < mean).astype(float)
    assert misses(x, mean, alpha=0.1) <= 0.1


def test_variance_makes_it_narrow() -> None:
    """6,400 squared errors around 0.17 are known to ± 0.01: a week of flights tells 0.17 from 0.19."""
    rng = np.random.default_rng(3)
    p = rng.beta(1.2, 3, size=6400)
    loss = (p - (rng.random(6400) < p)) ** 2
    low, high = interval(update(ConfidenceSequence(), loss))
    assert high - low < 0.02


@settings(max_examples=50)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=60), st.data())
def test_any_batching_gives_the_same_state(values: list[float], data: st.DataObject) -> None:
    """A stream in two batches, with the state stored as JSON between them, ends where the whole stream ends."""
    cut = data.draw(st.integers(0, len(values)))
    x = np.array(values)
    begun = ConfidenceSequence(lower=-1.0)

    stored = msgspec.json.encode(update(begun, x[:cut]))
    resumed = update(msgspec.json.decode(stored, type=ConfidenceSequence), x[cut:])

    whole = update(begun, x)
    assert whole.n == resumed.n
    assert pytest.approx((whole.total, whole.variation)) == (resumed.total, resumed.variation)


def test_says_nothing_before_the_first_observation() -> None:
    """Without observations the interval is the whole range."""
    assert Interval(-1.0, 1.0) == interval(ConfidenceSequence(lower=-1.0))


@pytest.mark.parametrize("bad", [1.01, -0.01, np.nan])
def test_refuses_what_lies_outside_its_range(bad: float) -> None:
    """The bound rests on the range, so an observation outside it is refused and the range is named."""
    with pytest.raises(BadData, match=r"\[0, 1\]"):
        update(ConfidenceSequence(), np.array([0.5, bad]))


def test_scales_with_the_range() -> None:
    """The interval of observations in [-1, 1] is twice that of the same ones in [0, 1], moved."""
    x = np.random.default_rng(4).random(500)
    plain = interval(update(ConfidenceSequence(), x))
    scaled = interval(update(ConfidenceSequence(lower=-1.0), 2 * x - 1))
    assert pytest.approx((2 * plain.low - 1, 2 * plain.high - 1)) == scaled
