"""Losses, figures and states."""

import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from homeostat.core.clock import Micros
from homeostat.core.errors import EmptyWindow
from homeostat.monitor.rules import brier, counted_state, error_rate, figures, ranking, sampled_state


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    score = rng.beta(1, 3, size=2000)
    return score, (rng.random(2000) < score).astype(float)


def test_figures_are_those_of_scikit_learn(scored: tuple[np.ndarray, np.ndarray]) -> None:
    """Brier, log loss and AUC of a window equal the library's."""
    score, label = scored
    found = figures(Micros(0), score, label, np.ones(2000, dtype=int))
    expected = (brier_score_loss(label, score), log_loss(label, score), roc_auc_score(label, score))
    assert pytest.approx(expected) == (found.brier, found.log_loss, found.auc)


def test_figures_count_labels_and_versions() -> None:
    """Coverage is the labelled share; each version's answers are counted."""
    found = figures(Micros(7), np.array([0.1, 0.9, 0.5]), np.array([0, 1, np.nan]), np.array([3, 4, 3]))
    assert (7, 3, 2, {3: 2, 4: 1}) == (found.start_at, found.predictions, found.labels, found.versions)
    assert pytest.approx(2 / 3) == found.coverage


def test_figures_without_labels_say_none() -> None:
    """Before the first label there is no Brier score and no AUC, but a mean score."""
    found = figures(Micros(0), np.array([0.25, 0.75]), np.full(2, np.nan), np.array([1, 1]))
    assert (0, 0.5, None, None) == (found.labels, found.mean_score, found.brier, found.auc)


def test_one_class_has_no_auc() -> None:
    """A week of nothing but negatives has a Brier score and no AUC."""
    found = figures(Micros(0), np.array([0.2, 0.4]), np.zeros(2), np.array([1, 1]))
    assert (pytest.approx(0.1), None) == (found.brier, found.auc)  # type: ignore[comparison-overlap]


def test_figures_of_nothing_are_an_error() -> None:
    """A week without predictions has no row."""
    with pytest.raises(EmptyWindow):
        figures(Micros(0), np.empty(0), np.empty(0), np.empty(0, dtype=int))


def test_a_score_that_is_no_number_costs_most() -> None:
    """NaN, infinity and far-off scores have a loss of 1: they cannot hide by being dropped."""
    wrong = np.array([np.nan, np.inf, 7.0])
    assert [1.0, 1.0, 1.0] == brier(wrong, np.ones(3)).tolist()
    assert [1.0] == error_rate(np.array([np.nan]), np.zeros(1)).tolist()


def test_error_rate_looks_at_one_half() -> None:
    """0.5 itself predicts the positive class."""
    assert [0.0, 1.0, 0.0, 1.0] == error_rate(np.array([0.5, 0.5, 0.4, 0.6]), np.array([1, 0, 0, 0])).tolist()


def test_ranking_loss_is_one_minus_auc(scored: tuple[np.ndarray, np.ndarray]) -> None:
    """The mean ranking loss of a model estimates one minus its AUC."""
    score, label = scored
    found = ranking(np.array([score, 1 - score]), label).mean(axis=1)
    area = roc_auc_score(label, score)
    assert pytest.approx([1 - area, area], abs=0.02) == found.tolist()


def test_ranking_by_hand() -> None:
    """Each row is compared with the rows before it of the other class; a tie counts half, NaN counts as lost."""
    label = np.array([0, 1, 0, 1])
    score = np.array([[0.2, 0.9, 0.9, 0.1], [0.2, np.nan, 0.1, 0.3]])
    # Row 1 against row 0; row 2 against row 1; row 3 against rows 0 and 2.
    assert [[0.0, 0.5, 1.0], [1.0, 1.0, 0.0]] == ranking(score, label).tolist()


def test_ranking_of_one_class_is_empty() -> None:
    """Without both classes there is nothing to rank."""
    assert (2, 0) == ranking(np.ones((2, 5)), np.zeros(5)).shape


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [(0.1, 0.19, "met"), (0.191, 0.3, "breach"), (0.1, 0.3, "unknown"), (0.19, 0.3, "unknown")],
)
def test_the_whole_interval_decides(low: float, high: float, state: str) -> None:
    """Inside is met, beyond is breach, straddling is unknown; the setpoint itself is still inside."""
    assert state == sampled_state(low, high, 0.19)


@pytest.mark.parametrize(
    ("value", "low", "state"),
    [(0.0, 0.0, "met"), (0.01, 0.0005, "unknown"), (0.01, 0.002, "breach"), (math.inf, -math.inf, "unknown")],
)
def test_a_counted_figure_is_met_by_itself(value: float, low: float, state: str) -> None:
    """What was observed on every request is met as it stands; a breach must rule chance out."""
    assert state == counted_state(value, low, 0.001)
