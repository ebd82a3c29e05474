"""A client that registers models: what is asked on a line of standard input is logged, then the model's own answers are printed.

models.py TRACKING_URI FOLDER        FOLDER holds past.csv to learn from and newest.csv to answer
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

COLUMNS = ["age", "income", "home"]


class Threshold(mlflow.pyfunc.PythonModel):
    """A model of its own class: how far an income is below what is asked for."""

    def __init__(self, needed):
        self.needed = needed

    def predict(self, context, model_input, params=None):
        return ((self.needed - model_input["income"]) / 1e5).clip(0, 1)


def requirements():
    """What MLflow would find out by loading the model in another process, which takes longest of all."""
    names = ("scikit-learn", "scipy", "numpy", "pandas", "skops", "cloudpickle")
    return [f"{name}=={version(name)}" for name in names]


def credit(past, strength):
    encoder = make_column_transformer((StandardScaler(), ["age", "income"]), (OneHotEncoder(), ["home"]))
    model = make_pipeline(encoder, LogisticRegression(C=strength)).fit(past[COLUMNS], past["defaulted"])
    example = past[COLUMNS].head(3)
    mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name="credit",
        input_example=example,
        pyfunc_predict_fn="predict_proba",
        pip_requirements=requirements(),
    )


def distance(past, needed):
    signature = infer_signature(past[COLUMNS], past["income"])
    mlflow.pyfunc.log_model(
        name="model",
        python_model=Threshold(needed),
        registered_model_name="distance",
        signature=signature,
        pip_requirements=[f"cloudpickle=={version('cloudpickle')}"],
    )


def broken(past, number):
    signature = infer_signature(past[COLUMNS], past["income"])
    mlflow.pyfunc.log_model(
        name="model",
        python_model=Threshold(0),
        registered_model_name="credit",
        signature=signature,
        pip_requirements=[f"numpy=={number}"],
    )


def main():
    mlflow.set_tracking_uri(sys.argv[1])
    past, newest = (pd.read_csv(Path(sys.argv[2], name)) for name in ("past.csv", "newest.csv"))
    for line in sys.stdin:
        kind, value = json.loads(line)
        with mlflow.start_run():
            {"credit": credit, "distance": distance, "broken": broken}[kind](past, value)
        if kind == "broken":
            print(json.dumps([]), flush=True)
            continue
        answers = mlflow.pyfunc.load_model(f"models:/{kind}/latest").predict(newest[COLUMNS])
        scores = answers[:, 1] if kind == "credit" else answers
        print(json.dumps([float(score) for score in scores]), flush=True)


main()
