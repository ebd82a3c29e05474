"""One small store of MLflow, told by our own code in each layout: as files, as a database, as a server."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import yaml

CHURN = "638888702882071843"
FIRST, THROWN, GONE_RUN = "a" * 32, "b" * 32, "c" * 32
MODEL, DELETED_MODEL = "m-" + "1" * 32, "m-" + "2" * 32
LARGEST = 1.7976931348623157e308
CURVE = [(1_700_000_000_000 + step // 2, step / 8, step) for step in range(10)]
# (instant in ms, value, step); the database keeps NaN apart, and infinities as the largest number.
HISTORIES = {
    "curve": CURVE,
    "odd": [(1_700_000_000_000, float("nan"), 0), (1_700_000_000_001, LARGEST, -1)],
    "deep/loss": [(1_700_000_000_000, 0.25, 3)],
}
DATASET = {"name": "rows", "digest": "ed06fe9c", "source_type": "code", "source": "{}", "schema": "s", "profile": "p"}
TAGS = {"mlflow.runName": "first", "mlflow.source.name": "train.py", "mlflow.note.content": "a: b\nc"}
PARAMS = {"depth": "3", "nested/name": "cnn", "empty": ""}
FILES = {"tree/deep/ä b.txt": b"two", "zero": b"", "model/MLmodel": b"flavors: {}"}
BEGAN = 1_700_000_000_000


def runs(root: str) -> list[dict[str, Any]]:
    """Runs as a server tells them; artifacts lie at `root`/experiment/run/artifacts."""

    def info(id_: str, experiment: str, **said: Any) -> dict[str, Any]:
        return {
            "run_id": id_,
            "experiment_id": experiment,
            "run_name": "first",
            "user_id": "ann",
            "status": "FINISHED",
            "start_time": BEGAN,
            "end_time": BEGAN + 5,
            "artifact_uri": f"{root}/{experiment}/{id_}/artifacts",
            "lifecycle_stage": "active",
        } | said

    def latest(key: str) -> dict[str, Any]:
        at, value, step = HISTORIES[key][-1] if key != "odd" else HISTORIES[key][0]
        return {"key": key, "value": value if value == value else "NaN", "timestamp": at, "step": step}  # noqa: PLR0124

    return [
        {
            "info": info(FIRST, CHURN),
            "data": {
                "params": [{"key": key, "value": value} for key, value in PARAMS.items()],
                "tags": [{"key": key, "value": value} for key, value in TAGS.items()],
                "metrics": [latest(key) for key in HISTORIES],
            },
            "inputs": {
                "dataset_inputs": [{"dataset": DATASET, "tags": [{"key": "mlflow.data.context", "value": "training"}]}]
            },
            "outputs": {"model_outputs": [{"model_id": MODEL, "step": 2}, {"model_id": DELETED_MODEL}]},
        },
        {"info": info(THROWN, CHURN, run_name="thrown away", lifecycle_stage="deleted", status="FAILED")},
        {"info": info(GONE_RUN, "2", run_name="going on", lifecycle_stage="deleted", status="RUNNING", end_time=0)},
    ]


EXPERIMENTS = [
    {
        "experiment_id": "0",
        "name": "Default",
        "lifecycle_stage": "active",
        "creation_time": BEGAN,
        "last_update_time": BEGAN,
    },
    {
        "experiment_id": CHURN,
        "name": "churn",
        "lifecycle_stage": "active",
        "creation_time": BEGAN,
        "last_update_time": BEGAN + 1,
        "tags": [{"key": "team", "value": "a"}],
    },
    {
        "experiment_id": "2",
        "name": "given up",
        "lifecycle_stage": "deleted",
        "creation_time": BEGAN,
        "last_update_time": BEGAN + 9,
    },
]
VERSIONS = [
    {
        "name": "classifier",
        "version": "1",
        "creation_timestamp": BEGAN + 1,
        "last_updated_timestamp": BEGAN + 2,
        "current_stage": "None",
        "description": "the first",
        "source": f"runs:/{FIRST}/model",
        "run_id": FIRST,
        "status": "READY",
        "tags": [{"key": "x", "value": "y"}],
    },
    {
        "name": "classifier",
        "version": "2",
        "creation_timestamp": BEGAN + 2,
        "last_updated_timestamp": BEGAN + 3,
        "current_stage": "Production",
        "source": f"models:/{MODEL}",
        "run_id": FIRST,
        "status": "READY",
    },
]
REGISTERED = {
    "name": "classifier",
    "creation_timestamp": BEGAN,
    "last_updated_timestamp": BEGAN + 3,
    "description": "what it is",
    "tags": [{"key": "team", "value": "a"}],
    "aliases": [{"alias": "best", "version": "1"}],
}


def model(root: str, id_: str = MODEL) -> dict[str, Any]:
    return {
        "info": {
            "model_id": id_,
            "experiment_id": CHURN,
            "name": "net",
            "creation_timestamp_ms": BEGAN,
            "last_updated_timestamp_ms": BEGAN + 1,
            "status": "LOGGED_MODEL_READY",
            "source_run_id": FIRST,
            "artifact_uri": f"{root}/{CHURN}/models/{id_}/artifacts",
            "tags": [{"key": "k", "value": "v"}],
        },
        "data": {
            "params": [{"key": "c", "value": "1"}],
            "metrics": [
                {
                    "key": "auc",
                    "value": 0.75,
                    "timestamp": BEGAN,
                    "step": 2,
                    "run_id": FIRST,
                    "dataset_name": "eval",
                    "dataset_digest": "d1",
                }
            ],
        },
    }


def write_artifacts(root: Path) -> None:
    for name, content in FILES.items():
        path = root / CHURN / FIRST / "artifacts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    path = root / CHURN / "models" / MODEL / "artifacts" / "MLmodel"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"flavors: {a: b}")


def file_store(root: Path) -> Path:
    """The layout of files; artifacts are said to be where the store was before it was moved."""
    for one in EXPERIMENTS:
        folder = root / (".trash" if one["lifecycle_stage"] == "deleted" else "") / str(one["experiment_id"])
        _meta(folder, {**one, "tags": {}})
        _leaves(folder / "tags", _mapping(one.get("tags", ())))
    for run in runs("file:///moved/from"):
        info, data = run["info"], run.get("data", {})
        experiment = root / (".trash" if info["experiment_id"] == "2" else "") / info["experiment_id"]
        folder = experiment / info["run_id"]
        numbers = {"RUNNING": 1, "FINISHED": 3, "FAILED": 4}
        _meta(folder, info | {"status": numbers[info["status"]], "end_time": info["end_time"] or None, "tags": []})
        _leaves(folder / "params", _mapping(data.get("params", ())))
        _leaves(folder / "tags", _mapping(data.get("tags", ())))
        for metric in data.get("metrics", ()):
            lines = [f"{at} {value} {step}\n" for at, value, step in HISTORIES[metric["key"]]]
            _leaves(folder / "metrics", {metric["key"]: "".join(lines)})
        for used in run.get("inputs", {}).get("dataset_inputs", ()):
            _meta(experiment / "datasets" / "d", used["dataset"])
            _meta(folder / "inputs" / "i", {"source_type": "DATASET", "source_id": "d", "tags": _mapping(used["tags"])})
        for made in run.get("outputs", {}).get("model_outputs", ()):
            _meta(
                folder / "outputs" / made["model_id"], {"destination_id": made["model_id"], "step": made.get("step", 0)}
            )
    for id_, stage in ((MODEL, "active"), (DELETED_MODEL, "deleted")):
        told = model("file:///moved/from", id_)
        info = told["info"]
        folder = root / CHURN / "models" / id_
        _meta(
            folder,
            {
                "model_id": id_,
                "name": "net",
                "creation_timestamp": info["creation_timestamp_ms"],
                "last_updated_timestamp": info["last_updated_timestamp_ms"],
                "status": 2,
                "source_run_id": FIRST,
                "artifact_location": info["artifact_uri"],
                "lifecycle_stage": stage,
            },
        )
        _leaves(folder / "params", _mapping(told["data"]["params"]))
        _leaves(folder / "tags", _mapping(info["tags"]))
        _leaves(folder / "metrics", {"auc": f"{BEGAN} 0.75 2 {FIRST} eval d1\n"})
    folder = root / "models" / "classifier"
    _meta(folder, {name: REGISTERED[name] for name in REGISTERED if name not in {"tags", "aliases"}})
    _leaves(folder / "tags", {"team": "a"})
    _leaves(folder / "aliases", {"best": "1"})
    for version in [*VERSIONS, {"version": 3, "current_stage": "Deleted_Internal"}]:
        inner = folder / f"version-{version['version']}"
        _meta(inner, {name: value for name, value in version.items() if name != "tags"})
        _leaves(inner / "tags", _mapping(version.get("tags", ())))
    _meta(root / "models" / "a prompt", {"name": "a prompt"})
    _leaves(root / "models" / "a prompt" / "tags", {"mlflow.prompt.is_prompt": "true"})
    write_artifacts(root)
    return root


_SCHEMA = """
create table experiments (experiment_id integer primary key, name text, artifact_location text, lifecycle_stage text,
  creation_time bigint, last_update_time bigint);
create table experiment_tags (key text, value text, experiment_id integer);
create table runs (run_uuid text primary key, name text, user_id text, status text, start_time bigint, end_time bigint,
  lifecycle_stage text, artifact_uri text, experiment_id integer);
create table params (key text, value text, run_uuid text);
create table tags (key text, value text, run_uuid text);
create table metrics (key text, value float, timestamp bigint, run_uuid text, step bigint, is_nan boolean);
create table latest_metrics (key text, value float, timestamp bigint, step bigint, is_nan boolean, run_uuid text);
create table inputs (input_uuid text, source_type text, source_id text, destination_type text, destination_id text, step bigint);
create table input_tags (input_uuid text, name text, value text);
create table datasets (dataset_uuid text, name text, digest text, dataset_source_type text, dataset_source text,
  dataset_schema text, dataset_profile text);
create table logged_models (model_id text primary key, experiment_id integer, name text, artifact_location text,
  creation_timestamp_ms bigint, last_updated_timestamp_ms bigint, status integer, lifecycle_stage text, model_type text,
  source_run_id text, status_message text);
create table logged_model_params (model_id text, param_key text, param_value text);
create table logged_model_tags (model_id text, tag_key text, tag_value text);
create table logged_model_metrics (model_id text, metric_name text, metric_timestamp_ms bigint, metric_step bigint,
  metric_value float, run_id text, dataset_name text, dataset_digest text);
create table registered_models (name text primary key, creation_time bigint, last_updated_time bigint, description text);
create table registered_model_tags (key text, value text, name text);
create table registered_model_aliases (alias text, version integer, name text);
create table model_versions (name text, version integer, creation_time bigint, last_updated_time bigint, description text,
  user_id text, current_stage text, source text, run_id text, status text, status_message text, run_link text);
create table model_version_tags (key text, value text, name text, version integer);
create table trace_info (request_id text primary key);
insert into trace_info values ('t');
"""


def database(path: Path, root: str) -> Path:
    """The layout of tables, as MLflow 3 has them."""
    connection = sqlite3.connect(path)
    connection.executescript(_SCHEMA)

    def add(table: str, *rows: tuple[Any, ...]) -> None:
        for row in rows:
            connection.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)

    for one in EXPERIMENTS:
        times = (one["creation_time"], one["last_update_time"])
        add("experiments", (int(str(one["experiment_id"])), one["name"], "", one["lifecycle_stage"], *times))
    add("experiment_tags", ("team", "a", int(CHURN)))
    for run in runs(root):
        info, id_ = run["info"], run["info"]["run_id"]
        told = [info[name] for name in ("run_name", "user_id", "status", "start_time")]
        add(
            "runs",
            (
                id_,
                *told,
                info["end_time"] or None,
                info["lifecycle_stage"],
                info["artifact_uri"],
                int(info["experiment_id"]),
            ),
        )
        for table in ("params", "tags"):
            add(table, *((one["key"], one["value"], id_) for one in run.get("data", {}).get(table, ())))
        for metric in run.get("data", {}).get("metrics", ()):
            for at, value, step in HISTORIES[metric["key"]]:
                is_nan = value != value  # noqa: PLR0124
                add("metrics", (metric["key"], 0.0 if is_nan else value, at, id_, step, is_nan))
            is_nan = metric["value"] == "NaN"
            add(
                "latest_metrics",
                (metric["key"], 0.0 if is_nan else metric["value"], metric["timestamp"], metric["step"], is_nan, id_),
            )
    add(
        "datasets", ("d", *(DATASET[name] for name in ("name", "digest", "source_type", "source", "schema", "profile")))
    )
    add("inputs", ("i", "DATASET", "d", "RUN", FIRST, 0))
    add("input_tags", ("i", "mlflow.data.context", "training"))
    add(
        "inputs",
        ("o", "RUN_OUTPUT", FIRST, "MODEL_OUTPUT", MODEL, 2),
        ("p", "RUN_OUTPUT", FIRST, "MODEL_OUTPUT", DELETED_MODEL, 0),
    )
    for id_, stage in ((MODEL, "active"), (DELETED_MODEL, "deleted")):
        uri = model(root, id_)["info"]["artifact_uri"]
        add("logged_models", (id_, int(CHURN), "net", uri, BEGAN, BEGAN + 1, 2, stage, None, FIRST, None))
        add("logged_model_params", (id_, "c", "1"))
        add("logged_model_tags", (id_, "k", "v"))
        add("logged_model_metrics", (id_, "auc", BEGAN, 2, 0.75, FIRST, "eval", "d1"))
    add("registered_models", ("classifier", BEGAN, BEGAN + 3, "what it is"), ("a prompt", BEGAN, BEGAN, None))
    add("registered_model_tags", ("team", "a", "classifier"), ("mlflow.prompt.is_prompt", "true", "a prompt"))
    add("registered_model_aliases", ("best", 1, "classifier"))
    for one in VERSIONS:
        times = (one["creation_timestamp"], one["last_updated_timestamp"])
        said = (one.get("description"), None, one["current_stage"], one["source"], one["run_id"], "READY", None, None)
        add("model_versions", ("classifier", int(str(one["version"])), *times, *said))
    redacted = (None, None, "Deleted_Internal", "REDACTED-SOURCE-PATH", "REDACTED-RUN-ID", "READY", None, None)
    add("model_versions", ("classifier", 3, BEGAN, BEGAN, *redacted))
    add("model_version_tags", ("x", "y", "classifier", 1))
    connection.commit()
    connection.close()
    return path


def server(kept: Path) -> Callable[[httpx.Request], httpx.Response]:
    """The REST protocol, two things a page, artifacts through the proxy."""
    root = "mlflow-artifacts:"
    write_artifacts(kept)

    def answer(request: httpx.Request) -> httpx.Response:
        path = unquote(request.url.path)
        asked = dict(request.url.params) | (json.loads(request.content) if request.content else {})
        if path.startswith("/api/2.0/mlflow-artifacts/artifacts"):
            return _proxied(kept, path.removeprefix("/api/2.0/mlflow-artifacts/artifacts").strip("/"), asked)
        match path.removeprefix("/api/2.0/mlflow/"):
            case "experiments/search":
                return _page("experiments", EXPERIMENTS, asked)
            case "runs/search":
                wanted = [run for run in runs(root) if run["info"]["experiment_id"] in asked["experiment_ids"]]
                return _page("runs", wanted, asked)
            case "metrics/get-history":
                told = [
                    {"value": value, "timestamp": at, "step": step}
                    for at, value, step in HISTORIES[asked["metric_key"]]
                ]
                return _page("metrics", json.loads(json.dumps(told).replace("NaN", '"NaN"')), asked)
            case "logged-models/search":
                return _page("models", [model(root)] if CHURN in asked["experiment_ids"] else [], asked)
            case "registered-models/search":
                return _page("registered_models", [REGISTERED], asked)
            case "model-versions/search":
                assert "name='classifier'" == asked["filter"]
                return _page("model_versions", VERSIONS, asked)
            case other if other == f"logged-models/{DELETED_MODEL}":
                return httpx.Response(200, json={"model": model(root, DELETED_MODEL)})
        return httpx.Response(404, json={"error_code": "ENDPOINT_NOT_FOUND", "message": path})

    return answer


def _page(field: str, found: list[Any], asked: dict[str, Any]) -> httpx.Response:
    begin = int(asked.get("page_token", 0))
    more = {"next_page_token": str(begin + 2)} if begin + 2 < len(found) else {}
    return httpx.Response(200, json={field: found[begin : begin + 2], **more})


def _proxied(kept: Path, name: str, asked: dict[str, Any]) -> httpx.Response:
    if name:
        return httpx.Response(200, content=(kept / name).read_bytes())
    folder = kept / asked["path"]
    told = [
        {"path": path.name, "is_dir": True} if path.is_dir() else {"path": path.name, "file_size": path.stat().st_size}
        for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
    ]
    return httpx.Response(200, json={"files": told} if told else {})


def _meta(folder: Path, told: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meta.yaml").write_text(yaml.safe_dump(told))


def _leaves(folder: Path, told: dict[str, str]) -> None:
    for key, value in told.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)


def _mapping(told: Any) -> dict[str, str]:
    return {one["key"]: one["value"] for one in told}
