"""Logged models: what training runs keep as models, whether or not they are registered later.

Each verb takes part in the caller's transaction.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select, update

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound
from homeostat.store.db.schema.registry import (
    logged_model_artifacts,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)

LoggedStatus = Literal["pending", "ready", "failed"]
_IDS = 500  # bound in one statement


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A point that a run logged of a model; the dataset's fields are empty if it named none."""

    model_id: str
    run_id: str
    key: str
    step: int
    logged_at: int
    value: float
    dataset_name: str = ""
    dataset_digest: str = ""


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model as a run logged it. `source_run_id` may be empty."""

    id: str
    experiment_id: int
    name: str
    model_type: str
    source_run_id: str
    status: LoggedStatus
    status_message: str
    created_at: Micros
    updated_at: Micros
    deleted_at: Micros | None
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: tuple[Metric, ...] = ()


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a model; `name` is a path with `/`."""

    name: str
    digest: Digest
    size_bytes: int


def create(connection: Connection, model: LoggedModel) -> None:
    """Add a model with its params and tags."""
    columns = {name: getattr(model, name) for name in logged_models.c.keys()}  # noqa: SIM118  of a table, not a dict
    connection.execute(insert(logged_models).values(**columns))
    put_params(connection, model.id, model.params)
    put_tags(connection, model.id, model.tags)


def put(connection: Connection, model: LoggedModel) -> None:
    """Have a model as it is elsewhere: it is added, or takes the new state. Params, tags and metrics that it has besides stay."""
    columns = {name: getattr(model, name) for name in logged_models.c.keys()}  # noqa: SIM118  of a table, not a dict
    if not connection.execute(update(logged_models).where(logged_models.c.id == model.id).values(**columns)).rowcount:
        connection.execute(insert(logged_models).values(**columns))
    put_params(connection, model.id, model.params)
    put_tags(connection, model.id, model.tags)
    put_metrics(connection, model.metrics)


def get(connection: Connection, model_id: str, *, allow_deleted: bool = False) -> LoggedModel:
    """Raises: NotFound naming the id."""
    found = read(connection, [model_id])
    if not found or (found[0].deleted_at is not None and not allow_deleted):
        raise NotFound(f"Logged model with ID '{model_id}' not found.")
    return found[0]


def read(connection: Connection, model_ids: Sequence[str]) -> list[LoggedModel]:
    """Models by id, in that order; those that are not there are left out. Cost: four queries for 500."""
    found: dict[str, LoggedModel] = {}
    for first in range(0, len(model_ids), _IDS):
        these = list(model_ids[first : first + _IDS])
        params, tags = _values(connection, logged_model_params, these), _values(connection, logged_model_tags, these)
        metrics: dict[str, list[Metric]] = {}
        of_these = select(logged_model_metrics).where(logged_model_metrics.c.model_id.in_(these))
        for row in connection.execute(of_these).mappings():
            value = math.nan if row["value"] is None else row["value"]
            metrics.setdefault(row["model_id"], []).append(Metric(**{**row, "value": value}))
        for row in connection.execute(select(logged_models).where(logged_models.c.id.in_(these))).mappings():
            id_ = row["id"]
            found[id_] = LoggedModel(
                **row, params=params.get(id_, {}), tags=tags.get(id_, {}), metrics=tuple(metrics.get(id_, ()))
            )
    return [found[id_] for id_ in model_ids if id_ in found]


def finish(connection: Connection, model_id: str, status: LoggedStatus, at: Micros) -> None:
    """Say that it is whole, or failed."""
    _change(connection, model_id, status=status, updated_at=at)


def throw_away(connection: Connection, model_id: str, at: Micros) -> None:
    """Delete softly."""
    _change(connection, model_id, deleted_at=at, updated_at=at)


def put_params(connection: Connection, model_id: str, params: Mapping[str, str]) -> None:
    _put(connection, logged_model_params, model_id, params)


def put_tags(connection: Connection, model_id: str, tags: Mapping[str, str]) -> None:
    _put(connection, logged_model_tags, model_id, tags)


def remove_tag(connection: Connection, model_id: str, key: str) -> None:
    """Raises: NotFound if it has no such tag."""
    these = (logged_model_tags.c.model_id == model_id) & (logged_model_tags.c.key == key)
    if not connection.execute(delete(logged_model_tags).where(these)).rowcount:
        raise NotFound(f"No tag with key {key!r} found for model with ID {model_id!r}.")


def put_metrics(connection: Connection, metrics: Iterable[Metric]) -> None:
    """Add points; one that is there already takes the new value."""
    keys = ("model_id", "key", "logged_at", "step", "run_id")
    for metric in metrics:
        values = {
            "value": None if math.isnan(metric.value) else metric.value,
            "dataset_name": metric.dataset_name,
            "dataset_digest": metric.dataset_digest,
        }
        key = {name: getattr(metric, name) for name in keys}
        where = [logged_model_metrics.c[name] == wanted for name, wanted in key.items()]
        if not connection.execute(update(logged_model_metrics).where(*where).values(**values)).rowcount:
            connection.execute(insert(logged_model_metrics).values(**key, **values))


def keep_file(connection: Connection, model_id: str, file: File) -> None:
    """A file whose content the object store has."""
    remove_files(connection, model_id, file.name, below=False)
    connection.execute(
        insert(logged_model_artifacts).values(
            model_id=model_id, name=file.name, digest=file.digest, size_bytes=file.size_bytes
        )
    )


def files(connection: Connection, model_id: str) -> list[File]:
    """Every file of a model, by name."""
    table = logged_model_artifacts
    query = select(table.c.name, table.c.digest, table.c.size_bytes).where(table.c.model_id == model_id)
    return [
        File(name=name, digest=digest, size_bytes=size_bytes)
        for name, digest, size_bytes in connection.execute(query.order_by(table.c.name))
    ]


def remove_files(connection: Connection, model_id: str, name: str, *, below: bool = True) -> None:
    """Take away the file `name`, and with `below` what lies in the folder of that name."""
    table = logged_model_artifacts
    these = table.c.name == name
    if below:
        these |= table.c.name.startswith(f"{name}/" if name else "", autoescape=True)
    connection.execute(delete(table).where(table.c.model_id == model_id, these))


def _change(connection: Connection, model_id: str, **values: Any) -> None:
    connection.execute(update(logged_models).where(logged_models.c.id == model_id).values(**values))


def _values(connection: Connection, table: Table, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for model_id, key, value in connection.execute(select(table).where(table.c.model_id.in_(model_ids))):
        found.setdefault(model_id, {})[key] = value
    return found


def _put(connection: Connection, table: Table, model_id: str, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        where = (table.c.model_id == model_id) & (table.c.key == key)
        if not connection.execute(update(table).where(where).values(value=value)).rowcount:
            connection.execute(insert(table).values(model_id=model_id, key=key, value=value))
