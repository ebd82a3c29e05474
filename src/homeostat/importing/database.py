"""A database that a server of MLflow keeps its records in: SQLite, opened so that nothing can be written.

Read in short transactions, page by page, so that a server in use is not held up. Tables and columns that a version does not have
are taken for empty.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import MetaData as Tables
from sqlalchemy import Table, create_engine, inspect, select, tuple_
from sqlalchemy.exc import DatabaseError

from homeostat.core.errors import BadData, NotFound, Unavailable, UserError
from homeostat.importing import wire
from homeostat.importing.files import elsewhere, is_absent
from homeostat.importing.places import ROOTLESS, Place, local_path, proxied
from homeostat.importing.records import Experiment, File, Model, Owner, Registered, Run, Unreadable, Version
from homeostat.registry.logged import Metric
from homeostat.track.blocks import Points
from homeostat.track.records import DatasetInput, ModelOutput

_PAGE = 200
_POINTS = 50_000
_PROMPT = "mlflow.prompt.is_prompt"
_DELETED = "Deleted_Internal"
_NEEDED = ("experiments", "runs", "metrics", "latest_metrics", "params", "tags")
_USED = (
    *_NEEDED,
    *("experiment_tags", "inputs", "input_tags", "datasets"),
    *("logged_models", "logged_model_params", "logged_model_tags", "logged_model_metrics"),
    *("registered_models", "registered_model_tags", "registered_model_aliases", "model_versions", "model_version_tags"),
)
_OTHERS = {
    "trace_info": "traces",
    "evaluation_datasets": "evaluation datasets",
    "scorers": "scorers",
    "webhooks": "webhooks",
}


class DatabaseStore:
    """A `Source`."""

    def __init__(self, path: Path, *, artifacts: str = "") -> None:
        """Args: artifacts: where a server keeps the artifacts of its proxy, a folder or s3:// address; default: the folder
        `mlartifacts` beside the database, as the server's own is, if it is there.

        Raises: NotFound if there is no such file. BadData if it is no database of MLflow.
        """
        file = path.resolve()
        if not file.is_file():
            raise NotFound(
                f"There is no file {path}. Give the address that --backend-store-uri of `mlflow server` has."
            )
        self._beside = file.parent
        beside = file.parent / "mlartifacts"
        self._artifacts = artifacts or (str(beside) if beside.is_dir() else "")
        self.address = f"sqlite:///{file}"
        self._engine = create_engine(
            f"sqlite:///file:{quote(str(file))}?mode=ro&uri=true", connect_args={"timeout": 60}
        )
        self._left_out: dict[str, int] = {}
        try:
            here = inspect(self._engine).get_table_names()
            tables = Tables()
            tables.reflect(self._engine, only=[name for name in (*_USED, *_OTHERS) if name in here], resolve_fks=False)
        except DatabaseError as error:
            raise BadData(f"{path} cannot be read as a database of SQLite: {error.orig}.") from error
        self._tables: dict[str, Table] = dict(tables.tables)
        if missing := [name for name in _NEEDED if name not in self._tables]:
            raise BadData(f"{path} is no database of MLflow: it has no table {missing[0]!r}.")
        for name, kind in _OTHERS.items():
            if name in self._tables and (count := len(self._all(select(*self._tables[name].primary_key)))):
                self._left_out[kind] = count

    def experiments(self) -> Iterator[Experiment | Unreadable]:
        tags = self._keyed("experiment_tags", "experiment_id")
        for row in self._all(select(self._tables["experiments"]).order_by("experiment_id")):
            yield wire.read(
                "experiment",
                {**row, "tags": _pairs(tags.get(row["experiment_id"], {}))},
                wire.experiment,
            )

    def runs(self, experiment: str) -> Iterator[Run | Unreadable]:
        runs = self._tables["runs"]
        last = ""
        while True:
            query = select(runs).where(runs.c.experiment_id == int(experiment), runs.c.run_uuid > last)
            page = self._all(query.order_by(runs.c.run_uuid).limit(_PAGE))
            if not page:
                return
            last = page[-1]["run_uuid"]
            yield from self._read_runs(page)

    def history(self, run: Run, key: str) -> Iterator[Points]:
        metrics = self._tables["metrics"]
        order = [metrics.c.timestamp, metrics.c.step, metrics.c.value, metrics.c.is_nan]
        query = select(*order).where(metrics.c.run_uuid == run.id, metrics.c.key == key).order_by(*order).limit(_POINTS)
        after: list[Any] = []
        while True:
            rows = self._all(query.where(tuple_(*order) > tuple_(*after)) if after else query)
            if rows:
                yield Points.of(
                    [row["step"] for row in rows],
                    [wire.micros(row["timestamp"]) for row in rows],
                    [math.nan if row["is_nan"] else row["value"] for row in rows],
                )
            if len(rows) < _POINTS:
                return
            after = list(rows[-1].values())

    def models(self, experiment: str) -> Iterator[Model | Unreadable]:
        table = self._tables.get("logged_models")
        if table is None:
            return
        last = ""
        while True:
            query = select(table).where(table.c.experiment_id == int(experiment), table.c.model_id > last)
            page = self._all(query.order_by(table.c.model_id).limit(_PAGE))
            if not page:
                return
            ids = [row["model_id"] for row in page]
            last = ids[-1]
            params = self._keyed("logged_model_params", "model_id", ids, "param_key", "param_value")
            tags = self._keyed("logged_model_tags", "model_id", ids, "tag_key", "tag_value")
            metrics = self._grouped("logged_model_metrics", "model_id", ids)
            for row in page:
                id_ = row["model_id"]
                told = partial(_model, params=params.get(id_, {}), tags=tags.get(id_, {}), metrics=metrics.get(id_, []))
                yield wire.read("model", row, told)

    def model(self, model_id: str) -> Model | None:
        del model_id  # `models` tells all there are
        return None

    def registered(self) -> Iterator[Registered | Unreadable]:
        if "registered_models" not in self._tables:
            return
        tags = self._keyed("registered_model_tags", "name")
        for row in self._all(select(self._tables["registered_models"]).order_by("name")):
            name = row["name"]
            if tags.get(name, {}).get(_PROMPT) == "true":
                self._left_out["prompts"] = self._left_out.get("prompts", 0) + 1
                continue
            of_versions: dict[int, dict[str, str]] = {}
            for tag in self._grouped("model_version_tags", "name", [name]).get(name, []):
                of_versions.setdefault(tag["version"], {})[tag["key"]] = tag["value"] or ""
            versions, last_number = [], 0
            for each in self._grouped("model_versions", "name", [name]).get(name, []):
                last_number = max(last_number, each["version"])
                if each["current_stage"] == _DELETED:
                    continue
                raw = {**each, "tags": _pairs(of_versions.get(each["version"], {}))}
                version = wire.read("version", raw, _version)
                if isinstance(version, Unreadable):
                    yield version
                else:
                    versions.append(version)
            aliases = self._grouped("registered_model_aliases", "name", [name]).get(name, [])
            raw = {
                "name": name,
                "description": row["description"],
                "creation_timestamp": row["creation_time"],
                "last_updated_timestamp": row["last_updated_time"],
                "tags": _pairs(tags.get(name, {})),
                "aliases": aliases,
            }
            found = wire.read("registered model", raw, partial(wire.registered, versions=tuple(versions)))
            yield found if isinstance(found, Unreadable) else msgspec.structs.replace(found, last_number=last_number)

    def files(self, owner: Owner) -> Iterator[File | Unreadable]:
        place = self._place(owner)
        if is_absent(place):
            self._left_out[ROOTLESS] = self._left_out.get(ROOTLESS, 0) + 1
        return place.files()

    def content(self, owner: Owner, name: str) -> Iterator[bytes]:
        return self._place(owner).content(name)

    def left_out(self) -> dict[str, int]:
        return self._left_out

    def close(self) -> None:
        self._engine.dispose()

    def _place(self, owner: Owner) -> Place:
        path = local_path(owner.root)
        if path is not None and proxied(owner.root) is None and not path.is_absolute():
            return elsewhere(str(self._beside / path), self._artifacts)
        return elsewhere(owner.root, self._artifacts)

    def _read_runs(self, page: Sequence[dict[str, Any]]) -> Iterator[Run | Unreadable]:
        ids = [row["run_uuid"] for row in page]
        params, tags = self._keyed("params", "run_uuid", ids), self._keyed("tags", "run_uuid", ids)
        latest = self._grouped("latest_metrics", "run_uuid", ids)
        datasets, models = self._inputs(ids)
        outputs: dict[str, list[ModelOutput]] = {}
        for used in self._grouped("inputs", "source_id", ids, source_type="RUN_OUTPUT").values():
            for row in used:
                made = ModelOutput(model_id=row["destination_id"], step=int(row.get("step") or 0))
                outputs.setdefault(row["source_id"], []).append(made)
        for row in page:
            id_ = row["run_uuid"]
            told = partial(
                _run,
                params=params.get(id_, {}),
                tags=tags.get(id_, {}),
                latest=latest.get(id_, []),
                datasets=datasets.get(id_, []),
                models=models.get(id_, []),
                outputs=outputs.get(id_, []),
            )
            yield wire.read("run", row, told)

    def _inputs(self, run_ids: Sequence[str]) -> tuple[dict[str, list[DatasetInput]], dict[str, list[str]]]:
        """Datasets and logged models that runs read."""
        models: dict[str, list[str]] = {}
        for run_id, rows in self._grouped("inputs", "source_id", run_ids, source_type="RUN_INPUT").items():
            models[run_id] = [row["destination_id"] for row in rows]
        used = [
            row
            for rows in self._grouped("inputs", "destination_id", run_ids, source_type="DATASET").values()
            for row in rows
        ]
        tags = self._keyed("input_tags", "input_uuid", [row["input_uuid"] for row in used], "name", "value")
        wanted = sorted({row["source_id"] for row in used})
        described = {id_: rows[0] for id_, rows in self._grouped("datasets", "dataset_uuid", wanted).items()}
        datasets: dict[str, list[DatasetInput]] = {}
        for row in used:
            if row["source_id"] in described:
                one = _dataset(described[row["source_id"]], tags.get(row["input_uuid"], {}))
                datasets.setdefault(row["destination_id"], []).append(one)
        return datasets, models

    def _keyed(
        self, table: str, by: str, ids: Sequence[Any] | None = None, key: str = "key", value: str = "value"
    ) -> dict[Any, dict[str, str]]:
        """Params or tags by whom they are of."""
        found: dict[Any, dict[str, str]] = {}
        for owner, rows in self._grouped(table, by, ids).items():
            found[owner] = {str(row[key]): "" if row[value] is None else str(row[value]) for row in rows}
        return found

    def _grouped(
        self, table: str, by: str, ids: Sequence[Any] | None = None, **equal: str
    ) -> dict[Any, list[dict[str, Any]]]:
        """Rows of a table by one of its columns; none of a table that this version does not have."""
        if table not in self._tables:
            return {}
        columns = self._tables[table].c
        query = select(self._tables[table]).where(*(columns[name] == wanted for name, wanted in equal.items()))
        found: dict[Any, list[dict[str, Any]]] = {}
        parts = (
            [query]
            if ids is None
            else [query.where(columns[by].in_(ids[at : at + 500])) for at in range(0, len(ids), 500)]
        )
        for part in parts:
            for row in self._all(part):
                found.setdefault(row[by], []).append(row)
        return found

    def _all(self, query: Any) -> list[dict[str, Any]]:
        """All rows of a query, in a transaction that is over when this returns."""
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(query).mappings()]
        except DatabaseError as error:
            if "locked" in str(error.orig) or "busy" in str(error.orig):
                raise Unavailable(
                    f"{self.address} is locked by who writes there. Run the same command again."
                ) from error
            raise UserError(f"{self.address} cannot be read: {error.orig}.") from error


def _run(
    row: dict[str, Any],
    params: dict[str, str],
    tags: dict[str, str],
    latest: list[dict[str, Any]],
    datasets: list[DatasetInput],
    models: list[str],
    outputs: list[ModelOutput],
) -> Run:
    ended = row.get("end_time")
    return Run(
        id=wire.identifier(row["run_uuid"]),
        experiment=str(row["experiment_id"]),
        name=str(row.get("name") or tags.get("mlflow.runName", ""))[:256],
        user=str(row.get("user_id") or "")[:256],
        status=wire.run_status(row["status"] or "RUNNING"),
        started_at=wire.micros(row.get("start_time")),
        finished_at=wire.micros(ended) if ended else None,
        is_deleted=row.get("lifecycle_stage") == "deleted",
        root=str(row.get("artifact_uri") or ""),
        params=params,
        tags=tags,
        metrics=tuple(
            wire.newest(
                one["key"], one["step"], wire.micros(one["timestamp"]), math.nan if one["is_nan"] else one["value"]
            )
            for one in latest
        ),
        datasets=tuple(datasets),
        models=tuple(models),
        outputs=tuple(outputs),
    )


def _model(row: dict[str, Any], params: dict[str, str], tags: dict[str, str], metrics: list[dict[str, Any]]) -> Model:
    created = wire.micros(row.get("creation_timestamp_ms"))
    return Model(
        id=wire.identifier(row["model_id"]),
        experiment=str(row["experiment_id"]),
        name=str(row["name"] or ""),
        model_type=str(row.get("model_type") or ""),
        source_run_id=str(row.get("source_run_id") or ""),
        status=wire.model_status(row["status"]),
        status_message=str(row.get("status_message") or ""),
        created_at=created,
        updated_at=wire.micros(row.get("last_updated_timestamp_ms"), created),
        is_deleted=row.get("lifecycle_stage") == "deleted",
        root=str(row.get("artifact_location") or ""),
        params=params,
        tags=tags,
        metrics=tuple(
            Metric(
                model_id=row["model_id"],
                run_id=one["run_id"],
                key=one["metric_name"],
                step=one["metric_step"],
                logged_at=wire.micros(one["metric_timestamp_ms"]),
                value=math.nan if one["metric_value"] is None else one["metric_value"],
                dataset_name=one.get("dataset_name") or "",
                dataset_digest=one.get("dataset_digest") or "",
            )
            for one in metrics
        ),
    )


def _version(row: dict[str, Any]) -> Version:
    told = {"creation_timestamp": row["creation_time"], "last_updated_timestamp": row["last_updated_time"]}
    return wire.version({**row, **told})


def _dataset(row: dict[str, Any], tags: dict[str, str]) -> DatasetInput:
    return DatasetInput(
        name=row["name"],
        digest=row["digest"],
        source_type=row["dataset_source_type"] or "",
        source=row["dataset_source"] or "",
        schema=row["dataset_schema"] or "",
        profile=row["dataset_profile"] or "",
        tags=tags,
    )


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]
