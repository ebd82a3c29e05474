"""Canary errors and disagreements."""

import msgspec
import numpy as np
import pytest

from homeostat.core.errors import BadData
from homeostat.stats import canary, disagreement
from homeostat.stats.canary import ExcessEvidence


def errors_needed(theta: float, weight: float, alpha: float, most: int, rng: np.random.Generator) -> float:
    """Errors until the canary is called worse; infinite if it is not within `most`."""
    state = ExcessEvidence()
    for start in range(0, most, 5):
        state = canary.update(state, rng.random(5) < theta, np.full(5, weight))
        if state.is_excess(alpha):
            return start + 5
    return np.inf


@pytest.mark.parametrize("weight", [0.05, 0.5])
def test_equal_rates_are_seldom_called_worse(weight: float) -> None:
    """At alpha = 0.05 at most 5 % of 200 equal canaries are ever called worse within 1,000 errors."""
    rng = np.random.default_rng(1)
    called = 0
    for _ in range(200):
        state = canary.update(ExcessEvidence(), rng.random(1000) < weight, np.full(1000, weight))
        called += state.is_excess(0.05)
    assert called / 200 <= 0.05


def test_a_canary_ten_times_worse_is_found_soon() -> None:
    """At a weight of 5 % about 13 errors are enough, as published."""
    rng = np.random.default_rng(2)
    theta = 0.05 * 10 / (0.05 * 10 + 0.95)
    assert 5 <= np.median([errors_needed(theta, 0.05, 0.01, 200, rng) for _ in range(60)]) <= 20


def test_the_weight_may_change() -> None:
    """Equal rates stay equal when the canary grows from 5 % to 50 % in between: each error counts by its own weight."""
    rng = np.random.default_rng(3)
    weight = np.concatenate((np.full(500, 0.05), np.full(500, 0.5)))
    called = [canary.update(ExcessEvidence(), rng.random(1000) < weight, weight).is_excess(0.05) for _ in range(200)]
    assert np.mean(called) <= 0.05


def test_resumes_from_json() -> None:
    """Two batches with the state stored between them give the state of one."""
    rng = np.random.default_rng(4)
    side, weight = rng.random(100) < 0.4, np.full(100, 0.2)
    stored = msgspec.json.encode(canary.update(ExcessEvidence(), side[:37], weight[:37]))
    resumed = canary.update(msgspec.json.decode(stored, type=ExcessEvidence), side[37:], weight[37:])
    whole = canary.update(ExcessEvidence(), side, weight)
    assert (whole.n, whole.on_canary) == (resumed.n, resumed.on_canary)
    assert pytest.approx(whole.peak) == resumed.peak


def test_refuses_weights_that_decide_by_themselves() -> None:
    """Where the canary answered everything, an error says nothing about it."""
    with pytest.raises(BadData):
        canary.update(ExcessEvidence(), np.array([True]), np.array([1.0]))


def test_a_better_challenger_is_seen_on_disagreements() -> None:
    """At a win rate of 0.7, about 41 labelled disagreements are enough at alpha = 0.05, as published."""
    rng = np.random.default_rng(5)
    needed = []
    for _ in range(60):
        state, seen = ExcessEvidence(), 0
        while not state.is_excess(0.05):
            state, seen = disagreement.update(state, rng.random(5) < 0.7), seen + 5
        needed.append(seen)
    assert 25 <= np.median(needed) <= 60
