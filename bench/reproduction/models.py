"""The project whose models are made again: one pipeline for each kind of model, on the same rows.

Threads are left to the libraries on purpose, so that it shows which model depends on them. Every model is seeded.
"""

import importlib
from typing import Any

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import homeostat as hs


def numbers(rows: pl.DataFrame) -> np.ndarray[Any, Any]:
    """Numeric features, (rows, 8) float64."""
    return rows.select(f"x{i}" for i in range(8)).to_numpy()


def words(rows: pl.DataFrame) -> np.ndarray[Any, Any]:
    """Texts, (rows,)."""
    return rows["text"].to_numpy()


class Network:
    """A small network of torch with the face of a scikit-learn classifier."""

    def __init__(self, seed: int) -> None:
        self._torch = "torch"
        torch: Any = importlib.import_module(self._torch)
        torch.manual_seed(seed)
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))

    def fit(self, features: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> "Network":
        """Thirty epochs of Adam on all rows."""
        torch: Any = importlib.import_module(self._torch)
        x, y = torch.tensor(features).float(), torch.tensor(labels).float()
        optimiser = torch.optim.Adam(self.layers.parameters(), lr=0.01)
        for _ in range(30):
            optimiser.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(self.layers(x)[:, 0], y).backward()
            optimiser.step()
        self.layers.zero_grad()
        return self

    def predict_proba(self, features: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Probabilities, (rows, 2)."""
        torch: Any = importlib.import_module(self._torch)
        with torch.no_grad():
            score = torch.sigmoid(self.layers(torch.tensor(features).float())[:, 0]).numpy()
        return np.column_stack([1 - score, score])


def estimator(kind: str) -> Any:
    """An unfitted estimator, seeded."""
    if kind == "xgboost":
        return importlib.import_module("xgboost").XGBClassifier(n_estimators=60, subsample=0.8, random_state=0)
    if kind == "lightgbm":
        return importlib.import_module("lightgbm").LGBMClassifier(n_estimators=60, random_state=0, verbose=-1)
    if kind == "torch":
        return Network(seed=0)
    return {
        "tree": DecisionTreeClassifier(random_state=0),
        "forest": RandomForestClassifier(100, random_state=0, n_jobs=2),
        "histogram boosting": HistGradientBoostingClassifier(random_state=0),
        "linear": LogisticRegression(),
        "neural network": MLPClassifier((32, 16), random_state=0, max_iter=60, tol=0.0),
        "text": make_pipeline(TfidfVectorizer(stop_words=["the", "of"], ngram_range=(1, 2)), LogisticRegression()),
    }[kind]


@hs.step
def fit(rows: hs.Table, kind: str) -> hs.Model:
    """A fitted model of a kind."""
    past = rows.polars()
    features = words if kind == "text" else numbers
    fitted = estimator(kind).fit(features(past), past["label"].to_numpy())
    return hs.Model(fitted, transform=features, example=past.head(10))


@hs.pipeline
def make(rows: hs.Dataset, kind: str) -> hs.Candidate:
    """Fit on all but the newest rows, and keep those to compare on."""
    past, newest = hs.split_by_time(rows, on="at", last="2d")
    return hs.Candidate(model=fit(past, kind), holdout=newest, label="label")
