"""Experiments: the folders of runs."""

from typing import Any, ClassVar

from homeostat.core.errors import AlreadyExists, NotFound
from homeostat.mlflow import rules
from homeostat.mlflow.call import Call, Endpoint, location_of
from homeostat.mlflow.wire import ABSENT, CONFLICT, Asked, Fault, Pair, millis, pairs, present
from homeostat.track import experiments
from homeostat.track.records import Experiment, Life
from homeostat.track.search.pages import find_experiments
from homeostat.track.usage import datasets_of

LIVES: dict[str, Life] = {
    "ACTIVE_ONLY": "active",
    "DELETED_ONLY": "deleted",
    "ALL": "all",
    "1": "active",
    "2": "deleted",
    "3": "all",
}
_MOST_PAGE = 50_000
_MOST_EXPERIMENTS = 20


class Create(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str = ""
    artifact_location: str = ""
    tags: tuple[Pair, ...] = ()


class Get(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("experiment_id",)
    experiment_id: str = ""


class GetByName(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("experiment_name",)
    experiment_name: str = ""


class Search(Asked, frozen=True, kw_only=True):
    max_results: int = 0
    page_token: str = ""
    filter: str = ""
    order_by: tuple[str, ...] = ()
    view_type: str | int = "ACTIVE_ONLY"


class Update(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("experiment_id", "new_name")
    experiment_id: str = ""
    new_name: str = ""


class Tag(Asked, frozen=True, kw_only=True):
    required: ClassVar[tuple[str, ...]] = ("experiment_id", "key")
    experiment_id: str = ""
    key: str = ""
    value: str = ""


class SearchDatasets(Asked, frozen=True, kw_only=True):
    experiment_ids: tuple[str, ...] = ()


def create(call: Call, asked: Create) -> dict[str, Any]:
    rules.check_length("name", rules.MOST_EXPERIMENT_NAME, asked.name)
    rules.check_location(asked.artifact_location)
    tags = dict(map(rules.experiment_tag, asked.tags))
    try:
        id_ = experiments.create(
            call.connection, asked.name, call.now, artifact_location=asked.artifact_location, tags=tags
        )
    except AlreadyExists as error:
        raise Fault(f"Experiment(name={asked.name}) already exists. {error.message}", CONFLICT) from None
    return {"experiment_id": str(id_)}


def get(call: Call, asked: Get) -> dict[str, Any]:
    return {"experiment": shown(found(call, asked.experiment_id))}


def get_by_name(call: Call, asked: GetByName) -> dict[str, Any]:
    try:
        return {"experiment": shown(experiments.named(call.connection, asked.experiment_name))}
    except NotFound:
        raise Fault(f"Could not find experiment with name '{asked.experiment_name}'", ABSENT) from None


def search(call: Call, asked: Search) -> dict[str, Any]:
    rules.check_results(asked.max_results, _MOST_PAGE)
    page = find_experiments(
        call.connection,
        asked.filter,
        order_by=asked.order_by,
        limit=asked.max_results,
        page_token=asked.page_token,
        life=life(asked.view_type),
    )
    return present(experiments=[shown(one) for one in page.experiments], next_page_token=page.next_token or None)


def delete(call: Call, asked: Get) -> dict[str, Any]:
    experiment = found(call, asked.experiment_id)
    if experiment.deleted_at is not None:
        raise _absent(asked.experiment_id)
    experiments.throw_away(call.connection, experiment.id, call.now)
    return {}


def restore(call: Call, asked: Get) -> dict[str, Any]:
    experiment = found(call, asked.experiment_id)
    if experiment.deleted_at is None:
        raise _absent(asked.experiment_id)
    experiments.restore(call.connection, experiment.id, call.now)
    return {}


def update(call: Call, asked: Update) -> dict[str, Any]:
    experiment = found(call, asked.experiment_id)
    if experiment.deleted_at is not None:
        raise Fault("Cannot rename a non-active experiment.", "INVALID_STATE")
    rules.check_length("name", rules.MOST_EXPERIMENT_NAME, asked.new_name)
    experiments.rename(call.connection, experiment.id, asked.new_name, call.now)
    return {}


def set_tag(call: Call, asked: Tag) -> dict[str, Any]:
    key, value = rules.experiment_tag(Pair(key=asked.key, value=asked.value))
    experiments.tag(call.connection, living(call, asked.experiment_id).id, key, value)
    return {}


def delete_tag(call: Call, asked: Tag) -> dict[str, Any]:
    experiment = living(call, asked.experiment_id)
    try:
        experiments.untag(call.connection, experiment.id, asked.key)
    except NotFound:
        raise Fault(f"No tag with name: {asked.key} in experiment with id {asked.experiment_id}", ABSENT) from None
    return {}


def search_datasets(call: Call, asked: SearchDatasets) -> dict[str, Any]:
    if not asked.experiment_ids:
        raise Fault("SearchDatasets request must specify at least one experiment_id.")
    if len(asked.experiment_ids) > _MOST_EXPERIMENTS:
        count = len(asked.experiment_ids)
        raise Fault(
            f"SearchDatasets request cannot specify more than {_MOST_EXPERIMENTS} experiment_ids. Received {count} "
            "experiment_ids."
        )
    numbers = [rules.experiment_number(text) for text in asked.experiment_ids]
    return present(
        dataset_summaries=[
            present(experiment_id=str(one.experiment_id), name=one.name, digest=one.digest, context=one.context or None)
            for one in datasets_of(call.connection, numbers)
        ]
    )


def found(call: Call, text: str) -> Experiment:
    """An experiment, deleted or not, by its number as text."""
    number = rules.experiment_number(text)
    try:
        return experiments.get(call.connection, number)
    except NotFound:
        raise _absent(text) from None


def living(call: Call, text: str) -> Experiment:
    """An experiment that things can be added to."""
    experiment = found(call, text)
    if experiment.deleted_at is not None:
        raise Fault(f"The experiment {text} must be in the 'active' state. Current state is deleted.")
    return experiment


def life(view_type: str | int) -> Life:
    found_life = LIVES.get(str(view_type))
    if found_life is None:
        raise Fault(f"Invalid value '{view_type}' for parameter 'view_type' supplied.")
    return found_life


def shown(one: Experiment) -> dict[str, Any]:
    return present(
        experiment_id=str(one.id),
        name=one.name,
        artifact_location=location_of(one.id, one.artifact_location),
        lifecycle_stage="active" if one.deleted_at is None else "deleted",
        last_update_time=millis(one.updated_at),
        creation_time=millis(one.created_at),
        tags=pairs(one.tags),
    )


def _absent(text: str) -> Fault:
    return Fault(f"No Experiment with id={text} exists", ABSENT)


ENDPOINTS = (
    Endpoint(methods=("POST",), path="experiments/create", asked=Create, handler=create),
    Endpoint(methods=("GET",), path="experiments/get", asked=Get, handler=get, writes=False),
    Endpoint(methods=("GET",), path="experiments/get-by-name", asked=GetByName, handler=get_by_name, writes=False),
    Endpoint(methods=("GET", "POST"), path="experiments/search", asked=Search, handler=search, writes=False),
    Endpoint(methods=("POST",), path="experiments/delete", asked=Get, handler=delete),
    Endpoint(methods=("POST",), path="experiments/restore", asked=Get, handler=restore),
    Endpoint(methods=("POST",), path="experiments/update", asked=Update, handler=update),
    Endpoint(methods=("POST",), path="experiments/set-experiment-tag", asked=Tag, handler=set_tag),
    Endpoint(methods=("POST",), path="experiments/delete-experiment-tag", asked=Tag, handler=delete_tag),
    Endpoint(
        methods=("POST",),
        path="experiments/search-datasets",
        asked=SearchDatasets,
        handler=search_datasets,
        writes=False,
    ),
)
