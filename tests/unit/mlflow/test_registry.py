import json
from typing import Any

import pytest

from homeostat.core.digests import Digest
from homeostat.registry import outbox
from unit.mlflow.conftest import Door


def version(door: Door, source: str, **said: str) -> Any:
    return door.ok("POST", "model-versions/create", {"name": "m", "source": source, **said})["model_version"]


@pytest.fixture
def model_id(door: Door) -> str:
    """A logged model with a file, whose registered model `m` has no version yet."""
    door.ok("POST", "registered-models/create", {"name": "m"})
    model = door.ok("POST", "logged-models", {"experiment_id": "0", "name": "net", "source_run_id": door.run()})
    found = str(model["model"]["info"]["model_id"])
    door.put(f"0/models/{found}/artifacts/MLmodel", b"flavors: {}")
    return found


def test_a_version_is_ready_at_once_and_knows_its_run(door: Door, model_id: str) -> None:
    """Clients wait five minutes for a version that is not ready."""
    made = version(door, f"models:/{model_id}", model_id=model_id)

    assert ("1", "READY", "None") == (made["version"], made["status"], made["current_stage"])
    assert made["run_id"].startswith("run-")


def test_a_number_is_never_given_twice(door: Door, model_id: str) -> None:
    """A deleted version leaves a gap."""
    for _ in range(2):
        version(door, f"models:/{model_id}", model_id=model_id)
    door.ok("DELETE", "model-versions/delete", {"name": "m", "version": "2"})

    assert "3" == version(door, f"models:/{model_id}", model_id=model_id)["version"]


def test_a_version_of_a_system_is_a_registered_model(door: Door) -> None:
    """What our loop trained is visible to clients."""
    with door.rooms.database.write() as connection:
        door.rooms.registry.register(connection, "late-flights", model=Digest("a" * 64), run_id="run-1")

    found = door.ok("GET", "registered-models/search")["registered_models"]

    assert ["late-flights"] == [one["name"] for one in found]
    assert "1" == found[0]["latest_versions"][0]["version"]


def test_an_alias_moves_and_goes(door: Door, model_id: str) -> None:
    """An alias points at one version; a missing one is a 400, as clients expect."""
    version(door, f"models:/{model_id}", model_id=model_id)
    door.ok("POST", "registered-models/alias", {"name": "m", "alias": "best", "version": "1"})
    found = door.ok("GET", "registered-models/alias", {"name": "m", "alias": "best"})["model_version"]
    door.ok("DELETE", "registered-models/alias", {"name": "m", "alias": "best"})

    status, _, message = door.refused("GET", "registered-models/alias", {"name": "m", "alias": "best"})

    assert (["best"], 400, "Registered model alias best not found.") == (found["aliases"], status, message)


def test_a_stage_can_take_over(door: Door, model_id: str) -> None:
    """With archive_existing_versions the version before is archived."""
    for number in ("1", "2"):
        version(door, f"models:/{model_id}", model_id=model_id)
        said = {"name": "m", "version": number, "stage": "production", "archive_existing_versions": True}
        door.ok("POST", "model-versions/transition-stage", said)

    found = door.ok("GET", "model-versions/search", {"filter": "name = 'm'", "order_by": ["version_number ASC"]})

    assert ["Archived", "Production"] == [one["current_stage"] for one in found["model_versions"]]


def test_a_renamed_model_keeps_everything(door: Door, model_id: str) -> None:
    """Versions, tags and aliases go with the name."""
    version(door, f"models:/{model_id}", model_id=model_id)
    door.ok("POST", "registered-models/set-tag", {"name": "m", "key": "a", "value": "b"})
    door.ok("POST", "registered-models/alias", {"name": "m", "alias": "best", "version": "1"})
    door.ok("POST", "registered-models/rename", {"name": "m", "new_name": "n"})

    found = door.ok("GET", "registered-models/get", {"name": "n"})["registered_model"]

    assert ([{"alias": "best", "version": "1"}], [{"key": "a", "value": "b"}]) == (found["aliases"], found["tags"])


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc",
        "/etc/passwd",
        "relative/path",
        "http://127.0.0.1/x",
        "mlflow-artifacts:/0/../../etc",
        "mlflow-artifacts:/0/%2e%2e/x",
        "mlflow-artifacts://elsewhere/0/run/artifacts",
        "mlflow-artifacts:/0/no-such-run/artifacts/x",
        "runs:/no-such-run/x",
        "models:/m-" + "0" * 32,
        "s3://bucket/key#fragment",
    ],
)
def test_a_source_lies_inside_what_it_is_said_to_come_from(door: Door, model_id: str, source: str) -> None:
    """No version is made of a server's files, of another's run, or of an address in a network behind the server."""
    status, code, message = door.refused("POST", "model-versions/create", {"name": "m", "source": source})

    assert (400, "INVALID_PARAMETER_VALUE") == (status, code)
    assert "Invalid model version source" in message


def test_a_logged_model_is_found_by_what_was_measured(door: Door, model_id: str) -> None:
    """Metrics on a dataset, ordered, with the newest first when nothing is asked."""
    run_id = door.run()
    point = {"key": "auc", "value": 0.8, "timestamp": 5, "model_id": model_id, "dataset_name": "d"}
    door.ok("POST", "runs/log-metric", {"run_id": run_id, **point})
    other = door.ok("POST", "logged-models", {"experiment_id": "0"})["model"]["info"]["model_id"]
    asked = {"experiment_ids": ["0"], "order_by": [{"field_name": "metrics.auc", "ascending": False}]}

    found = door.ok("POST", "logged-models/search", asked)["models"]
    filtered = door.ok("POST", "logged-models/search", {**asked, "filter": "metrics.auc > 0.5 AND name = 'net'"})

    assert [model_id, other] == [one["info"]["model_id"] for one in found]
    assert [model_id] == [one["info"]["model_id"] for one in filtered["models"]]


def test_a_deleted_logged_model_is_gone(door: Door, model_id: str) -> None:
    """It is found only by who asks for deleted ones."""
    door.ok("DELETE", f"logged-models/{model_id}")

    assert 404 == door.call("GET", f"logged-models/{model_id}").status_code
    door.ok("GET", f"logged-models/{model_id}", {"allow_deleted": "true"})


def test_an_event_waits_in_the_outbox(door: Door, model_id: str) -> None:
    """It is written with the rows it speaks of, for webhooks that want it."""
    hook = {"name": "w", "url": "https://example.com/x", "secret": "s"}
    events = [{"entity": "MODEL_VERSION", "action": "CREATED"}]
    made = door.ok("POST", "webhooks", {**hook, "events": events})["webhook"]
    version(door, f"models:/{model_id}", model_id=model_id)

    with door.rooms.database.read() as connection:
        (waiting,) = outbox.due(connection, door.rooms.clock.now())

    said = json.loads(waiting.body)
    assert ("model_version", "created", "1") == (said["entity"], said["action"], said["data"]["version"])
    assert "secret" not in made
