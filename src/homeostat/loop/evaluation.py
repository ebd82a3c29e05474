"""Challenger and champion on the same newest rows, as a step: cached, traced and reproducible like any other."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from homeostat.codec.models import Model
from homeostat.codec.tables import Table
from homeostat.core.errors import InvalidDeclaration
from homeostat.pipelines.steps import step
from homeostat.registry.metrics import Floats
from homeostat.registry.records import Evaluation, Reproduced

CHALLENGER, CHAMPION, LABEL = "challenger_score", "champion_score", "label"
LATENCY_SAMPLE = 300  # the least that bounds a 99th percentile with 95 % confidence is 299


# One thread: the threads of a second would spin while the gateway's workers have the cores.
@step(cpu=1)
def evaluate(challenger: Model, champion: Model | None, holdout: Table, label: str, slices: list[str]) -> Table:
    """Score the holdout with both models, row by row.

    Returns: one row for each labelled row of `holdout`: the label, both scores (champion null without one), the slices.
    Raises: InvalidDeclaration if the challenger does not give one number a row.
    """
    if challenger.kind == "other":
        raise InvalidDeclaration(f"{challenger!r} does not give one number a row, so it cannot be evaluated or served.")
    rows = holdout.polars().filter(pl.col(label).is_not_null())
    return side_by_side(rows, label, slices, challenger.predict(rows), champion.predict(rows) if champion else None)


def side_by_side(
    rows: pl.DataFrame, label: str, slices: Sequence[str], challenger: Floats, champion: Floats | None
) -> Table:
    """The rows of an evaluation: as `evaluate` returns them."""
    return Table.of(
        rows.select(pl.col(label).cast(pl.Float64).alias(LABEL), *slices).with_columns(
            pl.Series(CHALLENGER, challenger),
            pl.lit(None, pl.Float64).alias(CHAMPION) if champion is None else pl.Series(CHAMPION, champion),
        )
    )


@step(cpu=1)
def with_scores(model: Model, rows: Table) -> Table:
    """What the model was taught, as the monitor will see it asked: the raw columns it needs, and `score`."""
    frame = rows.polars()
    needed = model.signature.names if model.signature else frame.columns
    return Table.of(frame.select(needed).with_columns(pl.Series("score", model.predict(frame))))


@step(cpu=1)
def latency(model: Model, holdout: Table) -> list[float]:
    """Milliseconds that single-row predictions take, warm, on one thread as in a gateway's worker."""
    rows = holdout.polars()
    took = []
    for i in range(LATENCY_SAMPLE + 1):
        start = time.perf_counter()
        model.predict(rows[i % len(rows) : i % len(rows) + 1])
        took.append((time.perf_counter() - start) * 1e3)
    return took[1:]  # the first one warms up


def as_evaluation(
    table: Table,
    *,
    slices: tuple[str, ...],
    latency_ms: list[float] | None,
    reproduced: Reproduced | None,
    trigger: str,
    holdout: str,
) -> Evaluation:
    """The arrays that gates judge. The baseline always answers the holdout's own base rate: the hardest constant."""
    rows = table.polars()
    labels: np.ndarray[Any, np.dtype[np.float64]] = rows[LABEL].to_numpy()
    return Evaluation(
        labels=labels,
        challenger=rows[CHALLENGER].to_numpy(),
        champion=None if rows[CHAMPION].null_count() else rows[CHAMPION].to_numpy(),
        baseline=np.full(len(labels), labels.mean()),
        slices={name: rows[name].cast(pl.String).to_numpy() for name in slices},
        latency_ms=None if latency_ms is None else np.asarray(latency_ms),
        reproduced=reproduced,
        trigger=trigger,
        holdout=holdout,
    )
