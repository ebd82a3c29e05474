"""Importance of settings, against results whose causes are known and against a forest of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.inspection import permutation_importance

from homeostat.stats.importance import LEAST_RUNS, Floats, importance, rank_correlation


def made(runs: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Five settings of which the first matters much, the second half as much, the others not at all."""
    generator = np.random.default_rng(seed)
    settings = generator.normal(size=(runs, 5))
    return settings, 2 * settings[:, 0] - settings[:, 1] + 0.3 * generator.normal(size=runs)


def test_what_matters_is_found() -> None:
    """The two causes come first, in their order, clear of chance; what is no cause has an interval around 0."""
    found = importance(*made(100))
    assert found is not None

    assert [0, 1] == np.argsort(-found.share)[:2].tolist()
    assert (found.low[:2] > 0.02).all()
    assert (found.low[2:] <= 0.02).all()
    assert found.explained > 0.5


def test_a_forest_of_scikit_learn_agrees() -> None:
    """The order of what matters, and about how much, are those of permutation importance by the library."""
    settings, result = made(150)
    seen, unseen = slice(0, 100), slice(100, None)
    forest = ExtraTreesRegressor(200, random_state=0).fit(settings[seen], result[seen])
    theirs = permutation_importance(forest, settings[unseen], result[unseen], n_repeats=20, random_state=0)
    ours = importance(settings, result)
    assert ours is not None

    assert np.argsort(-theirs.importances_mean)[:2].tolist() == np.argsort(-ours.share)[:2].tolist()
    ratio = theirs.importances_mean[0] / theirs.importances_mean[1]
    assert ratio == pytest.approx(ours.share[0] / ours.share[1], rel=0.6)


def test_chance_explains_nothing() -> None:
    """Where the result has nothing to do with the settings, no variance is explained and no setting is clear of 0."""
    settings, result = made(40)
    found = importance(settings, np.random.default_rng(5).permutation(result))
    assert found is not None

    assert found.explained < 0.2
    assert (found.share < 0.25).all()


def test_a_curve_that_turns_is_seen() -> None:
    """A setting that is best in the middle matters, though its rank correlation is about 0."""
    setting = np.linspace(-1, 1, 60)
    other = np.random.default_rng(0).normal(size=60)
    found = importance(np.stack([other, setting], axis=1), setting**2)
    assert found is not None

    assert found.low[1] > 0.3
    assert abs(rank_correlation(setting, setting**2)) < 0.05


def test_the_same_runs_give_the_same_answer() -> None:
    """A page that is read again does not change."""
    first, second = importance(*made(30)), importance(*made(30))
    assert first is not None
    assert second is not None

    assert first.share.tolist() == second.share.tolist()


def test_too_few_runs_have_no_answer() -> None:
    """Nor has a result that never varies, nor no setting."""
    settings, result = made(LEAST_RUNS)

    assert importance(settings[:-1], result[:-1]) is None
    assert importance(settings, np.ones(len(result))) is None
    assert importance(settings[:, :0], result) is None


@given(pairs=st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=30))
def test_rank_correlation_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    """With ties, as SciPy counts it; 0 where one column is constant."""
    first, second = (np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    is_constant = len(set(first)) == 1 or len(set(second)) == 1
    expected = 0.0 if is_constant else spearmanr(first, second).statistic

    assert expected == pytest.approx(rank_correlation(first, second), abs=1e-9)
