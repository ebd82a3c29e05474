"""Parameters and metrics of many runs as columns, and which of them matters."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from homeostat.stats.importance import LEAST_RUNS, importance, rank_correlation
from homeostat.track.records import RunSummary
from homeostat.ui import formats
from homeostat.ui.charts.run_records import Column, Weight
from homeostat.ui.contexts.comparison import Goal, Importance

MISSING = ""
_LEAST = (
    "loss",
    "error",
    "err",
    "brier",
    "mse",
    "mae",
    "rmse",
    "perplexity",
    "latency",
    "seconds",
    "time",
    "regret",
    "drift",
)
_UNSEEN = ("val", "test", "eval", "holdout", "dev")
_SYSTEM = "system/"
_DECADES = 100.0  # greatest by least value from which on an axis is logarithmic
_WORDS = 40  # a parameter of more different words is no axis
_COLUMNS = 40  # parameters of a comparison, and as many metrics
_SETTINGS = 30  # parameters whose importance is asked
_MATTERS = 0.2  # share of the variance below which the forest found nothing to speak of


def text(value: Any) -> str:
    """A parameter for people."""
    if value is None:
        return MISSING
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def figure(value: float | None) -> str:
    """A metric for people: five digits."""
    return MISSING if value is None else f"{value:.5g}"


def params(runs: Sequence[RunSummary]) -> dict[str, tuple[str, ...]]:
    """(runs,) values of each parameter as text, by name; empty where a run has none."""
    names = sorted({name for run in runs for name in run.params})
    return {name: tuple(text(run.params.get(name)) for run in runs) for name in names}


def differing(values: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Names whose values are not the same in all runs."""
    return [name for name, found in values.items() if len(set(found)) > 1]


def latest(runs: Sequence[RunSummary]) -> dict[str, tuple[float | None, ...]]:
    """(runs,) latest values of each metric, by name; None where a run has none or it is NaN."""
    found = [{one.key: one.value for one in run.metrics} for run in runs]
    names = sorted({name for values in found for name in values})
    return {name: tuple(_finite(values.get(name)) for values in found) for name in names}


def objective(metrics: Mapping[str, Sequence[float | None]], wanted: str) -> str:
    """The metric that says which run is better: the one asked for, else one of most runs, of unseen data, of a known direction."""
    if wanted in metrics or not metrics:
        return wanted if wanted in metrics else ""

    def merit(name: str) -> tuple[int, bool, bool, int]:
        known = sum(value is not None for value in metrics[name])
        words = _words(name)
        return (0 if name.startswith(_SYSTEM) else known, bool(words & set(_UNSEEN)), _is_least(name), -len(name))

    return max(sorted(metrics), key=merit)


def goal(name: str, wanted: str) -> Goal:
    """Which values of a metric are better."""
    if wanted in ("least", "greatest"):
        return "least" if wanted == "least" else "greatest"
    return "least" if _is_least(name) else "greatest"


def best(values: Sequence[float | None], better: Goal) -> int | None:
    """Number of the run with the best value."""
    known = [(value, number) for number, value in enumerate(values) if value is not None]
    if not known:
        return None
    return (min if better == "least" else max)(
        known, key=lambda pair: (pair[0], -pair[1] if better != "least" else pair[1])
    )[1]


def shown_metrics(runs: Sequence[RunSummary], chosen: str, limit: int) -> tuple[str, ...]:
    """Metrics that have a curve, the leading ones: the objective, then those of most runs."""
    counts = Counter(
        one.key for run in runs for one in run.metrics if one.points > 1 and not one.key.startswith(_SYSTEM)
    )
    names = sorted(counts, key=lambda name: (name != chosen, -counts[name], name))
    return tuple(names[:limit])


def columns(
    settings: Mapping[str, tuple[str, ...]], metrics: Mapping[str, tuple[float | None, ...]]
) -> tuple[Column, ...]:
    """Parameters that differ and metrics, as axes."""
    found = [_setting(name, settings[name]) for name in settings]
    made = [
        _column(f"metric {name}", name, values, is_metric=True)
        for name, values in metrics.items()
        if any(value is not None for value in values)
    ]
    return (*[one for one in found if len(one.words) <= _WORDS][:_COLUMNS], *made[:_COLUMNS])


def weigh(found: Sequence[Column], values: Sequence[float | None], name: str) -> Importance:
    """Which of the parameters among some columns matter for the values of the metric `name`."""
    settings = [column for column in found if not column.is_metric]
    rows = [number for number, value in enumerate(values) if value is not None]
    if not settings or not name:
        return Importance(sentence="No parameter differs, so none can matter." if name else "No metric was logged.")
    if len(rows) < LEAST_RUNS:
        return Importance(
            sentence=f"Too few runs: {formats.plural(len(rows), 'run')} with {name}, and {LEAST_RUNS} are the least from "
            f"which importance can be told from chance."
        )
    result = np.array([values[row] for row in rows], dtype=np.float64)
    table = np.array([_filled([column.values[row] for row in rows]) for column in settings]).T
    if len(settings) > _SETTINGS:
        order = np.argsort([-abs(rank_correlation(column, result)) for column in table.T], kind="stable")[:_SETTINGS]
        settings, table = [settings[place] for place in order], table[:, order]
    told = importance(table, result)
    if told is None:
        return Importance(sentence=f"{name} is the same in all runs, so no parameter matters for it.")
    weights = [
        Weight(
            name=column.name,
            share=float(told.share[place]),
            low=float(told.low[place]),
            high=float(told.high[place]),
            correlation=None if column.words else rank_correlation(table[:, place], result),
        )
        for place, column in enumerate(settings)
    ]
    weights.sort(key=lambda weight: -weight.share)
    return Importance(
        sentence=_told(weights, told.explained, name, len(rows)), weights=tuple(weights), explained=told.explained
    )


def leading(found: Importance) -> str:
    """The parameter that explains most, if one stands out from chance."""
    if not found.weights or found.explained < _MATTERS or found.weights[0].low <= 0:
        return ""
    return found.weights[0].name


def _told(weights: Sequence[Weight], explained: float, name: str, runs: int) -> str:
    basis = f"on {formats.plural(runs, 'run')}"
    if explained < _MATTERS:
        share = formats.percent(max(explained, 0.0))
        return f"The parameters explain {share} of how {name} varies ({basis}): chance, or something that was not logged, does the rest."
    clear = [weight.name for weight in weights if weight.low > 0]
    rest = f"{_listed(clear[:3])} {'matters' if len(clear) == 1 else 'matter'}" if clear else "no single one stands out"
    return f"The parameters explain {formats.percent(explained)} of how {name} varies ({basis}); {rest}."


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _setting(name: str, values: Sequence[str]) -> Column:
    numbers = [_number(value) for value in values]
    if all(number is not None or value == MISSING for number, value in zip(numbers, values, strict=True)):
        return _column(f"param {name}", name, numbers, is_metric=False)
    words = tuple(sorted(set(values) - {MISSING}))
    places = {word: float(place) for place, word in enumerate(words)}
    return Column(
        key=f"param {name}",
        name=name,
        is_metric=False,
        is_log=False,
        words=words,
        values=tuple(places.get(value) for value in values),
    )


def _column(key: str, name: str, values: Sequence[float | None], *, is_metric: bool) -> Column:
    known = [value for value in values if value is not None]
    is_log = min(known) > 0 and max(known) / min(known) >= _DECADES
    return Column(key=key, name=name, is_metric=is_metric, is_log=is_log, words=(), values=tuple(values))


def _filled(values: Sequence[float | None]) -> list[float]:
    """What is missing lies below everything, so that a tree can tell it apart."""
    known = [value for value in values if value is not None]
    below = min(known, default=0.0) - 1.0
    return [below if value is None else value for value in values]


def _number(value: str) -> float | None:
    try:
        return _finite(float(value))
    except ValueError:
        return None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _words(name: str) -> set[str]:
    return set("".join(sign if sign.isalnum() else " " for sign in name.lower()).split())


def _is_least(name: str) -> bool:
    return bool(_words(name) & set(_LEAST))
