"""Writes down all that a client is told by a store, to be compared with what another tells.

Runs in the client's own environment: `python telling.py FILE URI PREFIX ...`; each PREFIX stands before the names that are told. A process
for each of two stores that are compared: a client remembers by the id of a run where its artifacts are.
"""

import hashlib
import json
import sys
from pathlib import Path

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import ViewType

IS_3 = int(mlflow.__version__.split(".")[0]) >= 3
ROWS = np.random.default_rng(7).normal(size=(60, 3))
LARGEST = sys.float_info.max


def value(told):
    """As clients read it: infinities are the largest numbers for a server, as they are for our door."""
    return "nan" if np.isnan(told) else float(np.clip(told, -LARGEST, LARGEST))


def history(client, run_id, key):
    return sorted((one.step, one.timestamp, str(value(one.value))) for one in client.get_metric_history(run_id, key))


def files(client, run_id, folder=None):
    found = {}
    for one in client.list_artifacts(run_id, folder):
        if one.is_dir:
            found |= files(client, run_id, one.path)
        else:
            content = Path(client.download_artifacts(run_id, one.path)).read_bytes()
            found[one.path] = (len(content), hashlib.sha256(content).hexdigest())
    return found


def of_run(client, run):
    info, data = run.info, run.data
    told = {
        "info": (info.run_name, info.status, info.start_time, info.end_time, info.user_id, info.lifecycle_stage),
        "params": data.params,
        "tags": data.tags,
        "metrics": {key: value(one) for key, one in data.metrics.items()},
        "histories": {key: history(client, info.run_id, key) for key in data.metrics},
        "inputs": sorted(
            (
                one.dataset.name,
                one.dataset.digest,
                one.dataset.source_type,
                one.dataset.source,
                one.dataset.schema,
                one.dataset.profile,
                sorted((tag.key, tag.value) for tag in one.tags),
            )
            for one in run.inputs.dataset_inputs
        ),
        "files": files(client, info.run_id),
    }
    if IS_3:
        told["outputs"] = sorted((one.model_id, one.step) for one in run.outputs.model_outputs) if run.outputs else []
    return told


def of_logged(client, model):
    told = (model.name, str(model.status), model.source_run_id, model.params, model.tags, model.creation_timestamp)
    metrics = sorted(
        (one.key, one.step, one.timestamp, one.value, one.dataset_name, one.dataset_digest)
        for one in model.metrics or ()
    )
    folder = (
        Path(mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{model.model_id}")) if model.metrics else None
    )
    content = (
        {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }
        if folder
        else {}
    )
    content.pop("registered_model_meta", None)  # of the download
    return told, metrics, content


def everything(uri, prefix):
    """All there is whose name begins with a prefix, by the names and ids that an import keeps."""
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    found = {}
    for one in client.search_experiments(view_type=ViewType.ALL):
        is_told = one.name.startswith(prefix)
        if is_told:
            found[f"experiment {one.name}"] = (one.lifecycle_stage, one.tags)
        for run in client.search_runs([one.experiment_id], run_view_type=ViewType.ALL):
            if is_told or run.info.run_name.startswith(prefix):
                found[f"run {run.info.run_id}"] = (one.name, of_run(client, run))
        if IS_3 and is_told:
            for model in client.search_logged_models([one.experiment_id]):
                found[f"logged {model.model_id}"] = of_logged(client, model)
    for one in client.search_registered_models():
        if not one.name.startswith(prefix):
            continue
        found[f"registered {one.name}"] = (one.description, one.tags, one.aliases, one.creation_timestamp)
        for version in client.search_model_versions(f"name='{one.name}'"):
            told = (
                version.description or "",
                version.tags,
                version.current_stage,
                version.run_id,
                version.creation_timestamp,
            )
            found[f"version {one.name} {version.version}"] = (*told, version.status)
        model = mlflow.pyfunc.load_model(f"models:/{one.name}@best")
        found[f"predictions {one.name}"] = model.predict(ROWS).tolist()
    return found


if __name__ == "__main__":
    told = {}
    for uri, prefix in zip(sys.argv[2::2], sys.argv[3::2]):
        told |= everything(uri, prefix)
    Path(sys.argv[1]).write_text(json.dumps(told))
