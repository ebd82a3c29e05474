"""scikit-learn: what a fitted estimator knows of its training, told to a run afterwards.

Not every version of scikit-learn has callbacks, and what stands in for them elsewhere is worse: patching `fit` changes a
library behind its user's back, and a wrapper that calls `fit` would have to pass on all that `fit` takes (weights, routed
metadata, frames). A fitted estimator holds nearly all there is: params, curves, the candidates of a search. So this is a
function of a fitted estimator, and `fit` stays the user's.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn import metrics
from sklearn.base import is_classifier, is_regressor

from homeostat.callbacks.guard import Guard, set_params
from homeostat.track.run import Run

# Attributes of fitted estimators with a value for each iteration.
_CURVES = ("loss_curve_", "validation_scores_", "train_score_", "validation_score_", "oob_improvement_", "oob_scores_")
# Of a search: columns of `cv_results_` that are metrics of a candidate.
_MEASURED = ("mean_", "std_", "split")
_MOST_CLASSES = 200  # of a confusion matrix that is kept: 40,000 cells


def log_fitted(
    estimator: Any,
    x: Any = None,
    y: Any = None,
    *,
    train: tuple[Any, Any] | None = None,
    candidates: int = 50,
    model: str = "",
    run: Run | None = None,
) -> dict[str, float]:
    """Log a fitted estimator: `hs.callbacks.sklearn(forest, x_test, y_test, train=(x, y))`.

    Kept are its params (tag `estimator` names the class), a curve for each attribute that has a value an iteration
    (`loss_curve`, `validation_scores`, `train_score` and others, of a pipeline those of its last step), metrics of the test
    rows and of the training rows, a confusion matrix, and the importance of features. Of a search: `best.<param>` as tags,
    `best_score`, all of `cv_results_` as a table, and each candidate as a run that is part of this one.

    Args:
        estimator: fitted.
        x, y: (rows, features) and (rows,) of a test set, for metrics under `test_`.
        train: the same of the training set, for metrics under `train_`.
        candidates: of a search at most so many become runs, best first; all are in the table.
        model: keep the estimator as a model of this name, with the first rows of `x` or `train` as its example.
        run: default: the active run.

    Returns: the metrics. What cannot be logged is said once in the log; nothing is raised.
    Cost: one `predict` and one `predict_proba` of each set of rows; 10 ms a candidate.
    """
    found: dict[str, float] = {}
    guard = Guard("scikit-learn", run)
    guard(lambda into: into.tag("estimator", type(_last(estimator)).__name__))
    guard(lambda into: set_params(into, plain_params(estimator)))
    guard(lambda into: _curves(into, _last(estimator)))
    for name, rows in (("train", train), ("test", None if x is None or y is None else (x, y))):
        if rows is not None:
            guard(lambda into, name=name, rows=rows: found.update(_measure(into, name, estimator, *rows)))  # type: ignore[misc]
    if hasattr(estimator, "cv_results_"):
        guard(lambda into: _search(into, estimator, candidates))
    guard(lambda into: _importance(into, _last(estimator)))
    if model:
        rows = x if x is not None else None if train is None else train[0]
        kept = getattr(estimator, "best_estimator_", estimator)
        guard(lambda into: into.model(model, kept, example=None if rows is None else rows[:5]))
    return found


def plain_params(estimator: Any) -> dict[str, Any]:
    """Params of an estimator and of those inside of it (`step__param`), without the estimators themselves."""
    return {key: value for key, value in estimator.get_params(deep=True).items() if _is_plain(value)}


def scores(estimator: Any, x: Any, y: Any) -> dict[str, float]:
    """The usual metrics of a fitted classifier or regressor on rows; none of anything else.

    Args:
        x, y: (rows, features) and (rows,).

    Returns: of a classifier accuracy, balanced_accuracy, precision, recall and f1 (means over the classes, each counting the
        same), and where it gives probabilities log_loss and roc_auc (of several classes each against the rest); of a
        regressor r2, mae and rmse.
    """
    if is_regressor(estimator):
        predicted = estimator.predict(x)
        return {
            "r2": metrics.r2_score(y, predicted),
            "mae": metrics.mean_absolute_error(y, predicted),
            "rmse": metrics.root_mean_squared_error(y, predicted),
        }
    if not is_classifier(estimator):
        return {}
    predicted = estimator.predict(x)
    mean = {"average": "macro", "zero_division": 0}
    found = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "balanced_accuracy": metrics.recall_score(y, predicted, **mean, labels=np.unique(y)),
        "precision": metrics.precision_score(y, predicted, **mean),
        "recall": metrics.recall_score(y, predicted, **mean),
        "f1": metrics.f1_score(y, predicted, **mean),
    }
    if hasattr(estimator, "predict_proba"):
        probabilities, classes = estimator.predict_proba(x), estimator.classes_
        found["log_loss"] = metrics.log_loss(y, probabilities, labels=classes)
        if set(np.unique(y)) == set(classes):  # not defined for a class that is not there
            positive = probabilities[:, 1] if len(classes) == 2 else probabilities
            found["roc_auc"] = metrics.roc_auc_score(y, positive, multi_class="ovr", labels=classes)
    return found


def _measure(run: Run, name: str, estimator: Any, x: Any, y: Any) -> dict[str, float]:
    found = {f"{name}_{key}": float(value) for key, value in scores(estimator, x, y).items()}
    run.metrics(found)
    if name == "test" and is_classifier(estimator) and len(classes := estimator.classes_) <= _MOST_CLASSES:
        counts = metrics.confusion_matrix(y, estimator.predict(x), labels=classes)
        rows = [
            {"true": str(true), **{str(said): int(count) for said, count in zip(classes, row, strict=True)}}
            for true, row in zip(classes, counts, strict=True)
        ]
        run.table("confusion_matrix.json", rows)
    return found


def _curves(run: Run, estimator: Any) -> None:
    for attribute in _CURVES:
        values = getattr(estimator, attribute, None)
        if values is None or np.ndim(values) != 1:
            continue
        for step, value in enumerate(values):
            run.metrics({attribute.removesuffix("_"): float(value)}, step)


def _search(run: Run, search: Any, candidates: int) -> None:
    results = search.cv_results_
    for key, value in search.best_params_.items() if hasattr(search, "best_params_") else ():
        run.tag(f"best.{key}", str(value))
    if hasattr(search, "best_score_"):
        run.metrics({"best_score": float(search.best_score_)})
    run.table("cv_results.json", {key: list(values) for key, values in results.items() if key != "params"})
    ranks = next((results[key] for key in results if key.startswith("rank_test_")), range(len(results["params"])))
    for index in np.argsort(ranks, kind="stable")[:candidates].tolist():
        part = run.part(f"candidate-{index}", tags={"rank": str(int(ranks[index]))})
        try:
            chosen = results["params"][index]
            set_params(part, {key: value if _is_plain(value) else repr(value) for key, value in chosen.items()})
            part.metrics(dict(_measured(results, index)))
        finally:
            part.finish()


def _measured(results: dict[str, Any], index: int) -> Iterator[tuple[str, float]]:
    for key, values in results.items():
        if key.startswith(_MEASURED):
            yield key, float(values[index])


def _importance(run: Run, estimator: Any) -> None:
    values = getattr(estimator, "feature_importances_", None)
    if values is None:
        return
    names = getattr(estimator, "feature_names_in_", None)
    names = [str(index) for index in range(len(values))] if names is None else list(names)
    rows = sorted(zip(names, values, strict=True), key=lambda row: -row[1])
    run.table("feature_importance.json", [{"feature": name, "importance": float(value)} for name, value in rows])


def _last(estimator: Any) -> Any:
    """What learns: the best of a search, the last step of a pipeline."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    steps = getattr(estimator, "steps", None)
    return _last(steps[-1][1]) if steps else estimator


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return value is None or isinstance(value, str | int | float | bool | np.generic)
