import logging
from collections.abc import Callable
from typing import Any

import pytest

import homeostat as hs
from unit.callbacks.conftest import Told, X, Y

lgb = pytest.importorskip("lightgbm", reason="needs the extra `lightgbm`")
PARAMS = {"objective": "binary", "verbose": -1, "num_leaves": 4, "metric": ["auc", "binary_logloss"], "num_threads": 1}


def train(callbacks: list[Any], *, rounds: int = 30) -> Any:
    data = lgb.Dataset(X[:200], Y[:200])
    sets = [data, lgb.Dataset(X[200:], Y[200:], reference=data)]
    return lgb.train(PARAMS, data, rounds, valid_sets=sets, valid_names=["train", "valid"], callbacks=callbacks)


def test_each_round_is_a_point(told: Told) -> None:
    """A curve for each evaluation of each set, as LightGBM's own record of it has it."""
    record: dict[str, Any] = {}
    train([hs.callbacks.lightgbm(), lgb.record_evaluation(record)], rounds=5)

    assert (list(range(5)), record["valid"]["auc"]) == told.curve("valid/auc")
    assert record["train"]["binary_logloss"] == told.curve("train/binary_logloss")[1]


def test_the_best_round_is_that_of_early_stopping(told: Told) -> None:
    """Counted from 1 as LightGBM does, and the round that stopped it is logged too."""
    stopping = lgb.early_stopping(3, first_metric_only=True, verbose=False)
    booster = train([stopping, hs.callbacks.lightgbm()])

    latest = told.latest()
    assert (booster.best_iteration, booster.best_score["valid"]["auc"]) == (
        latest["best_iteration"],
        latest["best_score"],
    )
    assert booster.best_iteration + 3 == len(told.curve("valid/auc")[1])


def test_params_are_those_of_the_training(told: Told) -> None:
    """Lists stay lists."""
    train([hs.callbacks.lightgbm()], rounds=1)

    assert (["auc", "binary_logloss"], 4) == (told.detail.params["metric"], told.detail.params["num_leaves"])


def test_params_that_contradict_cost_no_points(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """A second training in a run keeps all its rounds; the params that differ are named."""
    told.run.params(num_leaves=31)
    with caplog.at_level(logging.WARNING):
        train([hs.callbacks.lightgbm()], rounds=3)

    assert (3, 31, "binary") == (
        len(told.curve("valid/auc")[1]),
        told.detail.params["num_leaves"],
        told.detail.params["objective"],
    )
    assert "'num_leaves'" in caplog.text


def test_cross_validation_has_mean_and_spread(told: Told) -> None:
    """Both as LightGBM's table has them."""
    table = lgb.cv(PARAMS, lgb.Dataset(X, Y), 3, nfold=3, callbacks=[hs.callbacks.lightgbm()])

    assert table["valid auc-mean"] == told.curve("valid/auc")[1]
    assert table["valid auc-stdv"] == told.curve("valid/auc_std")[1]


def test_importance_and_booster_are_kept_when_asked(told: Told) -> None:
    """The feature that decides comes first; the file is one that LightGBM loads."""
    rounds = hs.callbacks.lightgbm()
    booster = train([rounds], rounds=3)
    rounds.trained(booster, model="booster")

    assert "Column_0" == told.table("feature_importance.json")["feature"][0]
    loaded = lgb.Booster(model_str=told.content("booster.txt").decode())
    assert booster.predict(X).tolist() == loaded.predict(X).tolist()


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")  # older versions know no other
def test_estimators_take_it_too(told: Told) -> None:
    """The same object serves scikit-learn's manner of training."""
    rounds = hs.callbacks.lightgbm(prefix="fold-1/")
    estimator = lgb.LGBMClassifier(n_estimators=4, verbose=-1, n_jobs=1)
    rounds.trained(estimator.fit(X, Y, eval_set=[(X[200:], Y[200:])], callbacks=[rounds]))

    assert 4 == len(told.curve("fold-1/valid_0/binary_logloss")[1])
    assert ["fold-1/feature_importance.json"] == [one.name for one in told.detail.artifacts]


def test_a_run_that_fails_does_not_break_training(
    told: Told, broken: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The booster is what it would have been; the trouble is said once."""
    broken()
    rounds = hs.callbacks.lightgbm()
    with caplog.at_level(logging.WARNING):
        booster = train([rounds], rounds=4)
        rounds.trained(booster, model="booster")

    assert train([], rounds=4).model_to_string() == booster.model_to_string()
    assert 1 == caplog.text.count("the disk is gone")
