"""What runs say: metrics, params, tags, inputs and outputs. Each may be repeated: the answer may have been lost."""

import math
import time
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from homeostat.core.errors import NotFound
from homeostat.core.ids import RunId
from homeostat.mlflow import rules
from homeostat.mlflow.call import Call, Endpoint
from homeostat.mlflow.runs import NAME_TAG, open_run
from homeostat.mlflow.wire import ABSENT, SEE, Asked, Fault, Int64, Pair, decoded, entries, missing
from homeostat.registry import logged
from homeostat.store.db.schema.track import run_params, run_tags
from homeostat.track import amending, points, recording
from homeostat.track.blocks import Points
from homeostat.track.records import DATASET_CONTEXT, DatasetUsed, RunRecord

_MILLISECOND = 1000  # microseconds
_MOST_INPUT_KEY = 255  # of a tag of an input
_MODELS_TAG = "mlflow.log-model.history"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    key: str | None = None
    value: float | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LogMetric(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_id", "key", "value", "timestamp")
    run_id: str = ""
    key: str = ""
    value: float | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LogPair(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_id", "key")
    run_id: str = ""
    key: str = ""
    value: str = ""


class LogBatch(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_id",)
    run_id: str = ""
    metrics: tuple[Metric, ...] = ()
    params: tuple[Pair, ...] = ()
    tags: tuple[Pair, ...] = ()


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    name: str | None = None
    digest: str | None = None
    source_type: str | None = None
    source: str | None = None
    schema: str = ""
    profile: str = ""


class DatasetInput(msgspec.Struct, frozen=True, kw_only=True):
    tags: tuple[Pair, ...] = ()
    dataset: Dataset | None = None


class ModelInput(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str = ""


class ModelOutput(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str = ""
    step: Int64 = 0


class LogInputs(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_id",)
    run_id: str = ""
    datasets: tuple[DatasetInput, ...] = ()
    models: tuple[ModelInput, ...] = ()


class LogOutputs(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_id", "models")
    run_id: str = ""
    models: tuple[ModelOutput, ...] = ()


class LogModel(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_id", "model_json")
    run_id: str = ""
    model_json: str = ""


def log_metric(call: Call, asked: LogMetric) -> dict[str, Any]:
    run = open_run(call, asked.run_id)
    fields = {name: getattr(asked, name) for name in Metric.__struct_fields__}
    _put_metrics(call, run, [Metric(**fields)], is_single=True)
    return {}


def log_param(call: Call, asked: LogPair) -> dict[str, Any]:
    run = open_run(call, asked.run_id)
    _put_params(call, run.id, [rules.param(Pair(key=asked.key, value=asked.value))], is_single=True)
    return {}


def set_tag(call: Call, asked: LogPair) -> dict[str, Any]:
    _put_tags(call, open_run(call, asked.run_id), [rules.tag(Pair(key=asked.key, value=asked.value))])
    return {}


def delete_tag(call: Call, asked: LogPair) -> dict[str, Any]:
    run = open_run(call, asked.run_id)
    try:
        recording.untag(call.connection, run.id, asked.key)
    except NotFound:
        raise Fault(f"No tag with name: {asked.key} in run with id {asked.run_id}", ABSENT) from None
    return {}


def log_batch(call: Call, asked: LogBatch) -> dict[str, Any]:
    rules.check_batch_bytes(call.size_bytes)
    for name, said in (("metrics", asked.metrics), ("params", asked.params), ("tags", asked.tags)):
        _check_present(name, said)
    counts = {"metrics": len(asked.metrics), "params": len(asked.params), "tags": len(asked.tags)}
    rules.check_batch(counts)
    params = [rules.param(one, f"params[{index}]") for index, one in enumerate(asked.params)]
    tags = [rules.tag(one, f"tags[{index}]") for index, one in enumerate(asked.tags)]
    rules.check_unique(params)
    run = open_run(call, asked.run_id)
    _put_params(call, run.id, params)
    _put_metrics(call, run, asked.metrics)
    _put_tags(call, run, tags)
    return {}


def log_inputs(call: Call, asked: LogInputs) -> dict[str, Any]:
    run = open_run(call, asked.run_id)
    for one in asked.datasets:
        if one.dataset is None:
            raise Fault("Dataset cannot be None")
        rules.check_dataset(one.dataset)
        for tag in one.tags:
            rules.check_length("key", _MOST_INPUT_KEY, tag.key or "")
        tags = {str(tag.key): rules.check_length("value", 500, tag.value) for tag in one.tags}
        used = DatasetUsed(
            at=call.now,
            name=str(one.dataset.name),
            digest=str(one.dataset.digest),
            source_type=str(one.dataset.source_type),
            source=str(one.dataset.source),
            context=tags.get(DATASET_CONTEXT, ""),
            schema=one.dataset.schema,
            profile=one.dataset.profile,
        )
        recording.use_dataset(call.connection, run.id, call.now, used, tags)
    for model in asked.models:
        recording.use(call.connection, run.id, "model", model.model_id, {})
    return {}


def log_outputs(call: Call, asked: LogOutputs) -> dict[str, Any]:
    run = open_run(call, asked.run_id)
    for model in asked.models:
        recording.made(call.connection, run.id, model.model_id, model.step)
    return {}


def log_model(call: Call, asked: LogModel) -> dict[str, Any]:
    """What clients before 3 said of a logged model: kept as a tag, one list a run."""
    run = open_run(call, asked.run_id)
    try:
        model = decoded(asked.model_json)
    except ValueError:
        raise Fault(f"Malformed model info. \n {asked.model_json} \n is not a valid JSON.") from None
    needed = ("artifact_path", "flavors", "utc_time_created", "run_id")
    if not isinstance(model, dict) or not all(name in model for name in needed):
        absent = [name for name in needed if not isinstance(model, dict) or name not in model]
        raise Fault(f"Model json is missing mandatory fields: {absent}")
    known = amending.texts(call.connection, run.id, run_tags, [_MODELS_TAG]).get(_MODELS_TAG, "[]")
    models = [one for one in entries(known) if one != model] + [model]
    recording.put_tags(call.connection, run.id, {_MODELS_TAG: msgspec.json.encode(models).decode()})
    return {}


def _check_present(name: str, said: Sequence[Metric | Pair]) -> None:
    for index, one in enumerate(said):
        absent = "" if one.key else "key"
        if not absent and isinstance(one, Metric):
            absent = "value" if one.value is None else "timestamp" if one.timestamp is None else ""
        if absent:
            raise Fault(missing(f"{name}[{index}].{absent}") + SEE)


def _put_metrics(call: Call, run: RunRecord, said: Sequence[Metric], *, is_single: bool = False) -> None:
    series: dict[str, tuple[list[int], list[int], list[float]]] = {}
    of_models = []
    for index, one in enumerate(said):
        timestamp, value = one.timestamp or 0, 0.0 if one.value is None else one.value
        key = str(one.key)
        if key not in series or timestamp < 0 or math.isinf(value):  # a key is looked at once
            value = rules.check_metric(one.key, value, timestamp, "" if is_single else f"metrics[{index}]")
            series.setdefault(key, ([], [], []))
        at = _micros(timestamp)
        steps, instants, values = series[key]
        steps.append(one.step)
        instants.append(at)
        values.append(value)
        if one.model_id:
            of_models.append(
                logged.Metric(
                    model_id=one.model_id,
                    run_id=run.id,
                    key=key,
                    step=one.step,
                    logged_at=at,
                    value=value,
                    dataset_name=one.dataset_name,
                    dataset_digest=one.dataset_digest,
                )
            )
    for key, found in series.items():
        points.add(call.connection, run.id, key, Points.of(*found), once=True)
    logged.put_metrics(call.connection, of_models)


def _put_params(call: Call, run_id: RunId, params: Sequence[tuple[str, str]], *, is_single: bool = False) -> None:
    if not params:
        return
    wanted = dict(params)
    known = amending.texts(call.connection, run_id, run_params, list(wanted))
    changed = [
        {"key": key, "old_value": known[key], "new_value": value}
        for key, value in wanted.items()
        if known.get(key, value) != value
    ]
    if changed and is_single:
        one = changed[0]
        raise Fault(
            f"Changing param values is not allowed. Param with key='{one['key']}' was already logged with "
            f"value='{one['old_value']}' for run ID='{run_id}'. Attempted logging new value '{one['new_value']}'."
        )
    if changed:
        raise Fault(
            f"Changing param values is not allowed. Params were already logged='{changed}' for run ID='{run_id}'."
        )
    recording.put_texts(call.connection, run_id, wanted)


def _put_tags(call: Call, run: RunRecord, tags: Sequence[tuple[str, str]]) -> None:
    if not tags:
        return
    wanted = dict(tags)
    recording.put_tags(call.connection, run.id, wanted)
    if wanted.get(NAME_TAG):
        amending.amend(call.connection, run, call.now, name=wanted[NAME_TAG])


def _micros(timestamp_ms: int) -> int:
    # Some clients send seconds or zero; what cannot be an instant in microseconds is now.
    return timestamp_ms * _MILLISECOND if timestamp_ms < 1 << 53 else time.time_ns() // _MILLISECOND


_PUT = (
    ("runs/log-metric", LogMetric, log_metric),
    ("runs/log-parameter", LogPair, log_param),
    ("runs/set-tag", LogPair, set_tag),
    ("runs/delete-tag", LogPair, delete_tag),
    ("runs/log-batch", LogBatch, log_batch),
    ("runs/log-inputs", LogInputs, log_inputs),
    ("runs/outputs", LogOutputs, log_outputs),
    ("runs/log-model", LogModel, log_model),
)
ENDPOINTS = tuple(Endpoint(methods=("POST",), path=path, asked=asked, handler=handler) for path, asked, handler in _PUT)
