"""From flights and weather to a model and the newest days to judge it on."""

from typing import Any

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

import homeostat as hs
from late_flights.source import WEATHER, with_weather

# Fixed codes: the same text is the same number in every version, whatever rows it was trained on.
CARRIERS = pl.Enum(["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"])
ORIGINS = pl.Enum(["EWR", "JFK", "LGA"])
CATEGORIES = [0, 1]  # carrier and origin are the first two features


def features_of_a_flight(rows: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Features from raw rows, each from its own row alone: the very function that training and serving share.

    Returns: float64 (rows, 14); what is missing or was never seen is NaN.
    """
    return (
        rows.select(
            pl.col("carrier").cast(CARRIERS, strict=False).to_physical(),
            pl.col("origin").cast(ORIGINS, strict=False).to_physical(),
            "minute_of_day",
            "distance",
            "weekday",
            *WEATHER,
        )
        .cast(pl.Float64)
        .to_numpy()
    )


@hs.step
def join(flights: hs.Table, weather: hs.Table) -> hs.Table:
    """Labelled flights with the weather that was known at their departure."""
    rows = with_weather(flights.polars(), weather.polars())
    return hs.Table.of(rows.filter(pl.col("late").is_not_null()).sort("scheduled", "key"))


@hs.step(cpu=1)
def train(rows: hs.Table, max_iter: int, shuffle_seed: int | None) -> hs.Model:
    """Gradient boosting on the rows. `shuffle_seed` sabotages it: features no longer belong to their labels."""
    past = rows.polars()
    features = features_of_a_flight(past)
    if shuffle_seed is not None:
        features = np.random.default_rng(shuffle_seed).permutation(features)
    estimator = HistGradientBoostingClassifier(
        max_iter=max_iter,
        learning_rate=0.08,
        max_leaf_nodes=8,
        min_samples_leaf=100,
        early_stopping=False,
        categorical_features=CATEGORIES,
        random_state=0,
    ).fit(features, past["late"].to_numpy())
    return hs.Model(estimator, transform=features_of_a_flight, example=past.head(100))


@hs.pipeline
def train_late_flights(
    flights: hs.Dataset, weather: hs.Dataset, max_iter: int = 60, shuffle_seed: int | None = None
) -> hs.Candidate:
    """Train on the past, keep the newest five days of schedule to judge on."""
    rows = join(flights, weather)
    past, newest = hs.split_by_time(rows, on="scheduled", last="5d")
    return hs.Candidate(model=train(past, max_iter, shuffle_seed), holdout=newest, label="late", reference=past)


@hs.step
def score(model: hs.Model, rows: hs.Table) -> hs.Table:
    """Scores of one model on many rows: how the year would have gone had it never been replaced."""
    scored = rows.polars().select("scheduled", "late").with_columns(pl.Series("score", model.predict(rows)))
    return hs.Table.of(scored)


@hs.pipeline
def score_unchanged(model: hs.Model, flights: hs.Dataset, weather: hs.Dataset) -> hs.Table:
    """Score every labelled flight with a model that is never retrained."""
    return score(model, join(flights, weather))
