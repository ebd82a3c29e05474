import math

import pytest

from homeostat.mlflow import logging, wire
from homeostat.mlflow.wire import Fault
from unit.mlflow.conftest import Door


def test_a_missing_parameter_is_named() -> None:
    """Clients match the text of a missing parameter."""
    with pytest.raises(Fault, match=r"Missing value for required parameter 'key'\."):
        wire.read(logging.LogPair, {"run_id": "a"})


def test_a_parameter_of_another_type_is_named_with_its_value() -> None:
    """Clients match the text of an invalid parameter."""
    with pytest.raises(Fault, match=r"Invalid value 7 for parameter 'key' supplied: {2}Hint: Value was of type 'int'"):
        wire.read(logging.LogPair, {"run_id": "a", "key": 7})


def test_old_clients_say_run_uuid() -> None:
    """Either name of a run's id is accepted, and unknown fields are not minded."""
    asked = wire.read(logging.LogPair, {"run_uuid": "a", "key": "k", "value": None, "more": 1})

    assert logging.LogPair(run_id="a", key="k") == asked


@pytest.mark.parametrize(
    "raw",
    [
        b'{"run_uuid": "a", "key": "k"}',
        b'{"run_id": "a", "key": "k", "value": null}',
        b'{"run_id": "a", "key": 7}',
        b'{"run_id": "a"}',
        b'"{}"',
        b"{",
        b"",
        b"\xff",
        b'{"run_id": "a", "key": "k", "more": ' + b"[" * 100_000,
    ],
)
def test_an_unusual_body_is_left_to_who_can_say_why(raw: bytes) -> None:
    """The quick way reads only what needs no second look; the other one knows old clients and all errors."""
    assert None is wire.quick(logging.LogPair, raw)


def test_a_usual_body_reads_the_same_both_ways() -> None:
    """Quick or not: the same request, texts for numbers and unknown fields included."""
    raw = b'{"run_id": "a", "metrics": [{"key": "k", "value": "NaN", "timestamp": "5", "step": 3, "more": 1}], "extra": {}}'
    quick, slow = wire.quick(logging.LogBatch, raw), wire.read(logging.LogBatch, wire.body(raw))

    assert quick is not None
    assert repr(slow) == repr(quick)
    assert math.isnan(quick.metrics[0].value or 0.0)


@pytest.mark.parametrize(("value", "said"), [(math.nan, "NaN"), (math.inf, "Infinity"), (1.5, 1.5)])
def test_numbers_that_json_has_not_travel_as_text(value: float, said: object) -> None:
    """JSON has no NaN and no infinities."""
    assert said == wire.number(value)


def test_a_body_must_be_declared_as_json(door: Door) -> None:
    """A JSON address without the content type of JSON is refused."""
    answer = door.ask("POST", "/api/2.0/mlflow/runs/create", content=b"{}", headers={"content-type": "text/plain"})

    assert 400 == answer.status_code


def test_both_prefixes_answer_alike(door: Door) -> None:
    """Pages of MLflow use another prefix than its clients."""
    paths = (f"/{prefix}/2.0/mlflow/experiments/get?experiment_id=0" for prefix in ("api", "ajax-api"))

    one, other = (door.ask("GET", path).json() for path in paths)

    assert one == other


def test_what_is_not_offered_says_so(door: Door) -> None:
    """An address that is not there is answered in the protocol's own form."""
    assert (404, "ENDPOINT_NOT_FOUND") == door.refused("POST", "traces/search")[:2]


def test_the_server_says_what_it_is(door: Door) -> None:
    """Newer clients ask before they upload in parts."""
    assert door.ask("GET", "/api/3.0/mlflow/server-info").json()["multipart_uploads_enabled"] is False
