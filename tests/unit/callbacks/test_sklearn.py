import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import homeostat as hs
from unit.callbacks.conftest import Told, X, Y

THREE = np.digitize(X[:, 0], [-0.5, 0.5])


def test_params_and_metrics_of_a_classifier(told: Told) -> None:
    """The numbers are those of the estimator's own score, and are given back too."""
    estimator = LogisticRegression(C=0.5).fit(X[:200], Y[:200])
    found = hs.callbacks.sklearn(estimator, X[200:], Y[200:], train=(X[:200], Y[:200]))

    assert (0.5, "LogisticRegression") == (told.detail.params["C"], told.detail.tags["estimator"])
    assert estimator.score(X[200:], Y[200:]) == found["test_accuracy"]
    assert estimator.score(X[:200], Y[:200]) == found["train_accuracy"]
    assert found == told.latest()
    assert 0.5 < found["test_roc_auc"] < 1


def test_the_confusion_matrix_counts_the_test_rows(told: Told) -> None:
    """A row for each true class, a column for each that was said."""
    hs.callbacks.sklearn(LogisticRegression().fit(X, THREE), X, THREE)

    matrix = told.table("confusion_matrix.json")
    assert ["0", "1", "2"] == matrix["true"]
    assert len(X) == sum(sum(matrix[name]) for name in ("0", "1", "2"))
    assert np.bincount(THREE).tolist() == [sum(matrix[name][row] for name in "012") for row in range(3)]


def test_a_test_set_without_some_class_has_no_roc(told: Told) -> None:
    """What is not defined is left out; the rest is there."""
    found = hs.callbacks.sklearn(LogisticRegression().fit(X, THREE), X[THREE < 2], THREE[THREE < 2])

    assert ("test_log_loss" in found, "test_roc_auc" in found) == (True, False)


def test_metrics_of_a_regressor(told: Told) -> None:
    """The coefficient of determination is the estimator's own score."""
    estimator = LinearRegression().fit(X[:, 1:], X[:, 0])
    found = hs.callbacks.sklearn(estimator, X[:, 1:], X[:, 0])

    assert estimator.score(X[:, 1:], X[:, 0]) == found["test_r2"]
    assert {"test_r2", "test_mae", "test_rmse"} == found.keys()


@pytest.mark.parametrize(
    ("estimator", "key"),
    [
        (MLPClassifier(max_iter=5, random_state=1), "loss_curve"),
        (MLPClassifier(max_iter=5, random_state=1, early_stopping=True), "validation_scores"),
        (GradientBoostingRegressor(n_estimators=5, subsample=0.5), "oob_improvement"),
        (HistGradientBoostingClassifier(max_iter=5, early_stopping=True), "validation_score"),
    ],
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_curves_of_what_is_fitted_in_iterations(told: Told, estimator: Any, key: str) -> None:
    """A point for each value of the attribute, also where the estimator is the end of a pipeline."""
    pipeline = make_pipeline(StandardScaler(), estimator).fit(X, Y)
    hs.callbacks.sklearn(pipeline)

    assert list(getattr(pipeline[-1], f"{key}_")) == told.curve(key)[1]


def test_candidates_of_a_search_are_parts_of_the_run(told: Told) -> None:
    """Best first, with params and scores; the table has all of them."""
    search = GridSearchCV(LogisticRegression(), {"C": [1e-4, 1e-2, 1.0]}, cv=3).fit(X, Y)
    hs.callbacks.sklearn(search, candidates=2)

    parts = told.parts()
    best = search.cv_results_["params"].index(search.best_params_)
    assert (2, f"candidate-{best}", search.best_params_) == (len(parts), parts[0].run.name, parts[0].params)
    scores = {one.key: one.value for one in parts[0].metrics}
    assert (search.best_score_, search.best_score_) == (scores["mean_test_score"], told.latest()["best_score"])
    assert search.cv_results_["mean_test_score"].tolist() == told.table("cv_results.json")["mean_test_score"]
    assert str(search.best_params_["C"]) == told.detail.tags["best.C"]


def test_importance_names_the_features(told: Told) -> None:
    """The most important one first."""
    hs.callbacks.sklearn(RandomForestClassifier(10, random_state=1).fit(X, Y))

    assert "0" == told.table("feature_importance.json")["feature"][0]


def test_an_estimator_without_a_score_is_logged_too(told: Told) -> None:
    """Its params are there; no metric is made up."""
    assert {} == hs.callbacks.sklearn(KMeans(2, n_init=1).fit(X), X, Y)
    assert 2 == told.detail.params["n_clusters"]


def test_a_second_estimator_does_not_overwrite_the_first(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """Params are written once: the others are set, and what contradicts is said."""
    with caplog.at_level(logging.WARNING):
        hs.callbacks.sklearn(LogisticRegression(C=1.0).fit(X, Y))
        hs.callbacks.sklearn(RandomForestClassifier(2, random_state=7).fit(X, Y))

    assert (1.0, None, 2) == tuple(told.detail.params[key] for key in ("C", "random_state", "n_estimators"))
    assert "'random_state'" in caplog.text


def test_a_run_that_fails_raises_nothing(
    told: Told, broken: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The trouble is said once."""
    broken()
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=3).fit(X, Y)
    with caplog.at_level(logging.WARNING):
        hs.callbacks.sklearn(search, X, Y, model="classifier")

    assert 1 == caplog.text.count("the disk is gone")
