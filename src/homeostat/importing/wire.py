"""From MLflow's JSON to records. Pure.

Enums come by name or, from old servers, by number; int64 as numbers or texts; empty fields may be absent.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from homeostat.core.clock import Micros
from homeostat.importing.records import Experiment, Model, Newest, Registered, Run, Unreadable, Version
from homeostat.registry.logged import LoggedStatus, Metric
from homeostat.track.blocks import Points
from homeostat.track.records import DatasetInput, ModelOutput, RunStatus

_Record = TypeVar("_Record")
_Status = TypeVar("_Status", bound=str)
RUN_STATUSES: tuple[RunStatus, ...] = ("running", "scheduled", "finished", "failed", "killed")  # numbered from 1
MODEL_STATUSES: tuple[LoggedStatus, ...] = ("pending", "ready", "failed")
_LARGEST_MS = (1 << 63) // 1000 - 1
_MOST_ID = 64  # characters, as the tables have it
_MOST_NAME = 256


def read(kind: str, raw: Any, reader: Callable[[Any], _Record]) -> _Record | Unreadable:
    """What `reader` makes of an answer; what it cannot read is named."""
    try:
        return reader(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        return Unreadable(kind, _named(raw), f"It cannot be read: {what}.")


def experiment(raw: Mapping[str, Any]) -> Experiment:
    created = micros(raw.get("creation_time"))
    return Experiment(
        id=str(raw["experiment_id"]),
        name=str(raw["name"]),
        is_deleted=raw.get("lifecycle_stage") == "deleted",
        created_at=created,
        updated_at=micros(raw.get("last_update_time"), created),
        tags=pairs(raw.get("tags")),
    )


def run(raw: Mapping[str, Any]) -> Run:
    info, data, inputs = raw["info"], raw.get("data", {}), raw.get("inputs", {})
    tags = pairs(data.get("tags"))
    ended = info.get("end_time")
    return Run(
        id=identifier(info.get("run_id") or info["run_uuid"]),
        experiment=str(info["experiment_id"]),
        name=str(info.get("run_name") or tags.get("mlflow.runName", ""))[:_MOST_NAME],
        user=str(info.get("user_id") or tags.get("mlflow.user", ""))[:_MOST_NAME],
        status=run_status(info.get("status", "RUNNING")),
        started_at=micros(info.get("start_time")),
        finished_at=None if ended in (None, 0, "0") else micros(ended),
        is_deleted=info.get("lifecycle_stage") == "deleted",
        root=str(info.get("artifact_uri", "")),
        params=pairs(data.get("params")),
        tags=tags,
        metrics=tuple(map(_newest, data.get("metrics", ()))),
        datasets=tuple(map(_dataset, inputs.get("dataset_inputs", ()))),
        models=tuple(str(one["model_id"]) for one in inputs.get("model_inputs", ())),
        outputs=tuple(
            ModelOutput(model_id=str(one["model_id"]), step=int(one.get("step", 0)))
            for one in raw.get("outputs", {}).get("model_outputs", ())
        ),
    )


def model(raw: Mapping[str, Any]) -> Model:
    info, data = raw["info"], raw.get("data", {})
    id_, run_id = identifier(info["model_id"]), str(info.get("source_run_id") or "")
    created = micros(info.get("creation_timestamp_ms"))
    return Model(
        id=id_,
        experiment=str(info["experiment_id"]),
        name=str(info.get("name", "")),
        model_type=str(info.get("model_type") or ""),
        source_run_id=run_id,
        status=model_status(info.get("status", "LOGGED_MODEL_READY")),
        status_message=str(info.get("status_message") or ""),
        created_at=created,
        updated_at=micros(info.get("last_updated_timestamp_ms"), created),
        is_deleted=False,
        root=str(info.get("artifact_uri", "")),
        params=pairs(data.get("params")),
        tags=pairs(info.get("tags")),
        metrics=tuple(
            Metric(
                model_id=id_,
                run_id=str(one.get("run_id") or run_id),
                key=str(one["key"]),
                step=int(one.get("step", 0)),
                logged_at=micros(one.get("timestamp")),
                value=number(one.get("value", 0.0)),
                dataset_name=str(one.get("dataset_name") or ""),
                dataset_digest=str(one.get("dataset_digest") or ""),
            )
            for one in data.get("metrics", ())
        ),
    )


def version(raw: Mapping[str, Any]) -> Version:
    created = micros(raw.get("creation_timestamp"))
    return Version(
        number=int(raw["version"]),
        created_at=created,
        updated_at=micros(raw.get("last_updated_timestamp"), created),
        description=str(raw.get("description") or ""),
        user=str(raw.get("user_id") or ""),
        stage=str(raw.get("current_stage") or "None"),
        source=str(raw.get("source") or ""),
        run_id=str(raw.get("run_id") or ""),
        run_link=str(raw.get("run_link") or ""),
        model_id=str(raw.get("model_id") or ""),
        status=problem(raw.get("status"), raw.get("status_message")),
        tags=pairs(raw.get("tags")),
    )


def registered(raw: Mapping[str, Any], versions: tuple[Version, ...]) -> Registered:
    created = micros(raw.get("creation_timestamp"))
    return Registered(
        name=named(raw["name"]),
        description=str(raw.get("description") or ""),
        created_at=created,
        updated_at=micros(raw.get("last_updated_timestamp"), created),
        tags=pairs(raw.get("tags")),
        aliases={str(one["alias"]): int(one["version"]) for one in raw.get("aliases", ())},
        versions=tuple(sorted(versions, key=lambda one: one.number)),
        last_number=max((one.number for one in versions), default=0),
    )


def points(metrics: Iterable[Mapping[str, Any]]) -> Points:
    """Points of a history. Raises: ValueError for what is no number."""
    told = [(int(one.get("step", 0)), micros(one.get("timestamp")), number(one.get("value", 0.0))) for one in metrics]
    return Points.of(*(zip(*told, strict=True) if told else ([], [], [])))


def pairs(tags: Any) -> dict[str, str]:
    """Params or tags."""
    return {str(one["key"]): str(one.get("value") or "") for one in tags or ()}


def number(told: Any) -> float:
    """A value; NaN and infinities come as texts."""
    return float(told)


def micros(told: Any, otherwise: int = 0) -> Micros:
    """Milliseconds as microseconds; what cannot be an instant is 0."""
    if told is None:
        return Micros(otherwise)
    at = int(told)
    return Micros(at * 1000 if abs(at) <= _LARGEST_MS else 0)


def run_status(told: Any) -> RunStatus:
    """Raises: ValueError naming a status that is none."""
    return _by_name_or_number(told, RUN_STATUSES)


def model_status(told: Any) -> LoggedStatus:
    name = str(told).removeprefix("LOGGED_MODEL_").removeprefix("UPLOAD_")
    return _by_name_or_number(name, MODEL_STATUSES)


def problem(status: Any, message: Any) -> str:
    """What is wrong with a version; empty if it is ready."""
    told = str(status or "READY")
    return "" if told == "READY" else f"{told}: {message}" if message else told


def identifier(told: Any) -> str:
    """An id that can stand in a path and in our tables. Raises: ValueError."""
    text = str(told)
    if not text or len(text) > _MOST_ID or not text.replace("-", "").replace("_", "").isalnum() or not text.isascii():
        raise ValueError(f"the id {text[:100]!r} cannot be one here")
    return text


def named(told: Any) -> str:
    """The name of a registered model. Raises: ValueError."""
    text = str(told)
    if not text or len(text) > _MOST_NAME or "/" in text or ":" in text:
        raise ValueError(f"the name {text[:100]!r} cannot be one here")
    return text


def newest(key: str, step: int, at: Micros, value: float) -> Newest:
    """A point as it is compared: all NaN are alike."""
    return Newest(key, step, at, "nan" if math.isnan(value) else repr(float(value)))


def _newest(raw: Mapping[str, Any]) -> Newest:
    at, value = micros(raw.get("timestamp")), number(raw.get("value", 0.0))
    return newest(str(raw["key"]), int(raw.get("step", 0)), at, value)


def _dataset(raw: Mapping[str, Any]) -> DatasetInput:
    one = raw["dataset"]
    return DatasetInput(
        **{name: str(one.get(name) or "") for name in ("name", "digest", "source_type", "source", "schema", "profile")},
        tags=pairs(raw.get("tags")),
    )


def _by_name_or_number(told: Any, known: tuple[_Status, ...]) -> _Status:
    text = str(told).lower()
    if text.isdecimal() and 1 <= int(text) <= len(known):
        return known[int(text) - 1]
    for status in known:
        if status == text:
            return status
    raise ValueError(f"the status {told!r} is none of {', '.join(known)}")


def _named(raw: Any) -> str:
    info = raw.get("info", raw) if isinstance(raw, Mapping) else {}
    fields = ("run_id", "run_uuid", "model_id", "name", "experiment_id")
    return next((str(info[name]) for name in fields if isinstance(info, Mapping) and info.get(name)), "?")
