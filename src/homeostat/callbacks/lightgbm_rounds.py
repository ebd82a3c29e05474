"""LightGBM, whose callbacks are functions: `lightgbm.train`, `lightgbm.cv` and its estimators take them alike."""

from typing import Any

from homeostat.callbacks.guard import Guard, set_params
from homeostat.track.run import Run


class LightGBMRounds:
    """Logs each evaluation of each round, the parameters and the best round so far.

    Metrics are `<evaluation set>/<metric>` with the round as their step; of `cv` the mean, and beside it `..._std`.
    `best_iteration` and `best_score` follow the first metric of the first set that is not the training data: the last of
    their points is what LightGBM stops early by. It tells nobody when it is done, so what comes after is a call of its own:
    `rounds.trained(booster)`.

    Attributes:
        order, before_iteration: as LightGBM asks for: each round, before early stopping may end the training.
    """

    order = 20
    before_iteration = False

    def __init__(self, run: Run | None = None, *, prefix: str = "") -> None:
        """Make one for a training; it may be used for several.

        Args:
            run: default: the run that is active while it trains.
            prefix: before names of metrics, params and artifacts, such as `fold-1/`: several trainings in one run.
        """
        self._guard = Guard("LightGBM", run)
        self._prefix = prefix
        self._best: float | None = None

    def __call__(self, env: Any) -> None:
        """One round, as LightGBM tells it (`CallbackEnv`)."""
        if env.iteration == env.begin_iteration:
            self._best = None
            given = {self._prefix + key: value for key, value in env.params.items() if value is not None}
            self._guard(lambda run: set_params(run, given))
        self._guard(lambda run: self._round(run, env))

    def trained(self, booster: Any, *, importance: bool = True, model: str = "") -> None:
        """Log what is known when training is over.

        Args:
            booster: a booster, or an estimator of LightGBM.
            importance: keep gain and number of splits of each feature as a table.
            model: keep the booster as an artifact of this name, in LightGBM's own format (text).
        """
        inner = getattr(booster, "booster_", booster)

        def speak(run: Run) -> None:
            if importance:
                kinds = {kind: inner.feature_importance(kind).tolist() for kind in ("gain", "split")}
                rows = [
                    {"feature": name, "gain": gain, "split": split}
                    for name, gain, split in zip(inner.feature_name(), kinds["gain"], kinds["split"], strict=True)
                ]
                run.table(f"{self._prefix}feature_importance.json", sorted(rows, key=lambda row: -row["gain"]))
            if model:
                run.artifact(f"{self._prefix}{model}.txt", inner.model_to_string().encode())

        self._guard(speak)

    def _round(self, run: Run, env: Any) -> None:
        said: dict[str, float] = {}
        watched = None
        training = getattr(env.model, "_train_data_name", "training")
        for item in env.evaluation_result_list or ():
            data, metric, value, is_greater_better = item[:4]
            if data == "cv_agg":  # before version 4 the two are one text
                data, _, metric = metric.partition(" ")
            key = f"{self._prefix}{data}/{metric}"
            said[key] = value
            if len(item) > 4 and item[4] is not None:
                said[f"{key}_std"] = item[4]
            if watched is None and data not in {training, "train"}:
                watched = value, is_greater_better
        if watched is not None:
            value, is_greater_better = watched
            if self._best is None or (value > self._best if is_greater_better else value < self._best):
                self._best = value
                # Counted from 1, as `booster.best_iteration` is.
                said |= {f"{self._prefix}best_iteration": env.iteration + 1, f"{self._prefix}best_score": value}
        run.metrics(said, env.iteration)
