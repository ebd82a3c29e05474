from typing import Any

import pytest

from homeostat.track import queries
from unit.mlflow.conftest import Door


def metric(step: int, value: float | str, key: str = "loss") -> dict[str, Any]:
    return {"key": key, "value": value, "timestamp": 1000 + step, "step": step}


def history(door: Door, run_id: str, key: str = "loss") -> list[Any]:
    return [
        one["value"]
        for one in door.ok("GET", "metrics/get-history", {"run_id": run_id, "metric_key": key}).get("metrics", [])
    ]


def test_a_run_of_a_client_is_a_run_of_ours(door: Door) -> None:
    """What a client logs is on the rows our own pages read."""
    run_id = door.run(run_name="first", tags=[{"key": "mlflow.user", "value": "ann"}])
    door.ok("POST", "runs/log-parameter", {"run_id": run_id, "key": "depth", "value": "3"})

    with door.rooms.database.read() as connection:
        found = queries.get(connection, run_id)

    assert ("first", "ann", {"depth": "3"}) == (found.run.name, found.run.user, found.params)


def test_a_repeated_batch_changes_nothing(door: Door) -> None:
    """A client that did not get the answer sends the batch again."""
    run_id = door.run()
    batch = {
        "run_id": run_id,
        "metrics": [metric(step, step / 2) for step in range(5)],
        "params": [{"key": "a", "value": "1"}],
        "tags": [{"key": "t", "value": "x"}],
    }

    door.ok("POST", "runs/log-batch", batch)
    door.ok("POST", "runs/log-batch", batch)

    assert [0, 0.5, 1, 1.5, 2] == history(door, run_id)


def test_a_batch_is_whole_or_not_at_all(door: Door) -> None:
    """One wrong entry and nothing of the batch is kept."""
    run_id = door.run()
    door.ok("POST", "runs/log-parameter", {"run_id": run_id, "key": "a", "value": "1"})

    status, _, message = door.refused(
        "POST", "runs/log-batch", {"run_id": run_id, "metrics": [metric(0, 1)], "params": [{"key": "a", "value": "2"}]}
    )

    assert (400, []) == (status, history(door, run_id))
    assert "Changing param values is not allowed" in message


def test_numbers_that_are_none_come_back(door: Door) -> None:
    """NaN stays NaN; infinities are the largest numbers."""
    run_id = door.run()
    for step, value in enumerate(["NaN", "Infinity", "-Infinity"]):
        door.ok("POST", "runs/log-metric", {"run_id": run_id, **metric(step, value)})

    assert ["NaN", 1.7976931348623157e308, -1.7976931348623157e308] == history(door, run_id)


def test_histories_come_in_pages(door: Door) -> None:
    """Every point is on exactly one page."""
    run_id = door.run()
    door.ok("POST", "runs/log-batch", {"run_id": run_id, "metrics": [metric(step, step) for step in range(5)]})
    asked = {"run_id": run_id, "metric_key": "loss", "max_results": "2"}
    found, token = [], ""
    for _ in range(3):
        page = door.ok("GET", "metrics/get-history", {**asked, "page_token": token} if token else asked)
        found += [one["step"] for one in page["metrics"]]
        token = page.get("next_page_token", "")

    assert ([0, 1, 2, 3, 4], "") == (found, token)


def test_an_interval_shows_what_there_is_room_for(door: Door) -> None:
    """A curve is thinned out; its last step stays."""
    run_id = door.run()
    door.ok("POST", "runs/log-batch", {"run_id": run_id, "metrics": [metric(step, step) for step in range(100)]})

    found = door.ok(
        "GET", "metrics/get-history-bulk-interval", {"run_ids": [run_id], "metric_key": "loss", "max_results": "10"}
    )

    assert (10, 99) == (len(found["metrics"]), found["metrics"][-1]["step"])


def test_nothing_is_added_to_a_deleted_run(door: Door) -> None:
    """A deleted run refuses; a restored one takes again."""
    run_id = door.run()
    door.ok("POST", "runs/delete", {"run_id": run_id})

    status, code, message = door.refused("POST", "runs/log-metric", {"run_id": run_id, **metric(0, 1)})

    assert (400, "INVALID_PARAMETER_VALUE") == (status, code)
    assert "must be in the 'active' state" in message
    door.ok("POST", "runs/restore", {"run_id": run_id})
    door.ok("POST", "runs/log-metric", {"run_id": run_id, **metric(0, 1)})


def test_runs_go_with_their_experiment(door: Door) -> None:
    """Deleting an experiment deletes its runs, and restoring brings them back."""
    id_ = door.ok("POST", "experiments/create", {"name": "e"})["experiment_id"]
    run_id = door.run(experiment_id=id_)
    stages = []
    for verb in ("delete", "restore"):
        door.ok("POST", f"experiments/{verb}", {"experiment_id": id_})
        stages.append(door.ok("GET", "runs/get", {"run_id": run_id})["run"]["info"]["lifecycle_stage"])

    assert ["deleted", "active"] == stages


def test_a_search_filters_orders_and_pages(door: Door) -> None:
    """Filter, order and token together."""
    for index in range(5):
        run_id = door.run(run_name=f"r{index}")
        door.ok("POST", "runs/log-metric", {"run_id": run_id, **metric(0, index)})
    asked = {"experiment_ids": ["0"], "filter": "metrics.loss > 0", "order_by": ["metrics.loss DESC"], "max_results": 3}

    first = door.ok("POST", "runs/search", asked)
    second = door.ok("POST", "runs/search", {**asked, "page_token": first["next_page_token"]})

    names = [run["info"]["run_name"] for page in (first, second) for run in page["runs"]]
    assert ["r4", "r3", "r2", "r1"] == names


def test_inputs_and_outputs_belong_to_the_run(door: Door) -> None:
    """Datasets with what for, models with their step."""
    run_id = door.run()
    dataset = {"name": "rows", "digest": "d", "source_type": "local", "source": "{}"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    door.ok("POST", "runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset, "tags": tags}]})
    door.ok("POST", "runs/outputs", {"run_id": run_id, "models": [{"model_id": "m-1", "step": 3}]})

    run = door.ok("GET", "runs/get", {"run_id": run_id})["run"]

    assert {"dataset_inputs": [{"tags": tags, "dataset": dataset}]} == run["inputs"]
    assert {"model_outputs": [{"model_id": "m-1", "step": 3}]} == run["outputs"]
    summary = {"experiment_id": "0", "name": "rows", "digest": "d", "context": "training"}
    found = door.ok("POST", "experiments/search-datasets", {"experiment_ids": ["0"]})
    assert {"dataset_summaries": [summary]} == found


def test_what_clients_before_version_3_say_of_a_model_is_kept_once(door: Door) -> None:
    """The history of logged models is a tag; a repeated request adds nothing to it."""
    run_id = door.run()
    model = '{"artifact_path": "m", "flavors": {}, "utc_time_created": "now", "run_id": "r"}'
    for _ in range(2):
        door.ok("POST", "runs/log-model", {"run_id": run_id, "model_json": model})

    tags = {tag["key"]: tag["value"] for tag in door.ok("GET", "runs/get", {"run_id": run_id})["run"]["data"]["tags"]}

    assert 1 == tags["mlflow.log-model.history"].count("artifact_path")


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("runs/log-metric", {"key": "a", "value": 1}, "Missing value for required parameter 'timestamp'"),
        ("runs/log-metric", {"key": "../a", "value": 1, "timestamp": 1}, "must not resolve to other names"),
        ("runs/log-metric", {"key": "a", "value": 1, "timestamp": -1}, "Timestamp must be a nonnegative long"),
        ("runs/log-metric", {"key": "a" * 251, "value": 1, "timestamp": 1}, "exceeds the maximum length of 250"),
        ("runs/log-parameter", {"key": "a?", "value": "1"}, "Names may only contain"),
        ("runs/log-batch", {"tags": [{"key": str(index)} for index in range(101)]}, "at most 100 tags"),
        ("runs/log-batch", {"metrics": [{"key": "a", "value": 1}]}, "'metrics[0].timestamp'"),
        ("runs/log-batch", {"params": [{"key": "a", "value": "1"}] * 2}, "Duplicate parameter keys"),
        ("runs/log-metric", {"key": "a", "value": 1, "timestamp": 1, "step": 1 << 70}, "for parameter 'step' supplied"),
        ("runs/log-metric", {"key": "a", "value": 1, "timestamp": 1 << 70}, "for parameter 'timestamp' supplied"),
        ("runs/update", {"end_time": 1 << 60}, "for parameter 'end_time' supplied"),
        ("runs/update", {"status": "NONSENSE"}, "Invalid value"),
        ("runs/log-inputs", {"datasets": [{"dataset": {"name": "n"}}]}, "Dataset digest cannot be None"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(door: Door, name: str, said: dict[str, Any], message: str) -> None:
    """A user's error is a 400 that names what is wrong, never a 500."""
    status, code, found = door.refused("POST", name, {"run_id": door.run(), **said})

    assert (400, "INVALID_PARAMETER_VALUE") == (status, code)
    assert message in found


def test_a_number_that_no_experiment_can_have_is_absent(door: Door) -> None:
    """An id that the database could not hold is one that is not there, and no failure."""
    status, code, _ = door.refused("GET", "experiments/get", {"experiment_id": str(1 << 70)})

    assert (404, "RESOURCE_DOES_NOT_EXIST") == (status, code)


def test_a_run_may_be_deleted_again(door: Door) -> None:
    """Deleting is repeated when its answer was lost."""
    run_id = door.run()
    door.ok("POST", "runs/delete", {"run_id": run_id})

    assert {} == door.ok("POST", "runs/delete", {"run_id": run_id})
