import logging
from collections.abc import Callable
from typing import Any

import pytest

import homeostat as hs
from unit.callbacks.conftest import Told

optuna: Any = pytest.importorskip("optuna", reason="needs the extra `optuna`")


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)


def objective(trial: Any) -> float:
    x: float = trial.suggest_float("x", -1, 1)
    for step in range(3):
        trial.report(x * step, step)
        if trial.number == 1:
            raise optuna.TrialPruned
    if trial.number == 2:
        raise ZeroDivisionError("no rows")
    return x**2


def study(**more: Any) -> Any:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1), **more)


def test_each_trial_is_a_part_of_the_run(told: Told) -> None:
    """With its params, its value, its intermediate values and how it ended."""
    searched = study()
    searched.optimize(objective, n_trials=4, callbacks=[hs.callbacks.optuna()], catch=ZeroDivisionError)

    parts = told.parts()
    assert [("trial-0", "finished", "COMPLETE"), ("trial-1", "finished", "PRUNED")] == [
        (part.run.name, part.run.status, part.tags["optuna.state"]) for part in parts[:2]
    ]
    assert ("failed", "FAIL") == (parts[2].run.status, parts[2].tags["optuna.state"])
    x = searched.trials[3].params["x"]
    assert ({"x": x}, {"value": x**2}) == (
        parts[3].params,
        {one.key: one.value for one in parts[3].metrics if one.key == "value"},
    )
    assert ([0, 1, 2], [0.0, x, 2 * x]) == told.curve("intermediate_value", parts[3].run.id)


def test_the_run_has_the_best(told: Told) -> None:
    """Its value by trial, never rising, and its params as tags."""
    searched = study()
    searched.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=9, callbacks=[hs.callbacks.optuna()])

    steps, values = told.curve("best_value")
    assert (list(range(9)), sorted(values, reverse=True), searched.best_value) == (steps, values, values[-1])
    assert (str(searched.best_params["x"]), str(searched.best_trial.number)) == (
        told.detail.tags["best.x"],
        told.detail.tags["best.trial"],
    )


def test_a_trial_began_when_it_began(told: Told) -> None:
    """A run that is made when its trial has ended says when that began."""
    searched = study()
    searched.optimize(objective, n_trials=1, callbacks=[hs.callbacks.optuna()])

    (part,) = told.parts()
    assert round(searched.trials[0].datetime_start.timestamp() * 1e6) == pytest.approx(part.run.started_at, abs=2)


def test_what_the_objective_logs_goes_to_its_trial(told: Told) -> None:
    """Also where trials run in threads, which inherit no active run."""

    def logging_objective(trial: Any) -> float:
        hs.log(seen=float(trial.number))
        return objective(trial)

    trials = hs.callbacks.optuna(told.run)
    study().optimize(
        trials.in_runs(logging_objective), n_trials=6, n_jobs=2, callbacks=[trials], catch=ZeroDivisionError
    )

    parts = told.parts()
    seen = {part.run.name: {one.key: one.value for one in part.metrics}["seen"] for part in parts}
    assert {f"trial-{number}": float(number) for number in range(6)} == seen
    assert ["FAIL"] == [part.tags["optuna.state"] for part in parts if part.run.status == "failed"]


def test_an_error_that_ends_the_study_ends_its_trial(told: Told) -> None:
    """It comes through, and the run of the trial has failed by it."""
    trials = hs.callbacks.optuna()
    with pytest.raises(ZeroDivisionError):
        study().optimize(trials.in_runs(objective), n_trials=4, callbacks=[trials])

    assert ("failed", "ZeroDivisionError: no rows") == (told.parts()[-1].run.status, told.parts()[-1].run.error)


@pytest.mark.filterwarnings("ignore:.*set_metric_names is experimental")
def test_several_objectives_have_their_names(told: Told) -> None:
    """As the study names them; there is no best of several."""
    searched = study(directions=["minimize", "maximize"])
    searched.set_metric_names(["loss", "speed"])
    searched.optimize(
        lambda trial: (trial.suggest_float("x", 0, 1), 2.0), n_trials=1, callbacks=[hs.callbacks.optuna()]
    )

    assert ["loss", "speed"] == sorted(one.key for one in told.parts()[0].metrics)
    assert {} == told.latest()


def test_a_run_that_fails_does_not_break_the_study(
    told: Told, broken: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """All trials are made; the trouble is said once."""
    broken()
    searched, trials = study(), hs.callbacks.optuna()
    with caplog.at_level(logging.WARNING):
        searched.optimize(trials.in_runs(objective), n_trials=5, callbacks=[trials], catch=ZeroDivisionError)

    assert (5, 1) == (len(searched.trials), caplog.text.count("the disk is gone"))
