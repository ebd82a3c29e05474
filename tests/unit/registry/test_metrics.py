"""Metrics against scikit-learn, and their intervals against simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from homeostat.registry.metrics import Floats, compare, measure, metric, unmeasurable, upper_quantile_bound

BINARY = ("auc", "brier", "log_loss", "accuracy")
NUMBERS = ("mae", "rmse")
SKLEARN = {
    "auc": sklearn_metrics.roc_auc_score,
    "brier": sklearn_metrics.brier_score_loss,
    "log_loss": sklearn_metrics.log_loss,
    "accuracy": lambda labels, scores: sklearn_metrics.accuracy_score(labels, scores >= 0.5),
    "mae": sklearn_metrics.mean_absolute_error,
    "rmse": sklearn_metrics.root_mean_squared_error,
}


def sample(rng: np.random.Generator, rows: int, noise: float = 1.0) -> tuple[Floats, Floats, Floats]:
    """Labels and the scores of two models of the same skill: noise of the same size, half of it shared."""
    labels = (rng.random(rows) < 0.3).astype(np.float64)
    shared = labels + noise * rng.normal(size=rows)
    one, other = (1 / (1 + np.exp(-(shared + noise * rng.normal(size=rows)))) for _ in range(2))
    return labels, one, other


def weighted_auc(labels: Floats, scores: Floats, others: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """(draws, 2) bootstrap replicates of both AUCs by their definition: the share of pairs in the right order."""
    is_positive = labels == 1
    found = np.empty((draws, 2))
    m, n = int(is_positive.sum()), int((~is_positive).sum())
    kernels = []
    for one in (scores, others):
        up, down = one[is_positive][:, None], one[~is_positive][None, :]
        kernels.append((up > down) + 0.5 * (up == down))
    for draw in range(draws):
        a, b = rng.multinomial(m, np.full(m, 1 / m)) / m, rng.multinomial(n, np.full(n, 1 / n)) / n
        found[draw] = [a @ kernel @ b for kernel in kernels]
    return found


@pytest.mark.parametrize("name", BINARY + NUMBERS)
def test_value_is_that_of_scikit_learn(name: str) -> None:
    """Every metric has the value users know from scikit-learn, ties in the scores included."""
    rng = np.random.default_rng(1)
    labels, scores, _ = sample(rng, 500)
    scores = np.round(scores, 2)
    if name in NUMBERS:
        labels = labels + rng.normal(size=500)

    assert pytest.approx(SKLEARN[name](labels, scores), abs=1e-12) == measure(metric(name), labels, scores).value


@pytest.mark.parametrize("name", BINARY + NUMBERS)
def test_bounds_surround_the_value(name: str) -> None:
    """Low, value and high come in this order."""
    labels, scores, _ = sample(np.random.default_rng(2), 300)
    found = measure(metric(name), labels, scores)

    assert found.low < found.value < found.high


def test_delong_agrees_with_the_bootstrap() -> None:
    """DeLong's standard errors of an AUC and of a paired difference are those of 2,000 bootstrap draws, within 10 %."""
    rng = np.random.default_rng(3)
    labels, one, other = sample(rng, 300)
    draws = weighted_auc(labels, one, other, 2000, rng)
    auc = metric("auc")
    alone, paired = measure(auc, labels, one), compare(auc, labels, one, other)

    z = 1.6449
    assert pytest.approx(draws[:, 0].std(), rel=0.1) == (alone.high - alone.low) / (2 * z)
    assert pytest.approx((draws[:, 0] - draws[:, 1]).std(), rel=0.1) == (paired.high - paired.low) / (2 * z)


@pytest.mark.parametrize("name", ["auc", "brier", "rmse"])
def test_lower_bound_lies_above_the_truth_in_one_of_twenty(name: str) -> None:
    """Of two models of equal skill, 95 % bounds call the one better than the other in 5 % of 1,000 samples."""
    rng = np.random.default_rng(4)
    wins = 0
    for _ in range(1000):
        labels, one, other = sample(rng, 300)
        wins += compare(metric(name), labels, one, other).low > 0

    # Binomial(1000, 0.05) lies in 30..72 with probability 0.998.
    assert 30 <= wins <= 72


def test_pairing_sharpens_the_comparison() -> None:
    """The paired interval is narrower than that of two models measured apart."""
    labels, one, other = sample(np.random.default_rng(5), 1000)
    auc = metric("auc")
    paired = compare(auc, labels, one, other)
    apart = [measure(auc, labels, scores) for scores in (one, other)]

    unpaired_width = np.hypot(apart[0].high - apart[0].low, apart[1].high - apart[1].low)
    assert paired.high - paired.low < 0.8 * unpaired_width


@pytest.mark.parametrize(("name", "low"), [("auc", 0.05 ** (1 / 20)), ("accuracy", 0.05 ** (1 / 100))])
def test_perfection_on_few_rows_is_not_certain(name: str, low: float) -> None:
    """A model without a fault on its rows may still have some: the bound is the rule of three."""
    labels = np.r_[np.ones(20), np.zeros(80)]

    found = measure(metric(name), labels, labels)

    assert pytest.approx((low, 1.0)) == (found.low, found.high)


@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(BINARY + NUMBERS))
def test_comparison_turned_round_is_the_negative(seed: int, name: str) -> None:
    """Swapping the models turns the interval round zero."""
    labels, one, other = sample(np.random.default_rng(seed), 200)
    there, back = compare(metric(name), labels, one, other), compare(metric(name), labels, other, one)

    assert pytest.approx((-there.value, -there.high, -there.low)) == (back.value, back.low, back.high)


@given(seed=st.integers(0, 2**32 - 1))
def test_auc_knows_only_the_order(seed: int) -> None:
    """A strictly rising transform of the scores changes neither the AUC nor its bounds."""
    labels, scores, _ = sample(np.random.default_rng(seed), 200)

    assert measure(metric("auc"), labels, scores) == measure(metric("auc"), labels, 2 * scores - 7)


@pytest.mark.parametrize("name", BINARY + NUMBERS)
def test_same_scores_differ_by_nothing(name: str) -> None:
    """A model against itself: zero, without doubt."""
    labels, scores, _ = sample(np.random.default_rng(6), 100)
    found = compare(metric(name), labels, scores, scores)

    assert (0, 0, 0) == (found.value, found.low, found.high)


def test_a_better_model_is_above_zero_in_every_metric() -> None:
    """Whether a metric rises or falls, better is above zero."""
    labels, bad, _ = sample(np.random.default_rng(7), 2000)
    good = 0.5 * bad + 0.5 * labels

    assert all(compare(metric(name), labels, good, bad).low > 0 for name in BINARY + NUMBERS)


@pytest.mark.parametrize(
    ("name", "labels", "says"),
    [
        ("mae", np.zeros(29), "29 rows are too few"),
        ("auc", np.r_[np.ones(9), np.zeros(991)], "rarer class has 9 of 1000"),
        ("brier", np.full(100, 0.5), "labels of 0 and 1"),
    ],
)
def test_too_little_evidence_is_said(name: str, labels: Floats, says: str) -> None:
    """Rows that cannot carry an interval are refused in plain words."""
    assert says in str(unmeasurable(metric(name), labels))


def test_enough_evidence_is_measurable() -> None:
    """Ten of each class carry an AUC."""
    assert unmeasurable(metric("auc"), np.r_[np.ones(10), np.zeros(20)]) is None


def test_quantile_needs_299_rows() -> None:
    """With 95 % confidence the largest of 299 values, and of no fewer, bounds the 99th percentile."""
    values = np.arange(299, dtype=np.float64)

    assert (None, 298.0) == (upper_quantile_bound(values[:-1], 0.99), upper_quantile_bound(values, 0.99))


def test_quantile_bound_covers() -> None:
    """The bound lies above the true p99 in at least 95 % of 2,000 samples, and not in all of them."""
    rng = np.random.default_rng(8)
    bounds = [upper_quantile_bound(rng.random(1000), 0.99) for _ in range(2000)]
    share = np.mean([bound is not None and bound >= 0.99 for bound in bounds])

    assert 0.94 <= share <= 0.99
