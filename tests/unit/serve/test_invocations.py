"""The bodies of MLflow's model server, as rows."""

import json
from typing import Any

import msgspec
import pytest

from homeostat.codec.signatures import Column, Signature
from homeostat.core.errors import BadData
from homeostat.serve.invocations import rows

NAMED = Signature((Column("age", "int"), Column("home", "string")))
PLACES = Signature((Column("0", "float"), Column("1", "float")))
WHOLE = Signature((Column("input", "json"),))
EXPECTED = [{"age": 30, "home": "own"}, {"age": 40, "home": "rent"}]


def asked(body: Any, signature: Signature = NAMED) -> list[dict[str, Any]]:
    return rows(json.dumps(body).encode(), "application/json", signature)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["age", "home"], "data": [[30, "own"], [40, "rent"]]}},
        {"dataframe_split": {"index": [7, 8], "columns": ["age", "home"], "data": [[30, "own"], [40, "rent"]]}},
        {"dataframe_records": EXPECTED},
        {"instances": EXPECTED},
        {"inputs": {"age": [30, 40], "home": ["own", "rent"]}},
    ],
)
def test_every_way_to_send_a_frame(body: dict[str, Any]) -> None:
    """Split, by records, by rows and by columns: the same rows."""
    assert EXPECTED == asked(body)


def test_csv_has_the_types_of_the_signature() -> None:
    """A text that looks like a number stays a text where a text is needed."""
    found = rows(b"age,home\n30,007\n", "text/csv; charset=utf-8", NAMED)

    assert [{"age": 30, "home": "007"}] == found


def test_rows_without_names_are_named_by_their_places() -> None:
    """As the columns of a tensor are."""
    assert [{"0": 1.0, "1": 2.0}] == asked({"inputs": [[1.0, 2.0]]}, PLACES)
    assert [{"input": [[1, 2], [3, 4]]}] == asked({"instances": [[[1, 2], [3, 4]]]}, WHOLE)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"inputs": [[1]], "instances": [[1]]},
        {"inputs": [[1]], "params": {"top": 3}},
        {"dataframe_split": {"columns": ["age"], "data": [[1, 2]]}},
        {"inputs": {"age": [1, 2], "home": ["own"]}},
        {"inputs": 3},
    ],
)
def test_what_is_none_of_the_formats_is_refused(body: dict[str, Any]) -> None:
    """Nothing is guessed."""
    with pytest.raises(BadData):
        asked(body)


def test_a_body_that_is_no_json_is_named_so() -> None:
    """The edge answers 400."""
    with pytest.raises(msgspec.DecodeError):
        rows(b"{", "application/json", NAMED)
