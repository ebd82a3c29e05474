"""What runs say: metrics, params, tags, inputs, outputs; histories; artifacts."""

from collections.abc import Mapping

from e2e.mlflow_corpus.case import Case, delete, fetch, get, post, put, raw

_METRIC = {"run_id": "<run>", "key": "loss", "value": 0.5, "timestamp": 1000, "step": 0}
_PARAM = {"run_id": "<run>", "key": "lr", "value": "0.1"}
_TAG = {"run_id": "<run>", "key": "colour", "value": "Red"}


def _without(body: Mapping[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in body.items() if key != name}


SINGLES = (
    *(post("runs/log-metric", {**_METRIC, "step": step, "value": 0.5 / (step + 1)}) for step in range(3)),
    post("runs/log-metric", {**_METRIC, "step": 2, "value": 0.25, "timestamp": 3000}),
    post("runs/log-metric", {**_METRIC, "step": 2, "value": 0.25, "timestamp": 3000}),
    post("runs/log-metric", {**_METRIC, "key": "val/loss", "value": "0.75"}),
    post("runs/log-metric", {**_METRIC, "key": "nan", "value": "NaN"}),
    post("runs/log-metric", {**_METRIC, "key": "up", "value": "Infinity"}),
    post("runs/log-metric", {**_METRIC, "key": "down", "value": "-Infinity"}),
    post("runs/log-metric", {**_METRIC, "key": "negative step", "step": -3}),
    post("runs/log-metric", {**_METRIC, "key": "no step", "step": None}),
    post("runs/log-metric", {**_METRIC, "key": "int", "value": 3}),
    post("runs/log-metric", {**_METRIC, "key": "text step", "step": "4"}),
    post("runs/log-metric", {**_METRIC, "key": "epoch", "timestamp": 0}),
    post("runs/log-metric", {**_METRIC, "value": "high"}),
    post("runs/log-metric", {**_METRIC, "value": None}),
    post("runs/log-metric", {**_METRIC, "value": []}),
    post("runs/log-metric", {**_METRIC, "step": "many"}),
    post("runs/log-metric", {**_METRIC, "run_id": "<spare>", "step": 1.5}),
    post("runs/log-metric", {**_METRIC, "timestamp": "now"}),
    post("runs/log-metric", {**_METRIC, "timestamp": -1}),
    post("runs/log-metric", {**_METRIC, "run_id": "<spare>", "step": 1 << 70}),
    post("runs/log-metric", {**_METRIC, "run_id": "<spare>", "timestamp": 1 << 70}),
    post("runs/log-metric", {**_METRIC, "key": ""}),
    post("runs/log-metric", {**_METRIC, "key": "../loss"}),
    post("runs/log-metric", {**_METRIC, "key": "/loss"}),
    post("runs/log-metric", {**_METRIC, "key": "a/./b"}),
    post("runs/log-metric", {**_METRIC, "key": "a;b"}),
    post("runs/log-metric", {**_METRIC, "key": "."}),
    post("runs/log-metric", {**_METRIC, "key": "k" * 251}),
    post("runs/log-metric", {**_METRIC, "key": 5}),
    *(post("runs/log-metric", _without(_METRIC, name)) for name in ("run_id", "key", "value", "timestamp")),
    post("runs/log-metric", {**_METRIC, "run_id": "0" * 32}),
    post("runs/log-metric", {**_METRIC, "run_id": "no run!"}),
    post("runs/log-metric", {**_METRIC, "run_uuid": "<run>"}),
    raw("runs/log-metric", '{"run_id": "<spare>", "key": "bare", "value": NaN, "timestamp": 1}'),
    post("runs/log-parameter", _PARAM),
    post("runs/log-parameter", _PARAM),
    post("runs/log-parameter", {**_PARAM, "value": "0.2"}),
    post("runs/log-parameter", {**_PARAM, "key": "empty", "value": ""}),
    post("runs/log-parameter", _without({**_PARAM, "key": "none"}, "value")),
    post("runs/log-parameter", {**_PARAM, "key": "number", "value": 3}),
    post("runs/log-parameter", {**_PARAM, "key": "long", "value": "v" * 6001}),
    post("runs/log-parameter", {**_PARAM, "key": "k" * 251}),
    post("runs/log-parameter", {**_PARAM, "key": "a b/c.d-e_f:g"}),
    post("runs/log-parameter", {**_PARAM, "key": "a=b"}),
    post("runs/log-parameter", {**_PARAM, "key": ""}),
    post("runs/log-parameter", _without(_PARAM, "key")),
    post("runs/log-parameter", _without(_PARAM, "run_id")),
    post("runs/log-parameter", {**_PARAM, "run_id": "0" * 32}),
    post("runs/set-tag", _TAG),
    post("runs/set-tag", {**_TAG, "value": "Blue"}),
    post("runs/set-tag", _TAG),
    post("runs/set-tag", {**_TAG, "run_id": "<second>", "value": "green"}),
    post("runs/set-tag", {**_TAG, "key": "gone"}),
    post("runs/set-tag", {**_TAG, "key": "long", "value": "v" * 8001}),
    post("runs/set-tag", {**_TAG, "key": "empty", "value": ""}),
    post("runs/set-tag", {**_TAG, "key": "k" * 251}),
    post("runs/set-tag", {**_TAG, "key": "a/../b"}),
    post("runs/set-tag", {**_TAG, "key": ""}),
    post("runs/set-tag", _without(_TAG, "key")),
    post("runs/set-tag", _without(_TAG, "run_id")),
    post("runs/set-tag", {**_TAG, "run_id": "0" * 32}),
    post("runs/set-tag", {"run_id": "<second>", "key": "mlflow.runName", "value": "by tag"}),
    get("runs/get", {"run_id": "<second>"}),
    post("runs/set-tag", {"run_id": "<second>", "key": "mlflow.runName", "value": "second"}),
    post("runs/delete-tag", {"run_id": "<run>", "key": "gone"}),
    post("runs/delete-tag", {"run_id": "<run>", "key": "gone"}),
    post("runs/delete-tag", {"run_id": "<run>"}),
    post("runs/delete-tag", {"run_id": "0" * 32, "key": "x"}),
    get("runs/get", {"run_id": "<run>"}),
)

_POINT = {"key": "acc", "value": 0.5, "timestamp": 1, "step": 0}


def _batch(**more: object) -> Case:
    return post("runs/log-batch", {"run_id": "<second>", **more})


BATCHES = (
    _batch(),
    _batch(metrics=[{**_POINT, "step": step, "value": step / 10} for step in range(10)]),
    _batch(metrics=[_POINT, _POINT]),
    _batch(params=[{"key": "lr", "value": "0.3"}, {"key": "depth", "value": "4"}]),
    _batch(params=[{"key": "lr", "value": "0.3"}]),
    _batch(params=[{"key": "lr", "value": "0.4"}]),
    _batch(params=[{"key": "twice", "value": "1"}, {"key": "twice", "value": "1"}]),
    _batch(params=[{"key": "thrice", "value": "1"}, {"key": "thrice", "value": "2"}]),
    _batch(tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]),
    _batch(tags=[{"key": "b", "value": ""}]),
    _batch(metrics=[{**_POINT, "key": "nan", "value": "NaN"}, {**_POINT, "key": "up", "value": "Infinity"}]),
    _batch(metrics=[{"key": "bare", "value": 1, "timestamp": 5}]),
    _batch(metrics=[_without(_POINT, "key")]),
    _batch(metrics=[_POINT, _without(_POINT, "value")]),
    _batch(metrics=[_without(_POINT, "timestamp")]),
    _batch(run_id="<spare>", metrics=[{**_POINT, "value": "high"}]),
    _batch(metrics=[{**_POINT, "timestamp": -5}]),
    _batch(metrics=[{**_POINT, "key": "../m"}]),
    _batch(metrics=[{**_POINT, "key": "k" * 251}]),
    _batch(params=[{"value": "x"}]),
    _batch(params=[{"key": "p" * 251, "value": "x"}]),
    _batch(params=[{"key": "no;", "value": "x"}]),
    _batch(params=[{"key": "long", "value": "v" * 6001}]),
    _batch(tags=[{"value": "x"}]),
    _batch(tags=[{"key": "t" * 251, "value": "x"}]),
    _batch(tags=[{"key": "/t", "value": "x"}]),
    _batch(metrics="loss"),
    _batch(params={"lr": "1"}),
    _batch(metrics=[{**_POINT, "step": step} for step in range(1001)]),
    _batch(params=[{"key": f"p{number}", "value": "x"} for number in range(101)]),
    _batch(tags=[{"key": f"t{number}", "value": "x"} for number in range(101)]),
    _batch(metrics=[{**_POINT, "step": step} for step in range(950)], tags=[{"key": f"t{n}"} for n in range(51)]),
    _batch(run_id="0" * 32, tags=[{"key": "a", "value": "1"}]),
    post("runs/log-batch", {"metrics": [_POINT]}),
    _batch(run_id="<spare>", tags=[{"key": f"big{number}", "value": "x" * 11_000} for number in range(95)]),
    get("runs/get", {"run_id": "<second>"}),
)

_IRIS = {"name": "iris", "digest": "abc", "source_type": "local", "source": '{"uri": "iris.csv"}'}
_CONTEXT = [{"key": "mlflow.data.context", "value": "training"}]


def _inputs(*datasets: object, **more: object) -> Case:
    return post("runs/log-inputs", {"run_id": "<run>", "datasets": list(datasets), **more})


INPUTS = (
    _inputs({"tags": _CONTEXT, "dataset": _IRIS}),
    _inputs({"tags": _CONTEXT, "dataset": _IRIS}),
    _inputs({"dataset": {**_IRIS, "name": "wine", "schema": "{}", "profile": "{}"}}),
    _inputs(),
    _inputs({"tags": _CONTEXT}, run_id="<spare>"),
    *(_inputs({"dataset": _without(_IRIS, name)}, run_id="<spare>") for name in _IRIS),
    _inputs({"dataset": {**_IRIS, "name": "n" * 501}}, run_id="<spare>"),
    _inputs({"dataset": {**_IRIS, "digest": "d" * 37}}, run_id="<spare>"),
    _inputs({"dataset": {**_IRIS, "source": "s" * 65_536}}, run_id="<spare>"),
    _inputs({"dataset": _IRIS, "tags": [{"key": "k" * 256, "value": "v"}]}, run_id="<spare>"),
    _inputs({"dataset": _IRIS, "tags": [{"key": "k", "value": "v" * 501}]}, run_id="<spare>"),
    _inputs({"dataset": _IRIS}, run_id="0" * 32),
    post("runs/log-inputs", {"datasets": [{"dataset": _IRIS}]}),
    post("runs/log-inputs", {"run_id": "<run>", "datasets": "iris"}),
    post("/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": ["<one>"]}),
    get("runs/get", {"run_id": "<run>"}),
    post("runs/log-model", {"run_id": "<third>"}),
    post("runs/log-model", {"run_id": "<third>", "model_json": "{"}),
    post("runs/log-model", {"run_id": "<third>", "model_json": "{}"}),
    post(
        "runs/log-model",
        {
            "run_id": "<third>",
            "model_json": '{"artifact_path": "m", "flavors": {}, "utc_time_created": "2020", "run_id": "<third>"}',
        },
    ),
    get("runs/get", {"run_id": "<third>"}),
)

_LOSS = {"run_id": "<run>", "metric_key": "loss"}
HISTORIES = (
    get("metrics/get-history", _LOSS),
    get("metrics/get-history", {**_LOSS, "max_results": "2"}),
    get("metrics/get-history", {**_LOSS, "max_results": "0"}),
    get("metrics/get-history", {**_LOSS, "max_results": "-1"}),
    get("metrics/get-history", {**_LOSS, "max_results": "many"}),
    get("metrics/get-history", {**_LOSS, "page_token": "nonsense"}),
    get("metrics/get-history", {**_LOSS, "metric_key": "absent"}),
    get("metrics/get-history", {**_LOSS, "metric_key": "nan"}),
    get("metrics/get-history", {**_LOSS, "metric_key": "up"}),
    get("metrics/get-history", {**_LOSS, "metric_key": "down"}),
    get("metrics/get-history", {"run_id": "<run>"}),
    get("metrics/get-history", {"metric_key": "loss"}),
    get("metrics/get-history", {"run_uuid": "<run>", "metric_key": "loss"}),
    get("metrics/get-history", {**_LOSS, "run_id": "0" * 32}),
    get("metrics/get-history", {"run_id": "<second>", "metric_key": "acc"}),
    *(
        get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", params)
        for params in (
            {"run_id": ["<run>"], "metric_key": "loss"},
            {"run_id": ["<run>"], "metric_key": "loss", "max_results": "2"},
            {"run_id": ["<run>"]},
            {"metric_key": "loss"},
            {"run_id": ["0" * 32], "metric_key": "loss"},
            {"run_id": [f"r{number}" for number in range(101)], "metric_key": "loss"},
        )
    ),
    *(
        get("/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", params)
        for params in (
            {"run_ids": ["<run>"], "metric_key": "loss"},
            {"run_ids": ["<second>"], "metric_key": "acc", "start_step": "2", "end_step": "5"},
            {"run_ids": ["<second>"], "metric_key": "acc", "max_results": "3"},
            {"run_ids": ["<second>"], "metric_key": "acc", "start_step": "2"},
            {"run_ids": ["<second>"], "metric_key": "acc", "start_step": "5", "end_step": "2"},
            {"run_ids": ["<run>"], "metric_key": "loss", "max_results": "0"},
            {"run_ids": ["<run>"], "metric_key": "loss", "max_results": "2501"},
            {"run_ids": ["<run>"]},
            {"metric_key": "loss"},
        )
    ),
)

_ROOT = "<one>/<run>/artifacts"
ARTIFACTS = (
    get("artifacts/list", {"run_id": "<run>"}),
    put(f"{_ROOT}/notes.txt", "hello"),
    put(f"{_ROOT}/notes.txt", "hello again"),
    put(f"{_ROOT}/plots/one.txt", "1"),
    put(f"{_ROOT}/plots/deep/two.txt", "22"),
    put(f"{_ROOT}/empty.txt", ""),
    get("artifacts/list", {"run_id": "<run>"}),
    get("artifacts/list", {"run_uuid": "<run>"}),
    get("artifacts/list", {"run_id": "<run>", "path": "plots"}),
    get("artifacts/list", {"run_id": "<run>", "path": "plots/deep"}),
    get("artifacts/list", {"run_id": "<run>", "path": "plots/"}),
    get("artifacts/list", {"run_id": "<run>", "path": "absent"}),
    get("artifacts/list", {"run_id": "<run>", "path": "notes.txt"}),
    get("artifacts/list", {"run_id": "<run>", "path": "../.."}),
    get("artifacts/list", {"run_id": "<run>", "path": "%2e%2e"}),
    get("artifacts/list", {"run_id": "<run>", "path": "/etc"}),
    get("artifacts/list", {"run_id": "<run>", "path": "a#b"}),
    get("artifacts/list", {"run_id": "<run>", "path": "file:///etc"}),
    get("artifacts/list", {"path": "plots"}),
    get("artifacts/list", {"run_id": "0" * 32}),
    fetch(f"{_ROOT}/notes.txt"),
    fetch(f"{_ROOT}/plots/deep/two.txt"),
    fetch(f"{_ROOT}/empty.txt"),
    fetch(f"{_ROOT}/absent.txt"),
    fetch(f"{_ROOT}/%2e%2e/%2e%2e/x"),
    fetch(f"{_ROOT}/%252e%252e/x"),
    fetch("%2Fetc/passwd"),
    put("outside.txt", "x"),
    put(f"{_ROOT}/%2e%2e/x", "x"),
    get("/api/2.0/mlflow-artifacts/artifacts", {"path": _ROOT}),
    get("/api/2.0/mlflow-artifacts/artifacts", {"path": f"{_ROOT}/plots"}),
    get("/api/2.0/mlflow-artifacts/artifacts", {"path": f"{_ROOT}/absent"}),
    get("/api/2.0/mlflow-artifacts/artifacts", {"path": "../x"}),
    get("/get-artifact", {"run_id": "<run>", "path": "notes.txt"}),
    get("/get-artifact", {"run_uuid": "<run>", "path": "notes.txt"}),
    get("/get-artifact", {"run_id": "<run>", "path": "absent.txt"}),
    get("/get-artifact", {"run_id": "<run>", "path": "../notes.txt"}),
    get("/get-artifact", {"run_id": "<run>"}),
    get("/get-artifact", {"path": "notes.txt"}),
    get("/get-artifact", {"run_id": "0" * 32, "path": "notes.txt"}),
    delete(f"/api/2.0/mlflow-artifacts/artifacts/{_ROOT}/empty.txt"),
    delete(f"/api/2.0/mlflow-artifacts/artifacts/{_ROOT}/plots"),
    delete(f"/api/2.0/mlflow-artifacts/artifacts/{_ROOT}/absent"),
    get("artifacts/list", {"run_id": "<run>"}),
)
