"""AUC by ranks, with DeLong's interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from homeostat.core.errors import EmptyWindow
from homeostat.stats.auc import Auc, auc


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=50))
def test_equals_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    """With ties and any mixture of classes the value is scikit-learn's."""
    score = np.array([row[0] for row in rows], dtype=float)
    positive = np.array([row[1] for row in rows])
    if positive.all() or not positive.any():
        with pytest.raises(EmptyWindow):
            auc(score, positive)
    else:
        assert pytest.approx(roc_auc_score(positive, score)) == auc(score, positive).value


def test_interval_covers() -> None:
    """Of 400 samples of 300 rows, 95 % intervals cover the true area in 92 to 98 %."""
    rng = np.random.default_rng(1)
    truth = 0.7601  # P(N(1, 1) > N(0, 1)) = Φ(1 / √2)
    hits = 0
    for _ in range(400):
        positive = rng.random(300) < 0.25
        found = auc(rng.normal(size=300) + positive, positive)
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / 400 <= 0.98


def test_delong_variance_of_a_case_by_hand() -> None:
    """Two positives at 1 and 3 against negatives at 0 and 2: the area is 3/4, its logit interval is symmetric about it."""
    found = auc(np.array([1.0, 3.0, 0.0, 2.0]), np.array([True, True, False, False]))
    # Placements are (1/2, 1) on both sides: each has variance 1/8, so the area has 1/8 and a standard error of 0.3536.
    reach = 1.959964 * np.sqrt(1 / 8) / (0.75 * 0.25)
    expected = [1 / (1 + np.exp(-(np.log(3) + shift))) for shift in (-reach, reach)]
    assert pytest.approx((0.75, *expected), rel=1e-5) == found


def test_perfect_order_has_no_width() -> None:
    """A perfect order of few rows is reported as it is, not as an error."""
    assert Auc(1.0, 1.0, 1.0) == auc(np.array([0.1, 0.9]), np.array([False, True]))
