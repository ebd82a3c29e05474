"""Logged models, as clients from version 3 on keep them."""

import math
import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from sqlalchemy import Float, and_, case, func, literal, select
from sqlalchemy import cast as sql_cast

from homeostat.core.errors import NotFound
from homeostat.mlflow import artifacts, rules
from homeostat.mlflow.artifacts import Owner
from homeostat.mlflow.call import Call, Endpoint, listing, model_root
from homeostat.mlflow.experiments import living
from homeostat.mlflow.runs import location
from homeostat.mlflow.searching import Field, Keyed, conditions, nulls_last, page
from homeostat.mlflow.wire import ABSENT, Asked, Fault, Pair, millis, number, pairs, present
from homeostat.registry import logged
from homeostat.registry.logged import LoggedModel, LoggedStatus
from homeostat.store.db.schema.registry import (
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)
from homeostat.track.search.grammar import Vocabulary
from homeostat.track.search.orders import Term

_STATUSES: dict[str, LoggedStatus] = {
    "LOGGED_MODEL_PENDING": "pending",
    "LOGGED_MODEL_READY": "ready",
    "LOGGED_MODEL_UPLOAD_FAILED": "failed",
    "PENDING": "pending",
    "READY": "ready",
    "FAILED": "failed",
    "1": "pending",
    "2": "ready",
    "3": "failed",
}
_SHOWN = {"pending": "LOGGED_MODEL_PENDING", "ready": "LOGGED_MODEL_READY", "failed": "LOGGED_MODEL_UPLOAD_FAILED"}
_DEFAULT_PAGE = 50
_MOST_PAGE = 50_000
_COLUMNS = {
    "name": logged_models.c.name,
    "model_id": logged_models.c.id,
    "model_type": logged_models.c.model_type,
    "status": func.upper(logged_models.c.status),
    "source_run_id": logged_models.c.source_run_id,
    "experiment_id": logged_models.c.experiment_id,
    "creation_timestamp": logged_models.c.created_at,
    "last_updated_timestamp": logged_models.c.updated_at,
}
_VOCABULARY = Vocabulary(
    attributes={
        "name": "text",
        "model_id": "text",
        "model_type": "text",
        "status": "text",
        "source_run_id": "text",
        "experiment_id": "number",
        "creation_timestamp": "time",
        "last_updated_timestamp": "time",
    },
    names={
        "creation_time": "creation_timestamp",
        "creation_timestamp_ms": "creation_timestamp",
        "last_updated_timestamp_ms": "last_updated_timestamp",
    },
    kinds=("metric", "param", "tag"),
    numeric_params=False,
)
_NEWEST = (Term(logged_models.c.created_at, True), Term(logged_models.c.id, False))


class Create(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("experiment_id",)
    experiment_id: str = ""
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: tuple[Pair, ...] = ()
    tags: tuple[Pair, ...] = ()


class One(Asked, frozen=True, kw_only=True):
    model_id: str = ""
    allow_deleted: bool = False


class Finish(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("status",)
    model_id: str = ""
    status: str | int = ""


class Tags(Asked, frozen=True, kw_only=True):
    model_id: str = ""
    tags: tuple[Pair, ...] = ()


class TagKey(Asked, frozen=True, kw_only=True):
    model_id: str = ""
    tag_key: str = ""


class Params(Asked, frozen=True, kw_only=True):
    model_id: str = ""
    params: tuple[Pair, ...] = ()


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    dataset_name: str = ""
    dataset_digest: str = ""


class OrderBy(msgspec.Struct, frozen=True, kw_only=True):
    field_name: str = ""
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class Search(Asked, frozen=True, kw_only=True):
    experiment_ids: tuple[str, ...] = ()
    filter: str = ""
    datasets: tuple[Dataset, ...] = ()
    max_results: int = 0
    order_by: tuple[OrderBy, ...] = ()
    page_token: str = ""


class Folder(Asked, frozen=True, kw_only=True):
    model_id: str = ""
    artifact_directory_path: str = ""


def create(call: Call, asked: Create) -> dict[str, Any]:
    rules.check_logged_name(asked.name)
    experiment = living(call, asked.experiment_id)
    model_id = f"m-{uuid.uuid4().hex}"
    model = LoggedModel(
        id=model_id,
        experiment_id=experiment.id,
        name=asked.name or f"model-{model_id[2:10]}",
        model_type=asked.model_type,
        source_run_id=asked.source_run_id,
        status="pending",
        status_message="",
        created_at=call.now,
        updated_at=call.now,
        deleted_at=None,
        params=dict(map(rules.param, asked.params)),
        tags=dict(map(rules.tag, asked.tags)),
    )
    logged.create(call.connection, model)
    return {"model": shown(call, [model])[0]}


def get(call: Call, asked: One) -> dict[str, Any]:
    return {"model": shown(call, [found(call, asked.model_id, allow_deleted=asked.allow_deleted)])[0]}


def finish(call: Call, asked: Finish) -> dict[str, Any]:
    model = found(call, asked.model_id)
    status = _STATUSES.get(str(asked.status))
    if status is None:
        raise Fault(f"Invalid value '{asked.status}' for parameter 'status' supplied.")
    logged.finish(call.connection, model.id, status, call.now)
    return get(call, One(model_id=model.id))


def delete(call: Call, asked: One) -> dict[str, Any]:
    model = found(call, asked.model_id, allow_deleted=True)
    if model.deleted_at is None:
        logged.throw_away(call.connection, model.id, call.now)
    return {}


def set_tags(call: Call, asked: Tags) -> dict[str, Any]:
    model = found(call, asked.model_id)
    logged.put_tags(call.connection, model.id, dict(map(rules.tag, asked.tags)))
    return {}


def delete_tag(call: Call, asked: TagKey) -> dict[str, Any]:
    model = found(call, asked.model_id)
    logged.remove_tag(call.connection, model.id, asked.tag_key)
    return {}


def log_params(call: Call, asked: Params) -> dict[str, Any]:
    model = found(call, asked.model_id)
    logged.put_params(call.connection, model.id, dict(map(rules.param, asked.params)))
    return {}


def search(call: Call, asked: Search) -> dict[str, Any]:
    limit = asked.max_results or _DEFAULT_PAGE
    rules.check_results(limit, _MOST_PAGE)
    numbers = rules.experiment_numbers(asked.experiment_ids)
    if not all(one.dataset_name for one in asked.datasets):
        raise Fault("`dataset_name` in the `datasets` clause must be specified.")
    field = _field(asked.datasets)
    where = conditions(call.connection, field, asked.filter)
    where += [logged_models.c.experiment_id.in_(numbers), logged_models.c.deleted_at.is_(None)]
    if asked.datasets:
        of_one = select(logged_model_metrics.c.model_id).where(_on(asked.datasets))
        where.append(logged_models.c.id.in_(of_one))
    rows, token = page(
        call.connection,
        select(logged_models.c.id).where(*where),
        _ordered(asked.order_by),
        limit,
        asked.page_token,
        ("logged", numbers, asked.filter, msgspec.to_builtins(asked.datasets), msgspec.to_builtins(asked.order_by)),
    )
    models = logged.read(call.connection, [row.id for row in rows])
    return present(models=shown(call, models), next_page_token=token or None)


def files(call: Call, asked: Folder) -> dict[str, Any]:
    model = found(call, asked.model_id)
    folder = rules.artifact_path(asked.artifact_directory_path)
    kept = artifacts.files(call.connection, Owner("model", model.id))
    return present(
        root_uri=model_root(location(call, model.experiment_id), model.id),
        files=listing(kept, folder, below=f"{folder}/" if folder else ""),
    )


def found(call: Call, model_id: str, *, allow_deleted: bool = False) -> LoggedModel:
    try:
        return logged.get(call.connection, model_id, allow_deleted=allow_deleted)
    except NotFound as error:
        raise Fault(error.message, ABSENT) from None


def shown(call: Call, models: Sequence[LoggedModel]) -> list[dict[str, Any]]:
    """Models as clients read them."""
    locations = {id_: location(call, id_) for id_ in {model.experiment_id for model in models}}
    return [
        {
            "info": present(
                model_id=model.id,
                experiment_id=str(model.experiment_id),
                name=model.name,
                creation_timestamp_ms=millis(model.created_at),
                last_updated_timestamp_ms=millis(model.updated_at),
                artifact_uri=model_root(locations[model.experiment_id], model.id),
                status=_SHOWN[model.status],
                model_type=model.model_type,
                source_run_id=model.source_run_id,
                status_message=model.status_message or None,
                tags=pairs(model.tags),
            ),
            "data": present(params=pairs(model.params), metrics=list(map(_metric, model.metrics))),
        }
        for model in models
    ]


def _metric(one: logged.Metric) -> dict[str, Any]:
    return present(
        key=one.key,
        value=number(one.value),
        timestamp=one.logged_at // 1000,
        step=one.step,
        model_id=one.model_id,
        dataset_name=one.dataset_name or None,
        dataset_digest=one.dataset_digest or None,
        run_id=one.run_id,
    )


def _field(datasets: Sequence[Dataset]) -> Field:
    """What a search is over; with datasets, metrics are those on them."""
    metric, param, tag = logged_model_metrics, logged_model_params, logged_model_tags
    on_datasets = (_on(datasets),) if datasets else ()
    return Field(
        vocabulary=_VOCABULARY,
        columns=_COLUMNS,
        keyed={
            "metric": Keyed(metric.c.key, metric.c.value, metric.c.model_id == logged_models.c.id, on_datasets),
            "param": Keyed(param.c.key, param.c.value, param.c.model_id == logged_models.c.id),
            "tag": Keyed(tag.c.key, tag.c.value, tag.c.model_id == logged_models.c.id),
        },
        orders=_NEWEST,
    )


def _on(datasets: Sequence[Dataset]) -> Any:
    """That a metric was logged on one of some datasets."""
    each = [
        and_(
            logged_model_metrics.c.dataset_name == one.dataset_name,
            *([logged_model_metrics.c.dataset_digest == one.dataset_digest] if one.dataset_digest else []),
        )
        for one in datasets
    ]
    found_on = each[0]
    for other in each[1:]:
        found_on |= other
    return found_on


def _ordered(order_by: Sequence[OrderBy]) -> list[Term]:
    ordered: list[Term] = []
    named = set()
    for one in order_by:
        kind, point, key = one.field_name.partition(".")
        if point and kind != "metrics":
            raise Fault(f"Invalid order by field name: {one.field_name}. Only metrics are supported.")
        if point:
            ordered += nulls_last(_latest(key, one), 0.0, is_descending=not one.ascending)
            continue
        name = _VOCABULARY.names.get(one.field_name, one.field_name)
        if name not in _COLUMNS:
            raise Fault(f"Invalid order by field name: {one.field_name}")
        named.add(name)
        ordered.append(Term(_COLUMNS[name], not one.ascending))
    if "creation_timestamp" not in named:
        ordered.append(_NEWEST[0])
    return [*ordered, _NEWEST[1]]


def _latest(key: str, one: OrderBy) -> Any:
    """The newest value of a metric of each model, on a dataset if one is named."""
    metric = logged_model_metrics
    these = [metric.c.model_id == logged_models.c.id, metric.c.key == key]
    if one.dataset_name:
        these.append(metric.c.dataset_name == one.dataset_name)
    if one.dataset_digest:
        these.append(metric.c.dataset_digest == one.dataset_digest)
    value = case((metric.c.value.is_(None), literal(-math.inf)), else_=metric.c.value)
    newest = select(sql_cast(value, Float)).where(*these)
    return (
        newest.order_by(metric.c.logged_at.desc(), metric.c.step.desc())
        .limit(1)
        .correlate(logged_models)
        .scalar_subquery()
    )


_ONE = "logged-models/{model_id}"
ENDPOINTS = (
    Endpoint(methods=("POST",), path="logged-models", asked=Create, handler=create),
    Endpoint(methods=("POST",), path="logged-models/search", asked=Search, handler=search, writes=False),
    Endpoint(methods=("GET",), path=_ONE, asked=One, handler=get, writes=False),
    Endpoint(methods=("PATCH",), path=_ONE, asked=Finish, handler=finish),
    Endpoint(methods=("DELETE",), path=_ONE, asked=One, handler=delete),
    Endpoint(methods=("PATCH",), path=f"{_ONE}/tags", asked=Tags, handler=set_tags),
    Endpoint(methods=("DELETE",), path=f"{_ONE}/tags/{{tag_key:path}}", asked=TagKey, handler=delete_tag),
    Endpoint(methods=("POST",), path=f"{_ONE}/params", asked=Params, handler=log_params),
    Endpoint(methods=("GET",), path=f"{_ONE}/artifacts/directories", asked=Folder, handler=files, writes=False),
)
