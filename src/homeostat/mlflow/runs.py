"""Runs: begun, changed, thrown away, found."""

import random
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import msgspec

from homeostat.core.clock import Micros
from homeostat.core.ids import RunId, new_id
from homeostat.mlflow import rules
from homeostat.mlflow.call import Call, Endpoint, location_of, run_root
from homeostat.mlflow.experiments import life, living
from homeostat.mlflow.wire import ABSENT, SEE, Asked, Fault, Millis, Pair, invalid, millis, number, pairs, present
from homeostat.track import amending, experiments, queries, recording, usage
from homeostat.track.records import DatasetInput, Latest, RunRecord, RunStatus, RunSummary, Started
from homeostat.track.search.pages import find_runs

STATUSES: dict[str, RunStatus] = {
    "RUNNING": "running",
    "SCHEDULED": "scheduled",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "killed",
}
NAME_TAG = "mlflow.runName"
_PARENT_TAG = "mlflow.parentRunId"
_SOURCE_TAG = "mlflow.source.name"
_USER_TAG = "mlflow.user"
_NUMBERS = {str(number): name for number, name in enumerate(STATUSES, start=1)}  # as old clients send them
_MOST_PAGE = 50_000
_FIRST = (
    "amber",
    "brisk",
    "calm",
    "deft",
    "eager",
    "fair",
    "glad",
    "keen",
    "lucid",
    "merry",
    "nimble",
    "quiet",
    "swift",
    "vivid",
)
_SECOND = (
    "auk",
    "bee",
    "crane",
    "dove",
    "egret",
    "finch",
    "gull",
    "heron",
    "ibis",
    "kite",
    "lark",
    "owl",
    "swan",
    "wren",
)


class Create(Asked, frozen=True, kw_only=True):
    experiment_id: str = "0"
    user_id: str = ""
    run_name: str = ""
    start_time: Millis | None = None
    tags: tuple[Pair, ...] = ()


class Get(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_id",)
    run_id: str = ""


class Update(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("run_id",)
    run_id: str = ""
    status: str | int | None = None
    end_time: Millis | None = None
    run_name: str | None = None


class Search(Asked, frozen=True, kw_only=True):
    experiment_ids: tuple[str, ...] = ()
    filter: str = ""
    run_view_type: str | int = "ACTIVE_ONLY"
    max_results: int = 1000
    order_by: tuple[str, ...] = ()
    page_token: str = ""


def create(call: Call, asked: Create) -> dict[str, Any]:
    experiment = living(call, asked.experiment_id or "0")
    tags = dict(rules.tag(one, f"tags[{index}]") for index, one in enumerate(asked.tags))
    named = tags.get(NAME_TAG, "")
    if asked.run_name and named and asked.run_name != named:
        raise Fault(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{asked.run_name}', mlflow.runName='{named}')."
        )
    name = asked.run_name or named or _random_name()
    tags[NAME_TAG] = name
    started = Started(
        id=RunId(new_id("run", call.now)),
        at=Micros(asked.start_time * 1000) if asked.start_time else call.now,
        name=rules.check_length("run_name", rules.MOST_KEY, name),
        kind="run",
        system="",
        parent=tags.get(_PARENT_TAG, ""),
        surroundings={},
        experiment=experiment.name,
        user=asked.user_id or tags.get(_USER_TAG, ""),
        source=tags.get(_SOURCE_TAG, ""),
    )
    recording.start(call.connection, started, experiment=experiment.id)
    recording.put_tags(call.connection, started.id, tags)
    root = run_root(location_of(experiment.id, experiment.artifact_location), started.id)
    said = present(tags=pairs({NAME_TAG: name} | dict(sorted(tags.items()))))
    return {"run": {"info": info(record(call, started.id), root), "data": said, "inputs": {}}}


def get(call: Call, asked: Get) -> dict[str, Any]:
    return {"run": shown(call, queries.summaries(call.connection, [record(call, asked.run_id)]))[0]}


def update(call: Call, asked: Update) -> dict[str, Any]:
    run = open_run(call, asked.run_id)
    amending.amend(
        call.connection,
        run,
        call.now,
        name=asked.run_name or None,
        status=None if asked.status is None else _status(asked.status),
        finished_at=None if asked.end_time is None else asked.end_time * 1000,
    )
    if asked.run_name:
        recording.put_tags(call.connection, run.id, {NAME_TAG: asked.run_name})
    changed = record(call, run.id)
    return {"run_info": info(changed, _root(call, changed))}


def delete(call: Call, asked: Get) -> dict[str, Any]:
    run = record(call, asked.run_id)
    if run.deleted_at is None:
        amending.throw_away(call.connection, run.id, call.now)
    return {}


def restore(call: Call, asked: Get) -> dict[str, Any]:
    run = record(call, asked.run_id)
    amending.restore(call.connection, run.id)
    return {}


def search(call: Call, asked: Search) -> dict[str, Any]:
    rules.check_results(asked.max_results, _MOST_PAGE)
    numbers = rules.experiment_numbers(asked.experiment_ids)
    page = find_runs(
        call.connection,
        asked.filter,
        experiment_ids=numbers,
        order_by=asked.order_by,
        limit=asked.max_results,
        page_token=asked.page_token,
        life=life(asked.run_view_type),
    )
    return present(runs=shown(call, page.runs), next_page_token=page.next_token or None)


def record(call: Call, run_id: str) -> RunRecord:
    """A run, deleted or not."""
    found = queries.record(call.connection, run_id)
    if found is None:
        raise Fault(f"Run with id={run_id} not found", ABSENT)
    return found


def open_run(call: Call, run_id: str) -> RunRecord:
    """A run that can be written to."""
    run = record(call, run_id)
    if run.deleted_at is not None:
        raise Fault(f"The run {run_id} must be in the 'active' state. Current state is deleted.")
    return run


def shown(call: Call, summaries: Sequence[RunSummary]) -> list[dict[str, Any]]:
    """Runs as clients read them."""
    used = usage.of_runs(call.connection, [one.run.id for one in summaries])
    locations: dict[int, str] = {}
    found = []
    for one in summaries:
        id_ = one.run.experiment_id
        if id_ not in locations:
            locations[id_] = location(call, id_)
        read_and_made = used.get(one.run.id, usage.Usage([], [], []))
        found.append(
            {
                "info": info(one.run, run_root(locations[id_], one.run.id)),
                "data": present(
                    metrics=list(map(_metric, one.metrics)),
                    params=[{"key": key, "value": _text(value)} for key, value in one.params.items()],
                    tags=pairs({NAME_TAG: one.run.name} | one.tags),
                ),
                "inputs": present(
                    dataset_inputs=list(map(_dataset, read_and_made.datasets)),
                    model_inputs=[{"model_id": model_id} for model_id in read_and_made.models],
                ),
                "outputs": present(
                    model_outputs=[{"model_id": made.model_id, "step": made.step} for made in read_and_made.outputs]
                ),
            }
        )
    return found


def info(run: RunRecord, artifact_uri: str) -> dict[str, Any]:
    return present(
        run_uuid=run.id,
        experiment_id=str(run.experiment_id),
        run_name=run.name,
        user_id=run.user,
        status=run.status.upper(),
        start_time=millis(run.started_at),
        end_time=millis(run.finished_at),
        artifact_uri=artifact_uri,
        lifecycle_stage="active" if run.deleted_at is None else "deleted",
        run_id=run.id,
    )


def location(call: Call, experiment_id: int) -> str:
    """Where the artifacts of an experiment are."""
    return location_of(experiment_id, experiments.location(call.connection, experiment_id))


def _root(call: Call, run: RunRecord) -> str:
    return run_root(location(call, run.experiment_id), run.id)


def _status(said: str | int) -> RunStatus:
    name = _NUMBERS.get(str(said), str(said))
    if name not in STATUSES:
        raise Fault(invalid("status", said, f" Hint: Value was of type '{type(said).__name__}'.") + SEE)
    return STATUSES[name]


def _metric(one: Latest) -> dict[str, Any]:
    return {"key": one.key, "value": number(one.value), "timestamp": millis(one.logged_at), "step": one.step}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _dataset(one: DatasetInput) -> dict[str, Any]:
    described = {name: cast("str", getattr(one, name)) or None for name in ("schema", "profile")}
    dataset = present(name=one.name, digest=one.digest, source_type=one.source_type, source=one.source, **described)
    return present(tags=pairs(one.tags), dataset=dataset)


def _random_name() -> str:
    return f"{random.choice(_FIRST)}-{random.choice(_SECOND)}-{random.randrange(1000)}"


ENDPOINTS = (
    Endpoint(methods=("POST",), path="runs/create", asked=Create, handler=create),
    Endpoint(methods=("GET",), path="runs/get", asked=Get, handler=get, writes=False),
    Endpoint(methods=("POST",), path="runs/update", asked=Update, handler=update),
    Endpoint(methods=("POST",), path="runs/delete", asked=Get, handler=delete),
    Endpoint(methods=("POST",), path="runs/restore", asked=Get, handler=restore),
    Endpoint(methods=("POST",), path="runs/search", asked=Search, handler=search, writes=False),
)
