"""Fills MLflow stores with a little of everything, for an import to bring over.

Runs in the client's own environment: `python filling.py PREFIX TRACKING_URI ...`; PREFIX stands before names, with the number of the
store behind it.
"""

import sys
import tempfile
from pathlib import Path

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric
from sklearn.linear_model import LogisticRegression

IS_3 = int(mlflow.__version__.split(".")[0]) >= 3
ROWS = np.random.default_rng(7).normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)
POINTS = 3000


def experiments(client, prefix):
    mlflow.set_experiment(f"{prefix}churn")
    client.set_experiment_tag(client.get_experiment_by_name(f"{prefix}churn").experiment_id, "team", "a: b\nc")
    gone = client.create_experiment(f"{prefix}given up")
    client.create_run(gone, run_name="of one given up")
    client.delete_experiment(gone)


def runs(client, prefix):
    with mlflow.start_run(run_name="first", tags={"kind": "tour"}, description="a note") as run:
        mlflow.log_params({"depth": 3, "rate": 0.1, "nested/name": "cnn", "empty": ""})
        mlflow.log_metrics({"odd": float("nan"), "great": float("inf"), "small": -float("inf")}, step=4)
        mlflow.log_metric("deep/loss", 0.25, step=-3)
        mlflow.log_input(mlflow.data.from_numpy(ROWS, targets=LABELS, name="rows"), context="training")
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "deep" / "ä b").mkdir(parents=True)
            (Path(folder) / "deep" / "ä b" / "two.txt").write_text("two")
            (Path(folder) / "zero").write_bytes(b"")
            (Path(folder) / "big.bin").write_bytes(bytes(range(256)) * 4096)
            mlflow.log_artifacts(folder, artifact_path="tree")
        mlflow.log_text("text", "notes.txt")
        with mlflow.start_run(nested=True, run_name="inner"):
            mlflow.log_metric("m", 1)
    curve = [Metric("curve", float(np.sin(step)), 1_700_000_000_000 + step // 3, step) for step in range(POINTS)]
    for begin in range(0, POINTS, 1000):
        client.log_batch(run.info.run_id, metrics=curve[begin : begin + 1000])
    failed = client.create_run(run.info.experiment_id, run_name="failed")
    client.set_terminated(failed.info.run_id, "FAILED")
    thrown = client.create_run(run.info.experiment_id, run_name="thrown away")
    client.log_text(thrown.info.run_id, "still here", "a.txt")
    client.set_terminated(thrown.info.run_id)
    client.delete_run(thrown.info.run_id)
    client.create_run("0", run_name=f"{prefix}going on")


def models(client, prefix):
    model = LogisticRegression().fit(ROWS, LABELS)
    arguments = {"name": "model", "params": {"c": 1}} if IS_3 else {"artifact_path": "model"}
    with mlflow.start_run(run_name="trained"):
        info = mlflow.sklearn.log_model(model, pip_requirements=["scikit-learn"], **arguments)
        if IS_3:
            rows = mlflow.data.from_numpy(ROWS, name="eval-rows")
            mlflow.log_metric("accuracy", 0.8, model_id=info.model_id, dataset=rows)
    classifier = f"{prefix}classifier"
    client.create_registered_model(classifier, tags={"team": "a"}, description="what it is")
    mlflow.register_model(info.model_uri, classifier, tags={"x": "y"})
    mlflow.register_model(info.model_uri, classifier)
    mlflow.register_model(info.model_uri, classifier)
    client.update_model_version(classifier, "1", description="the first")
    client.transition_model_version_stage(classifier, "2", "Production")
    client.set_registered_model_alias(classifier, "best", "1")
    client.delete_model_version(classifier, "3")
    if IS_3:
        made = mlflow.create_external_model(name="outside", params={"p": "1"})
        client.delete_logged_model(made.model_id)


if __name__ == "__main__":
    for number, uri in enumerate(sys.argv[2:]):
        mlflow.set_tracking_uri(uri)
        for part in (experiments, runs, models):
            part(MlflowClient(), f"{sys.argv[1]}{number} ")
