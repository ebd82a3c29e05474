import logging
from collections.abc import Callable
from typing import Any

import pytest

import homeostat as hs
from unit.callbacks.conftest import Told, X, Y

xgb = pytest.importorskip("xgboost", reason="needs the extra `xgboost`")
PARAMS = {"objective": "binary:logistic", "max_depth": 2, "eta": 0.5, "seed": 1, "nthread": 1}


def train(callbacks: list[Any], *, rounds: int = 40, **more: Any) -> Any:
    data, held = xgb.DMatrix(X[:200], Y[:200]), xgb.DMatrix(X[200:], Y[200:])
    return xgb.train(PARAMS, data, rounds, evals=[(held, "valid")], callbacks=callbacks, verbose_eval=False, **more)


def test_each_round_is_a_point(told: Told) -> None:
    """A curve for each evaluation, as XGBoost's own record of it has it."""
    record: dict[str, Any] = {}
    train([hs.callbacks.xgboost()], rounds=5, evals_result=record)

    assert (list(range(5)), record["valid"]["logloss"]) == told.curve("valid/logloss")


def test_the_best_round_is_told(told: Told) -> None:
    """That of early stopping, and its score."""
    booster = train([hs.callbacks.xgboost()], early_stopping_rounds=3)

    latest = told.latest()
    assert (booster.best_iteration, booster.best_score) == (latest["best_iteration"], latest["best_score"])


def test_the_last_round_is_there_when_another_callback_ended_it(told: Told) -> None:
    """XGBoost asks no further callback once one has said stop: what it kept back is logged afterwards."""
    record: dict[str, Any] = {}
    train([xgb.callback.EarlyStopping(rounds=3), hs.callbacks.xgboost()], evals_result=record)

    assert len(record["valid"]["logloss"]) < 40
    assert record["valid"]["logloss"] == told.curve("valid/logloss")[1]


def test_params_have_their_documented_names(told: Told) -> None:
    """Numbers are numbers, and single precision does not show."""
    train([hs.callbacks.xgboost()], rounds=1)

    params = told.detail.params
    assert ("binary:logistic", 2, 0.5) == (
        params["objective"],
        params["max_depth"],
        params["learning_rate"],
    )
    assert "eta" not in params


def test_a_booster_that_goes_on_goes_on_counting(told: Told) -> None:
    """Steps are rounds of the booster, not of the call."""
    first = train([], rounds=3)
    train([hs.callbacks.xgboost(prefix="more/")], rounds=2, xgb_model=first)

    assert [3, 4] == told.curve("more/valid/logloss")[0]


def test_cross_validation_has_mean_and_spread(told: Told) -> None:
    """Both as XGBoost's table has them."""
    table = xgb.cv(PARAMS, xgb.DMatrix(X, Y), 3, nfold=3, callbacks=[hs.callbacks.xgboost()], as_pandas=False)

    assert pytest.approx(table["test-logloss-mean"]) == told.curve("test/logloss")[1]
    assert pytest.approx(table["test-logloss-std"]) == told.curve("test/logloss_std")[1]


def test_importance_and_booster_are_kept(told: Told) -> None:
    """The feature that decides comes first; the file is one that XGBoost loads."""
    booster = train([hs.callbacks.xgboost(model="booster")], rounds=3)

    assert "f0" == told.table("feature_importance.json")["feature"][0]
    loaded = xgb.Booster(model_file=bytearray(told.content("booster.ubj")))
    assert booster.predict(xgb.DMatrix(X)).tolist() == loaded.predict(xgb.DMatrix(X)).tolist()


def test_estimators_take_it_too(told: Told) -> None:
    """The same object serves scikit-learn's manner of training."""
    estimator = xgb.XGBClassifier(n_estimators=4, callbacks=[hs.callbacks.xgboost()], n_jobs=1)
    estimator.fit(X, Y, eval_set=[(X, Y)], verbose=False)

    assert 4 == len(told.curve("validation_0/logloss")[1])


def test_a_run_that_fails_does_not_break_training(
    told: Told, broken: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The booster is what it would have been; the trouble is said once, not forty times."""
    broken()
    with caplog.at_level(logging.WARNING):
        booster = train([hs.callbacks.xgboost(model="booster")])

    assert train([]).save_raw() == booster.save_raw()
    assert 1 == caplog.text.count("the disk is gone")


def test_without_a_run_training_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once how to begin one."""
    with caplog.at_level(logging.WARNING):
        train([hs.callbacks.xgboost()], rounds=3)

    assert 1 == caplog.text.count("with hs.run(")
