"""What runs say, as rows: the verbs that shipping and the doors share, each in the caller's transaction.

None of them asks whether the run may still be written to: who speaks for a run decides that. `open_run` is for doors that
take words about runs from outside.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from homeostat.core.clock import Micros
from homeostat.core.digests import canonical_json
from homeostat.core.errors import NotFound, UserError
from homeostat.core.ids import RunId
from homeostat.store import ledger, lineage
from homeostat.store.db.schema.track import (
    input_datasets,
    run_artifacts,
    run_inputs,
    run_outputs,
    run_params,
    run_surroundings,
    run_tags,
    runs,
)
from homeostat.store.lineage import Edge, node
from homeostat.track import experiments
from homeostat.track.facts import RunFinished, RunStarted
from homeostat.track.records import DATASET_CONTEXT, ArtifactKept, DatasetUsed, RunRecord, RunStatus, Started

_ROWS = 500  # keys in one statement
_RUN = [runs.c[name] for name in RunRecord.__struct_fields__]
# Made once: to build such a statement takes longer than to run it.
_RECORD = select(*_RUN).where(runs.c.id == bindparam("run_id"))
_NEW_RUN = insert(runs)
_KNOWN = {
    table: select(column).where(table.c.run_id == bindparam("of_run"), column.in_(bindparam("keys", expanding=True)))
    for table, column in (
        (run_params, run_params.c.key),
        (run_tags, run_tags.c.key),
        (run_artifacts, run_artifacts.c.name),
    )
}
_NEW = {table: insert(table) for table in _KNOWN}


def open_run(connection: Connection, run_id: str) -> RunRecord:
    """A run that can be written to.

    Raises: NotFound. UserError if it was deleted.
    """
    row = connection.execute(_RECORD, {"run_id": run_id}).mappings().first()
    if row is None:
        raise NotFound(f"There is no run {run_id!r}. List those there are: homeostat runs list")
    if row["deleted_at"] is not None:
        raise UserError(f"Run {run_id} is deleted: nothing can be added. Restore it: homeostat runs restore {run_id}")
    return RunRecord(**row)


def start(
    connection: Connection, event: Started, *, status: RunStatus = "running", experiment: int | None = None
) -> None:
    """A new run, in the experiment it names, or in that of the number `experiment`."""
    if experiment is None:
        experiment = experiments.number_of(connection, event.experiment, event.at)
    connection.execute(
        _NEW_RUN,
        {
            "id": event.id,
            "experiment_id": experiment,
            "name": event.name,
            "kind": event.kind,
            "status": status,
            "system": event.system,
            "parent": event.parent,
            "user": event.user,
            "source": event.source,
            "started_at": event.at,
            "code": "",
            "environment": "",
            "error": "",
            "note": "",
            "dropped": 0,
        },
    )
    if event.surroundings:
        surround(connection, event.id, event.at, event.surroundings)
    if event.parent:
        edge = Edge(node("run", event.id), node("run", event.parent), "parent")
        lineage.record(connection, event.at, [edge])
    ledger.append(connection, event.at, RunStarted(system=event.system, run_id=event.id, name=event.name))


def surround(connection: Connection, run_id: RunId, at: Micros, surroundings: Mapping[str, Any]) -> None:
    """What surrounds a run; its code and environment stand upstream of it."""
    origins = {name: str(surroundings.get(name, "")) for name in ("code", "environment")}
    connection.execute(update(runs).where(runs.c.id == run_id).values(**origins))
    body = {"body": canonical_json(dict(surroundings)).decode()}
    known = run_surroundings.c.run_id == run_id
    if not connection.execute(update(run_surroundings).where(known).values(**body)).rowcount:
        connection.execute(insert(run_surroundings).values(run_id=run_id, **body))
    run = node("run", run_id)
    lineage.record(connection, at, [Edge(run, node(kind, key), kind) for kind, key in origins.items() if key])


def finish(connection: Connection, run_id: RunId, at: Micros, status: RunStatus, error: str = "") -> None:
    """Close a run."""
    run = connection.execute(select(runs.c.name, runs.c.system).where(runs.c.id == run_id)).one()
    connection.execute(update(runs).where(runs.c.id == run_id).values(status=status, finished_at=at, error=error))
    fact = RunFinished(system=run.system, run_id=run_id, name=run.name, status=status, error=error)
    ledger.append(connection, at, fact)


def put_params(connection: Connection, run_id: RunId, params: Mapping[str, str]) -> None:
    """Params whose values are JSON. One that is there takes the new value."""
    rows = {key: _param(value) for key, value in params.items()}
    _put(connection, run_params, run_id, "key", rows)


def put_texts(connection: Connection, run_id: RunId, params: Mapping[str, str]) -> None:
    """Params whose values are texts.

    Raises: UserError naming those that have another value already; nothing is changed then.
    """
    here = select(run_params.c.key, run_params.c.value).where(run_params.c.run_id == run_id)
    known = {row.key: row.value for row in connection.execute(here.where(run_params.c.key.in_(list(params))))}
    changed = [
        f"{key!r} is {known[key]!r}, not {value!r}" for key, value in params.items() if known.get(key, value) != value
    ]
    if changed:
        raise UserError(f"Params of {run_id} cannot change: {'; '.join(changed)}. Log what changes as a metric or tag.")
    fresh = {key: {"value": value, "is_text": True} for key, value in params.items() if key not in known}
    _put(connection, run_params, run_id, "key", fresh)


def put_tags(connection: Connection, run_id: RunId, tags: Mapping[str, str]) -> None:
    """Tags; one that is there takes the new value."""
    _put(connection, run_tags, run_id, "key", {key: {"value": value} for key, value in tags.items()})


def untag(connection: Connection, run_id: RunId, key: str) -> None:
    """Raises: NotFound if the run has no such tag."""
    where = (run_tags.c.run_id == run_id) & (run_tags.c.key == key)
    if not connection.execute(delete(run_tags).where(where)).rowcount:
        raise NotFound(f"Run {run_id} has no tag {key!r}.")


def keep_artifact(connection: Connection, run_id: RunId, kept: ArtifactKept) -> None:
    """An artifact whose content the object store has."""
    row = {"digest": kept.digest, "size_bytes": kept.size_bytes, "media_type": kept.media_type}
    _put(connection, run_artifacts, run_id, "name", {kept.name: row})


def use_dataset(
    connection: Connection, run_id: RunId, at: Micros, used: DatasetUsed, tags: Mapping[str, str] | None = None
) -> None:
    """A dataset that the run read; one of ours (`source_type` is homeostat) stands upstream of it."""
    experiment = connection.execute(select(runs.c.experiment_id).where(runs.c.id == run_id)).scalar_one()
    key = {"experiment_id": experiment, "name": used.name, "digest": used.digest}
    same = [input_datasets.c[name] == value for name, value in key.items()]
    id_ = connection.execute(select(input_datasets.c.id).where(*same)).scalar()
    if id_ is None:
        described = {name: getattr(used, name) for name in ("source_type", "source", "schema", "profile")}
        made = connection.execute(insert(input_datasets).values(**key, **described))
        assert made.inserted_primary_key is not None
        id_ = made.inserted_primary_key[0]
    said = dict(tags or ({DATASET_CONTEXT: used.context} if used.context else {}))
    use(connection, run_id, "dataset", str(id_), said)
    if used.source_type == "homeostat":
        lineage.record(
            connection, at, [Edge(node("run", run_id), node("dataset", used.source), used.context or "input")]
        )


def use(connection: Connection, run_id: RunId, kind: str, key: str, tags: Mapping[str, str]) -> None:
    """An input of a run: `dataset` and its number in `input_datasets`, or `model` and its id."""
    row = {"tags": msgspec.json.encode(dict(tags)).decode(), "context": tags.get(DATASET_CONTEXT, "")}
    where = (run_inputs.c.run_id == run_id) & (run_inputs.c.kind == kind) & (run_inputs.c.key == key)
    if not connection.execute(update(run_inputs).where(where).values(**row)).rowcount:
        connection.execute(insert(run_inputs).values(run_id=run_id, kind=kind, key=key, **row))


def made(connection: Connection, run_id: RunId, model_id: str, step: int = 0) -> None:
    """A model that the run made, at a step."""
    where = (run_outputs.c.run_id == run_id) & (run_outputs.c.kind == "model") & (run_outputs.c.key == model_id)
    if not connection.execute(update(run_outputs).where(where).values(step=step)).rowcount:
        connection.execute(insert(run_outputs).values(run_id=run_id, kind="model", key=model_id, step=step))


def _param(value: str) -> dict[str, Any]:
    decoded = msgspec.json.decode(value)
    return {"value": decoded, "is_text": True} if isinstance(decoded, str) else {"value": value, "is_text": False}


def _put(connection: Connection, table: Table, run_id: RunId, key: str, rows: Mapping[str, dict[str, Any]]) -> None:
    """Insert rows, or overwrite what stands under the same keys."""
    wanted = list(rows)
    column = table.c[key]
    for first in range(0, len(wanted), _ROWS):
        batch = wanted[first : first + _ROWS]
        # Asked first: a fresh run, which has none, costs one statement less than an attempt to update each.
        known = set(connection.execute(_KNOWN[table], {"of_run": run_id, "keys": batch}).scalars())
        fresh = [{"run_id": run_id, key: name, **rows[name]} for name in batch if name not in known]
        if fresh:
            connection.execute(_NEW[table], fresh)
        for name in known:
            connection.execute(update(table).where(table.c.run_id == run_id, column == name).values(**rows[name]))
