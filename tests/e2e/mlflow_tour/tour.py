"""A tour of an MLflow client through a server: what must work unchanged, call by call.

Runs in the client's own environment: `python tour.py http://127.0.0.1:PORT`. Ends with the names of what it did, or raises.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException, RestException
from sklearn.linear_model import LogisticRegression

IS_3 = int(mlflow.__version__.split(".")[0]) >= 3
NEEDS = ["scikit-learn"]  # said, for finding out takes the client a minute
ROWS = np.random.default_rng(7).normal(size=(120, 3))
LABELS = (ROWS[:, 0] + 0.3 * ROWS[:, 1] > 0).astype(int)


def refused(code, call, *arguments, **named):
    """What a call is refused with."""
    try:
        call(*arguments, **named)
    except (RestException, MlflowException) as error:
        assert error.error_code == code, f"{error.error_code}: {error}"
        return str(error)
    raise AssertionError(f"{call} was not refused")


def experiments(client):
    mlflow.set_experiment("tour")
    again = mlflow.set_experiment("tour")
    made = client.create_experiment("other", tags={"team": "a"})
    assert client.get_experiment(made).tags == {"team": "a"}
    assert client.get_experiment_by_name("tour").experiment_id == again.experiment_id
    assert client.get_experiment_by_name("no such") is None
    client.set_experiment_tag(made, "team", "b")
    client.rename_experiment(made, "another")
    assert [one.name for one in mlflow.search_experiments(filter_string="tags.team = 'b'")] == ["another"]
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    assert "another" not in {one.name for one in client.search_experiments()}
    assert "another" in {one.name for one in client.search_experiments(view_type=ViewType.DELETED_ONLY)}
    client.restore_experiment(made)
    assert client.get_experiment("0").name == "Default"
    refused("RESOURCE_ALREADY_EXISTS", client.create_experiment, "tour")
    refused("RESOURCE_DOES_NOT_EXIST", client.get_experiment, "4711")


def logging(client):
    with mlflow.start_run(run_name="first", tags={"kind": "tour"}, description="a note") as run:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"rate": 0.1, "name": "cnn"})
        for step in range(5):
            mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.9, "bad": float("nan"), "inf": float("inf")}, step=4)
        mlflow.set_tag("stage", "x")
        mlflow.set_tags({"a": "1", "b": "2"})
        mlflow.delete_tag("b")
        with mlflow.start_run(nested=True, run_name="inner"):
            mlflow.log_metric("m", 1)
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED" and found.info.run_name == "first"
    assert found.data.params == {"depth": "3", "rate": "0.1", "name": "cnn"}
    assert found.data.metrics["loss"] == 0.2 and np.isnan(found.data.metrics["bad"])
    assert found.data.metrics["inf"] == sys.float_info.max
    assert found.data.tags["a"] == "1" and "b" not in found.data.tags
    assert [one.value for one in client.get_metric_history(run.info.run_id, "loss")] == [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
    text = refused("INVALID_PARAMETER_VALUE", client.log_param, run.info.run_id, "depth", "4")
    assert "Changing param values is not allowed" in text
    children = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert list(children["tags.mlflow.runName"]) == ["inner"]
    return run.info.run_id


def batches(client, run_id):
    now = int(time.time() * 1000)
    points = [Metric("curve", float(step), now, step) for step in range(700)]
    client.log_batch(run_id, metrics=points, params=[Param("p", "1")], tags=[RunTag("t", "1")])
    client.log_batch(run_id, metrics=points, params=[Param("p", "1")], tags=[RunTag("t", "1")])
    assert len(client.get_metric_history(run_id, "curve")) == 700
    mlflow.log_metric("later", 1.0, run_id=run_id, synchronous=False).wait()
    assert client.get_run(run_id).data.metrics["later"] == 1.0


def asynchronous(client):
    """Everything that may be logged in the background is there when it was waited for."""
    mlflow.config.enable_async_logging()
    try:
        run = mlflow.start_run(run_name="in the background")
        mlflow.log_param("one", 1)
        mlflow.log_params({"two": 2, "three": 3})
        for step in range(50):
            mlflow.log_metric("loss", step / 10, step=step)
        mlflow.log_metrics({"a": 1.0, "b": 2.0}, step=1)
        mlflow.set_tag("x", "y")
        mlflow.set_tags({"z": "1"})
        mlflow.flush_async_logging()
        mlflow.end_run("KILLED")
    finally:
        mlflow.config.enable_async_logging(False)
    found = client.get_run(run.info.run_id)
    assert found.info.status == "KILLED"
    assert found.data.params == {"one": "1", "two": "2", "three": "3"}
    assert found.data.metrics == {"loss": 4.9, "a": 1.0, "b": 2.0}
    assert found.data.tags["x"] == "y" and found.data.tags["z"] == "1"
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 50


def changes(client, run_id):
    client.update_run(run_id, status="FAILED", name="renamed")
    assert client.get_run(run_id).info.run_name == "renamed"
    client.set_terminated(run_id, "FINISHED")
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    refused("INVALID_PARAMETER_VALUE", client.log_metric, run_id, "loss", 1.0)
    client.restore_run(run_id)
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metric("resumed", 1)
    refused("RESOURCE_DOES_NOT_EXIST", client.get_run, "0" * 32)


def searches(client):
    id_ = client.create_experiment("search")
    for index in range(7):
        run = client.create_run(id_, run_name=f"run {index}", tags={"even": str(index % 2 == 0)})
        client.log_metric(run.info.run_id, "score", index / 10)
        client.log_param(run.info.run_id, "n", str(index))
    found = client.search_runs([id_], "metrics.score > 0.2 and tags.even = 'True'", order_by=["metrics.score DESC"])
    assert [run.info.run_name for run in found] == ["run 6", "run 4"]
    page = client.search_runs([id_], max_results=3, order_by=["params.n ASC"])
    rest = client.search_runs([id_], max_results=10, order_by=["params.n ASC"], page_token=page.token)
    assert [run.data.params["n"] for run in [*page, *rest]] == list("0123456")
    assert len(mlflow.search_runs(search_all_experiments=True)) >= 7
    assert len(client.search_runs([id_], "attributes.run_name LIKE 'run %'")) == 7
    assert len(client.search_runs([id_], "run_name ILIKE 'RUN 1'")) == 1
    refused("INVALID_PARAMETER_VALUE", client.search_runs, [id_], "metrics.score >")


def artifacts(client):
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.txt"
        path.write_text("one")
        (Path(folder) / "deep").mkdir()
        (Path(folder) / "deep" / "two.txt").write_text("two")
        mlflow.log_artifact(str(path))
        mlflow.log_artifact(str(path), artifact_path="in here/and there")
        mlflow.log_artifacts(folder, artifact_path="tree")
        mlflow.log_text("text", "notes/a.txt")
        mlflow.log_dict({"a": [1, 2]}, "a.json")
        mlflow.log_table(pd.DataFrame({"x": [1, 2]}), "table.json")
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots()
        axes.plot([1, 2])
        mlflow.log_figure(figure, "figure.png")
        mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "image.png")
    run_id = run.info.run_id
    names = {one.path for one in client.list_artifacts(run_id)}
    assert {"one.txt", "in here", "tree", "notes", "a.json", "table.json", "figure.png", "image.png"} <= names, names
    assert [one.path for one in client.list_artifacts(run_id, "tree/deep")] == ["tree/deep/two.txt"]
    assert Path(client.download_artifacts(run_id, "in here/and there/one.txt")).read_text() == "one"
    folder = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="tree"))
    assert (folder / "deep" / "two.txt").read_text() == "two"
    assert mlflow.artifacts.load_dict(f"runs:/{run_id}/a.json") == {"a": [1, 2]}
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == "text"
    assert list(mlflow.load_table("table.json", run_ids=[run_id])["x"]) == [1, 2]


def inputs(client):
    rows = mlflow.data.from_numpy(ROWS, targets=LABELS, name="rows")
    with mlflow.start_run() as run:
        mlflow.log_input(rows, context="training")
    (used,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert used.dataset.name == "rows" and used.tags[0].value == "training"
    if hasattr(mlflow, "log_inputs"):
        others = [mlflow.data.from_numpy(ROWS[:9], name=name) for name in ("left", "right")]
        with mlflow.start_run() as plural:
            mlflow.log_inputs(others, contexts=["training", "test"], tags_list=[{"a": "1"}, None])
        used = client.get_run(plural.info.run_id).inputs.dataset_inputs
        assert {one.dataset.name: {tag.key: tag.value for tag in one.tags} for one in used} == {
            "left": {"mlflow.data.context": "training", "a": "1"},
            "right": {"mlflow.data.context": "test"},
        }
    found = mlflow.search_runs(filter_string="datasets.name = 'rows' and datasets.context = 'training'")
    assert run.info.run_id in set(found["run_id"])


def logged(model, name):
    arguments = {"name": name} if IS_3 else {"artifact_path": name}
    return mlflow.sklearn.log_model(model, input_example=ROWS[:2], pip_requirements=NEEDS, **arguments)


def models(client):
    model = LogisticRegression().fit(ROWS, LABELS)
    with mlflow.start_run() as run:
        info = logged(model, "model")
    assert np.array_equal(mlflow.sklearn.load_model(info.model_uri).predict(ROWS), model.predict(ROWS))
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert np.array_equal(loaded.predict(ROWS), model.predict(ROWS))
    client.create_registered_model("classifier", tags={"team": "a"}, description="what it is")
    first = mlflow.register_model(info.model_uri, "classifier", tags={"x": "y"})
    second = mlflow.register_model(f"runs:/{run.info.run_id}/model", "classifier")
    assert [str(first.version), str(second.version)] == ["1", "2"]
    client.set_registered_model_alias("classifier", "champion", "1")
    assert str(client.get_model_version_by_alias("classifier", "champion").version) == "1"
    for uri in ("models:/classifier@champion", "models:/classifier/latest", "models:/classifier/2"):
        assert np.array_equal(mlflow.pyfunc.load_model(uri).predict(ROWS), model.predict(ROWS)), uri
    client.set_model_version_tag("classifier", "1", "quality", "good")
    client.set_registered_model_tag("classifier", "owner", "me")
    client.update_model_version("classifier", "1", description="the first")
    client.update_registered_model("classifier", description="changed")
    version = client.get_model_version("classifier", "1")
    assert version.tags == {"x": "y", "quality": "good"} and version.description == "the first"
    assert version.run_id == run.info.run_id and version.aliases == ["champion"]
    assert client.get_registered_model("classifier").aliases == {"champion": "1"}
    assert [str(one.version) for one in client.search_model_versions("name = 'classifier'")] == ["1", "2"]
    assert [str(one.version) for one in mlflow.search_model_versions(filter_string="name = 'classifier'")] == ["1", "2"]
    assert "classifier" in {one.name for one in mlflow.search_registered_models()}
    assert len(client.search_model_versions(f"run_id = '{run.info.run_id}'")) == 2
    assert [one.name for one in client.search_registered_models("name LIKE 'class%'")] == ["classifier"]
    client.transition_model_version_stage("classifier", "2", "Production")
    assert str(client.get_latest_versions("classifier", ["Production"])[0].version) == "2"
    assert np.array_equal(mlflow.pyfunc.load_model("models:/classifier/Production").predict(ROWS), model.predict(ROWS))
    client.delete_registered_model_alias("classifier", "champion")
    refused("INVALID_PARAMETER_VALUE", client.get_model_version_by_alias, "classifier", "champion")
    client.delete_model_version("classifier", "2")
    assert str(mlflow.register_model(info.model_uri, "classifier").version) == "3"
    client.rename_registered_model("classifier", "sorter")
    copied = client.copy_model_version("models:/sorter/1", "copies")
    assert str(copied.version) == "1"
    assert np.array_equal(mlflow.pyfunc.load_model("models:/copies/1").predict(ROWS), model.predict(ROWS))
    client.delete_registered_model("sorter")
    refused("RESOURCE_DOES_NOT_EXIST", client.get_registered_model, "sorter")
    with mlflow.start_run():
        arguments = {"name": "direct"} if IS_3 else {"artifact_path": "direct"}
        mlflow.sklearn.log_model(model, registered_model_name="direct", pip_requirements=NEEDS, **arguments)
    assert str(client.get_model_version("direct", "1").status) == "READY"


def logged_models(client):
    if not IS_3:
        return
    model = LogisticRegression().fit(ROWS, LABELS)
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="three", params={"c": 1}, pip_requirements=NEEDS)
        rows = mlflow.data.from_numpy(ROWS, name="eval rows")
        mlflow.log_metric("accuracy", 0.8, model_id=info.model_id, dataset=rows)
    found = mlflow.get_logged_model(info.model_id)
    assert str(found.status) == "READY" and found.source_run_id == run.info.run_id
    assert found.metrics[0].value == 0.8 and found.metrics[0].dataset_name == "eval rows"
    mlflow.set_logged_model_tags(info.model_id, {"a": "b"})
    assert mlflow.get_logged_model(info.model_id).tags["a"] == "b"
    mlflow.delete_logged_model_tag(info.model_id, "a")
    experiment = run.info.experiment_id
    best = mlflow.search_logged_models(
        [experiment],
        filter_string="metrics.accuracy > 0.5",
        order_by=[{"field_name": "metrics.accuracy", "ascending": False}],
        output_format="list",
    )
    assert [one.model_id for one in best] == [info.model_id]
    assert client.get_run(run.info.run_id).outputs.model_outputs[0].model_id == info.model_id
    version = mlflow.register_model(f"models:/{info.model_id}", "of three")
    assert version.run_id == run.info.run_id
    named = json.loads(mlflow.get_logged_model(info.model_id).tags["mlflow.modelVersions"])
    assert {"name": "of three", "version": 1} in named, named
    made = mlflow.create_external_model(name="outside", params={"p": "1"})
    assert mlflow.get_logged_model(made.model_id).params == {"p": "1"}
    mlflow.finalize_logged_model(made.model_id, "READY")
    client.delete_logged_model(made.model_id)
    refused("RESOURCE_DOES_NOT_EXIST", mlflow.get_logged_model, made.model_id)


def autologging(client):
    mlflow.sklearn.autolog()
    with mlflow.start_run() as run:
        LogisticRegression(C=0.5).fit(ROWS, LABELS)
    mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.data.params["C"] == "0.5" and "training_accuracy_score" in found.data.metrics
    import lightgbm
    import xgboost

    mlflow.xgboost.autolog(log_models=False)
    with mlflow.start_run() as run:
        rows = xgboost.DMatrix(ROWS, label=LABELS)
        xgboost.train({"objective": "binary:logistic"}, rows, 5, evals=[(rows, "train")], verbose_eval=False)
    mlflow.xgboost.autolog(disable=True)
    assert len(client.get_metric_history(run.info.run_id, "train-logloss")) >= 5
    mlflow.lightgbm.autolog(log_models=False)
    with mlflow.start_run() as run:
        rows = lightgbm.Dataset(ROWS, label=LABELS)
        lightgbm.train({"objective": "binary", "verbose": -1}, rows, 5, valid_sets=[rows], valid_names=["train"])
    mlflow.lightgbm.autolog(disable=True)
    assert len(client.get_metric_history(run.info.run_id, "train-binary_logloss")) >= 5


def evaluation(client):
    model = LogisticRegression().fit(ROWS, LABELS)
    with mlflow.start_run() as run:
        info = logged(model, "judged")
        rows = pd.DataFrame(ROWS, columns=list("abc")).assign(label=LABELS)
        mlflow.evaluate(
            info.model_uri if not IS_3 else mlflow.pyfunc.load_model(info.model_uri),
            rows,
            targets="label",
            model_type="classifier",
            evaluator_config={"log_model_explainability": False},
        ) if not hasattr(mlflow.models, "evaluate") else mlflow.models.evaluate(
            info.model_uri,
            rows,
            targets="label",
            model_type="classifier",
            evaluator_config={"log_model_explainability": False},
        )
    assert client.get_run(run.info.run_id).data.metrics["accuracy_score"] > 0.8


def system_metrics(client):
    mlflow.set_system_metrics_sampling_interval(0.2)
    mlflow.set_system_metrics_samples_before_logging(1)
    with mlflow.start_run(log_system_metrics=True) as run:
        time.sleep(1.5)
    names = set(client.get_run(run.info.run_id).data.metrics)
    assert any(name.startswith("system/cpu") for name in names), names


def main(address):
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    mlflow.set_tracking_uri(address)
    client = MlflowClient()
    done = []

    def stop(part, *arguments):
        begin = time.perf_counter()
        result = part(client, *arguments)
        done.append(f"{part.__name__} {time.perf_counter() - begin:.1f} s")
        print(done[-1], flush=True)
        return result

    stop(experiments)
    run_id = stop(logging)
    stop(batches, run_id)
    stop(asynchronous)
    stop(changes, run_id)
    for part in (searches, artifacts, inputs, models, logged_models, autologging, evaluation, system_metrics):
        stop(part)
    print(f"The tour of MLflow {mlflow.__version__} is done: {len(done)} parts.")


if __name__ == "__main__":
    main(sys.argv[1])
