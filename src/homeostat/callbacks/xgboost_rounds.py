"""XGBoost, by its callbacks: `xgboost.train`, `xgboost.cv` and its estimators take them alike."""

import json
from collections.abc import Mapping
from typing import Any

from xgboost import Booster
from xgboost.callback import TrainingCallback

from homeostat.callbacks.guard import Guard, number, set_params
from homeostat.track.run import Run

# Other names of parameters that are there under their own: eta, gamma, alpha and lambda.
_ALIASES = frozenset({"eta", "gamma", "alpha", "lambda"})
_KINDS = ("gain", "weight", "cover")


class XGBoostRounds(TrainingCallback):
    """Logs each evaluation of each round, the parameters, the best round and how much each feature matters.

    Metrics are `<evaluation set>/<metric>` with the round as their step; of `cv` the mean, and beside it `..._std`.
    """

    def __init__(self, run: Run | None = None, *, prefix: str = "", importance: bool = True, model: str = "") -> None:
        """Make one for a training; it may be used for several.

        Args:
            run: default: the run that is active while it trains.
            prefix: before names of metrics, params and artifacts, such as `fold-1/`: several trainings in one run.
            importance: keep gain, weight and cover of each feature as a table.
            model: keep the booster as an artifact of this name, in XGBoost's own format (UBJSON).
        """
        super().__init__()
        self._guard = Guard("XGBoost", run)
        self._prefix = prefix
        self._importance = importance
        self._model = model
        self._history: Mapping[str, Mapping[str, Any]] = {}
        self._first = self._logged = 0

    def before_training(self, model: Any) -> Any:
        """Log the parameters it begins with."""
        booster = model if isinstance(model, Booster) else model.cvfolds[0].bst
        self._history, self._logged = {}, 0
        self._first = booster.num_boosted_rounds()  # a booster that goes on goes on counting
        self._guard(lambda run: set_params(run, {self._prefix + key: value for key, value in params(booster).items()}))
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Log the evaluations of a round. Never ends the training."""
        del model, epoch
        self._history = evals_log
        self._guard(self._log)
        return False

    def after_training(self, model: Any) -> Any:
        """Log what another callback kept from us by ending the training, the best round, and the booster."""
        self._guard(self._log)
        if isinstance(model, Booster):
            self._guard(lambda run: self._end(run, model))
        return model

    def _log(self, run: Run) -> None:
        curves = {
            f"{self._prefix}{data}/{metric}": values
            for data, metrics in self._history.items()
            for metric, values in metrics.items()
        }
        rounds = max(map(len, curves.values()), default=0)
        for index in range(self._logged, rounds):
            said: dict[str, float] = {}
            for key, values in curves.items():
                value = values[index]
                if isinstance(value, tuple):
                    said[key], said[f"{key}_std"] = value
                else:
                    said[key] = value
            run.metrics(said, self._first + index)
        self._logged = max(self._logged, rounds)

    def _end(self, run: Run, booster: Booster) -> None:
        best = booster.attr("best_iteration")
        if best is not None:
            score = float(booster.attr("best_score") or "nan")
            run.metrics({f"{self._prefix}best_iteration": int(best), f"{self._prefix}best_score": score})
        if self._importance:
            scores: dict[str, Any] = {kind: booster.get_score(importance_type=kind) for kind in _KINDS}
            by_gain = sorted(scores["gain"], key=lambda name: -scores["gain"][name])
            rows = [{"feature": name, **{kind: scores[kind].get(name) for kind in _KINDS}} for name in by_gain]
            if rows:
                run.table(f"{self._prefix}feature_importance.json", rows)
        if self._model:
            run.artifact(f"{self._prefix}{self._model}.ubj", bytes(booster.save_raw("ubj")))


def params(booster: Booster) -> dict[str, Any]:
    """What a booster trains with, by the names of XGBoost's documentation."""
    learner = json.loads(booster.save_config())["learner"]
    found = {"objective": learner["objective"]["name"], "seed": learner["generic_param"]["seed"]}
    boosting = learner["gradient_booster"]
    found["booster"] = boosting["name"]
    boosting = boosting.get("gbtree", boosting)  # dart holds one
    found |= boosting.get("tree_train_param", {})
    found |= {key: value for key, value in boosting.get("gbtree_train_param", {}).items() if key == "tree_method"}
    found |= boosting.get("updater", {}).get("linear_train_param", {}) if found["booster"] == "gblinear" else {}
    return {key: number(value) for key, value in found.items() if key not in _ALIASES}
