"""From rows to a model and the rows to judge it on. A step that nothing changed for is not run again."""

import math

import numpy as np
import polars as pl
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import homeostat as hs
from starter.settings import CATEGORIES, HOLDOUT, LABEL, NUMBERS, POSITIVE, TIME

MOST_CATEGORIES = 200  # gradient boosting takes up to 255 of a column; the rarest beyond share one


def features(rows: pl.DataFrame) -> pl.DataFrame:
    """What the model sees of raw rows, each from its own row alone: training and serving share this very function."""
    return rows.select(
        *(pl.col(name).cast(pl.String) for name in CATEGORIES),
        *(pl.col(name).cast(pl.Float64) for name in NUMBERS),
    )


@hs.step
def labelled(observations: hs.Table) -> hs.Table:
    """The rows whose label is known; it becomes 1 for POSITIVE, else 0."""
    rows = observations.polars().filter(pl.col(LABEL).is_not_null())
    return hs.Table.of(rows.with_columns((pl.col(LABEL) == POSITIVE).cast(pl.Int8)))


@hs.step
def split_at_random(rows: hs.Table) -> tuple[hs.Table, hs.Table]:
    """Four fifths to learn from and one to judge on, with the same share of positives; each in its order."""
    frame = rows.polars()
    past, newest = train_test_split(np.arange(len(frame)), test_size=0.2, random_state=0, stratify=frame[LABEL])
    return hs.Table.of(frame[np.sort(past)]), hs.Table.of(frame[np.sort(newest)])


@hs.step(cpu=1)
def train(rows: hs.Table) -> hs.Model:
    """Gradient boosting. Numbers may be missing; categories it has never seen count as missing."""
    past = rows.polars()
    categories = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=math.nan, max_categories=MOST_CATEGORIES
    )
    estimator = make_pipeline(
        ColumnTransformer([("categories", categories, list(CATEGORIES)), ("numbers", "passthrough", list(NUMBERS))]),
        HistGradientBoostingClassifier(
            categorical_features=list(range(len(CATEGORIES))), early_stopping=False, random_state=0
        ),
    ).fit(features(past), past[LABEL].to_numpy())
    return hs.Model(estimator, transform=features, example=past.drop(LABEL).head(100))


@hs.pipeline
def train_candidate(observations: hs.Dataset) -> hs.Candidate:
    """Train on the past, keep the newest to judge on."""
    rows = labelled(observations)
    past, newest = hs.split_by_time(rows, on=TIME, last=HOLDOUT) if TIME else split_at_random(rows)
    return hs.Candidate(model=train(past), holdout=newest, label=LABEL)
