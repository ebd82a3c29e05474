"""SQL in filters, orders, keys and page tokens."""

import base64
import time
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from unit.mlflow.conftest import Door

SQL = [
    "' OR '1'='1",
    "'; DROP TABLE runs; --",
    '" OR 1=1 --',
    "1) UNION SELECT id FROM runs --",
    "x'/**/OR/**/1=1--",
    "\\' OR 1=1 --",
    "`; DROP TABLE runs; `",
    "%' OR 1=1 --",
]
SEARCHES = [
    "runs/search",
    "experiments/search",
    "logged-models/search",
    "registered-models/search",
    "model-versions/search",
]


def ask(door: Door, name: str, **said: Any) -> Any:
    said = {"max_results": 100, **said}
    if name in {"runs/search", "logged-models/search"}:
        said = {"experiment_ids": ["0"], **said}
    method = "GET" if name.startswith(("registered", "model-")) else "POST"
    return door.call(method, name, said)


@pytest.fixture
def filled(door: Door) -> Door:
    """A run, a logged model, a registered model and a version that no search below may find."""
    run_id = door.run(run_name="secret", tags=[{"key": "t", "value": "secret"}])
    door.ok("POST", "runs/log-parameter", {"run_id": run_id, "key": "p", "value": "secret"})
    door.ok("POST", "logged-models", {"experiment_id": "0", "name": "secret"})
    door.ok("POST", "registered-models/create", {"name": "secret"})
    door.ok("POST", "model-versions/create", {"name": "secret", "source": f"runs:/{run_id}", "run_id": run_id})
    return door


def tables(door: Door) -> int:
    with door.rooms.database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one())


@pytest.mark.parametrize("name", SEARCHES)
def test_sql_in_a_filter_is_a_value_or_refused(filled: Door, name: str) -> None:
    """As a value it equals nothing; where a name belongs it is no name; no table is touched."""
    before = tables(filled)
    shapes = ["name = '{}'", "tags.`{}` = 'x'", 'tags.t = "{}"', "{} = 'x'", "name LIKE '{}'", "{}"]
    answers = [ask(filled, name, filter=shape.format(sql)) for shape in shapes for sql in SQL]

    assert {answer.status_code for answer in answers} == {200, 400}
    assert not any("secret" in answer.text for answer in answers if answer.status_code == 200)
    assert before == tables(filled)


@pytest.mark.parametrize("name", SEARCHES)
def test_sql_in_an_order_is_refused(filled: Door, name: str) -> None:
    """An order names what there is, and a direction."""
    orders = [shape.format(sql) for shape in ("{}", "name {}", "(SELECT 1) {}", "name ASC, {}") for sql in SQL]
    answers = [
        ask(filled, name, order_by=[{"field_name": order} if name == "logged-models/search" else order])
        for order in orders
    ]

    assert {400} == {answer.status_code for answer in answers}
    assert 200 == ask(filled, name).status_code


def test_sql_in_a_key_is_refused_and_in_a_value_kept(filled: Door) -> None:
    """Keys of metrics, params and tags are words; values come back as they were."""
    run_id, before = filled.run(), tables(filled)
    said: dict[str, dict[str, Any]] = {
        "runs/log-metric": {"value": 1, "timestamp": 1},
        "runs/log-parameter": {"value": "x"},
        "runs/set-tag": {"value": "x"},
    }
    for sql in SQL:
        for name, more in said.items():
            assert 400 == filled.call("POST", name, {"run_id": run_id, "key": sql, **more}).status_code
        filled.ok("POST", "runs/set-tag", {"run_id": run_id, "key": "k", "value": sql})
        tags = filled.ok("GET", "runs/get", {"run_id": run_id})["run"]["data"]["tags"]
        assert [sql] == [tag["value"] for tag in tags if tag["key"] == "k"]

    assert before == tables(filled)


FORGED: list[list[Any]] = [[None], ["x"], [1, 2], [{"a": 1}], [2**64 - 1], [2**63], [-(2**63)], [[1]], [True], []]


@pytest.mark.parametrize("name", SEARCHES)
def test_a_forged_page_token_is_refused_or_finds_nothing_more(filled: Door, name: str) -> None:
    """A token comes from outside: what is in it must fit the columns it is compared with."""
    run_id = filled.run()
    filled.ok("POST", "logged-models", {"experiment_id": "0", "name": "more"})
    filled.ok("POST", "registered-models/create", {"name": "more"})
    filled.ok("POST", "experiments/create", {"name": "more"})
    filled.ok("POST", "model-versions/create", {"name": "secret", "source": f"runs:/{run_id}", "run_id": run_id})
    real = ask(filled, name, max_results=1).json()["next_page_token"]
    question, part, values = msgspec.msgpack.decode(base64.urlsafe_b64decode(real + "=" * (-len(real) % 4)))

    for forged in FORGED:
        for shape in (forged, [*forged, *values[len(forged) :]], [*values[: -len(forged) or None], *forged]):
            raw = msgspec.msgpack.encode([question, part, shape])
            answer = ask(filled, name, max_results=1, page_token=base64.urlsafe_b64encode(raw).decode())
            assert answer.status_code in {200, 400}, answer.text


@pytest.mark.parametrize("name", SEARCHES)
def test_what_is_no_page_token_is_refused(filled: Door, name: str) -> None:
    """Of any length, depth and script."""
    tokens = ["../../x", "' OR 1=1", "\u00e9", "A" * 50_000, base64.b64encode(b"\x91" * 30_000).decode()]

    assert {400} == {ask(filled, name, page_token=token).status_code for token in tokens}


def test_a_pattern_cannot_hold_up_the_server(filled: Door) -> None:
    """Many wildcards over a long value that nearly fits: some milliseconds."""
    filled.ok("POST", "runs/set-tag", {"run_id": filled.run(), "key": "long", "value": "a" * 8000})
    begun = time.monotonic()
    for operator in ("LIKE", "ILIKE"):
        answer = ask(filled, "runs/search", filter=f"tags.long {operator} '{'%a' * 200}%b'")
        assert (200, {}) == (answer.status_code, answer.json())

    assert time.monotonic() - begun < 5


def test_what_no_statement_can_hold_is_refused(filled: Door) -> None:
    """A thousand comparisons, hundreds of orders, values and experiments by the ten thousand: a wrong request."""
    ids = ", ".join(f"'{number}'" for number in range(40_000))
    answers = [
        ask(filled, "runs/search", filter=" AND ".join(["tags.t = 'x'"] * 1000)),
        ask(filled, "runs/search", filter=f"run_id IN ({ids})"),
        ask(filled, "runs/search", filter="(" * 100_000),
        ask(filled, "runs/search", filter="a" * 1_000_000),
        ask(filled, "runs/search", order_by=[f"metrics.m{number}" for number in range(100)]),
        ask(filled, "runs/search", experiment_ids=list(map(str, range(40_000)))),
        ask(filled, "logged-models/search", experiment_ids=list(map(str, range(40_000)))),
    ]

    assert {400} == {answer.status_code for answer in answers}


def test_what_a_statement_can_hold_is_answered(filled: Door) -> None:
    """Just below those limits."""
    ids = ", ".join(f"'{number}'" for number in range(9_900))
    answers = [
        ask(filled, "runs/search", filter=" AND ".join(["tags.t = 'x'"] * 99 + [f"run_id IN ({ids})"])),
        ask(filled, "runs/search", order_by=[f"metrics.m{number}" for number in range(20)]),
        ask(filled, "runs/search", experiment_ids=list(map(str, range(10_000)))),
    ]

    assert {200} == {answer.status_code for answer in answers}
