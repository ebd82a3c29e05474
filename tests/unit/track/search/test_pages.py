"""Searching runs and experiments, against plain Python."""

import math
from collections.abc import Callable

import pytest
from sqlalchemy import event

from homeostat.core.clock import Micros
from homeostat.core.errors import InvalidFilter
from homeostat.core.ids import RunId
from homeostat.store.db import Database
from homeostat.track import experiments, points, queries, recording
from homeostat.track.blocks import Points
from homeostat.track.records import DatasetUsed, RunSummary, Started
from homeostat.track.search.pages import find_experiments, find_ids, find_runs

RUNS = 24
START = Micros(1_366_027_200_000_000)


@pytest.fixture
def filled(database: Database) -> Database:
    """Runs with and without metrics, params and tags; two experiments; starts that collide."""
    with database.write() as connection:
        for number in range(RUNS):
            run = RunId(f"run-{number:02}")
            at = Micros(START + number // 3 * 1000)
            event = Started(
                id=run, at=at, name=f"n{number % 5}", kind="run", system="", parent="", surroundings={}, user="Ann",
                experiment="odd" if number % 2 else "Default",
            )  # fmt: skip
            recording.start(connection, event)
            if number % 4:
                value = math.nan if number % 6 == 5 else float(number % 7)
                points.add(connection, run, "loss", Points.of([0], [at], [value]))
            if number % 3:
                recording.put_params(connection, run, {"lr": str(number / 10), "net": f'"CNN_{number % 2}"'})
            if number % 5:
                recording.put_tags(connection, run, {"team": "a*b" if number % 2 else "[c]"})
            if number == 7:
                used = DatasetUsed(
                    at=at, name="flights", digest="7", source_type="local", source="", context="training"
                )
                recording.use_dataset(connection, run, at, used)
            if number == 9:
                recording.finish(connection, run, Micros(at + 5), "finished")
    return database


def loss(run: RunSummary) -> float | None:
    return next((metric.value for metric in run.metrics if metric.key == "loss"), None)


def everything(database: Database) -> list[RunSummary]:
    with database.read() as connection:
        return queries.summaries(connection, queries.recent(connection, limit=RUNS))


def found(database: Database, text: str = "", **asked: object) -> list[str]:
    with database.read() as connection:
        return [run.run.id for run in find_runs(connection, text, **asked).runs]  # type: ignore[arg-type]  # of one test each


def everybody(_: RunSummary) -> bool:
    return True


def nobody(_: RunSummary) -> bool:
    return False


FILTERS: list[tuple[str, Callable[[RunSummary], bool]]] = [
    ("", everybody),
    ("metrics.loss < 3", lambda run: (value := loss(run)) is not None and value < 3),
    ("metrics.loss != 3", lambda run: (value := loss(run)) is not None and value != 3 and not math.isnan(value)),
    ("params.lr > 0.95 AND params.lr <= 1.6", lambda run: 0.95 < run.params.get("lr", 0) <= 1.6),
    ("params.lr = '1.1'", lambda run: run.params.get("lr") == 1.1),
    ("params.net LIKE 'CNN_%'", lambda run: "net" in run.params),
    ("params.net LIKE 'cnn%'", nobody),
    ("params.net ILIKE 'cnn__1'", nobody),
    ("params.net ILIKE 'cnn_1'", lambda run: run.params.get("net") == "CNN_1"),
    ("tags.team = 'a*b'", lambda run: run.tags.get("team") == "a*b"),
    ("tags.team LIKE '[c%'", lambda run: run.tags.get("team") == "[c]"),
    ("tags.team != 'a*b'", lambda run: run.tags.get("team", "a*b") != "a*b"),
    ("tags.team IS NULL", lambda run: "team" not in run.tags),
    ("tags.team IS NOT NULL AND metrics.loss = 0", lambda run: "team" in run.tags and loss(run) == 0),
    ("run_id IN ('run-03', 'run-05')", lambda run: run.run.id in {"run-03", "run-05"}),
    ("run_name = 'n2'", lambda run: run.run.name == "n2"),
    ("status = 'FINISHED'", lambda run: run.run.status == "finished"),
    (f"start_time > {START // 1000 + 3}", lambda run: run.run.started_at > START + 3000),
    ("end_time > '2013-04-15'", lambda run: run.run.id == "run-09"),
    ("datasets.name = 'flights' AND datasets.context = 'training'", lambda run: run.run.id == "run-07"),
    ("tags.team = '''; DROP TABLE runs; --'", nobody),
]


@pytest.mark.parametrize(("text", "holds"), FILTERS)
@pytest.mark.parametrize("few", [0, 1000])
def test_filters_mean_what_they_say(
    filled: Database, text: str, holds: Callable[[RunSummary], bool], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By either way of asking, the runs found are those for which the condition holds."""
    monkeypatch.setattr("homeostat.track.search.conditions._FEW", few)
    expected = sorted(run.run.id for run in everything(filled) if holds(run))

    assert expected == sorted(found(filled, text))


def place(value: float | None) -> tuple[int, float]:
    """Numbers, then NaN, then nothing."""
    return (2, 0) if value is None else (1, 0) if math.isnan(value) else (0, value)


def by_loss(run: RunSummary) -> tuple[object, ...]:
    return (*place(loss(run)), -run.run.started_at, run.run.id)


def by_loss_descending(run: RunSummary) -> tuple[object, ...]:
    rank, value = place(loss(run))
    return (rank, -value, -run.run.started_at, run.run.id)


def by_net_and_loss(run: RunSummary) -> tuple[object, ...]:
    net = run.params.get("net")
    return (net is None, net or "", *by_loss(run))


def by_name(run: RunSummary) -> tuple[object, ...]:
    return (run.run.name, *(by_loss_descending(run)))


ORDERS: list[tuple[list[str], Callable[[RunSummary], tuple[object, ...]]]] = [
    ([], lambda run: (-run.run.started_at, run.run.id)),
    (["metrics.loss ASC"], by_loss),
    (["metrics.loss DESC"], by_loss_descending),
    (["params.net", "metrics.loss"], by_net_and_loss),
    (["run_name", "metrics.loss DESC"], by_name),
    (["start_time ASC"], lambda run: (run.run.started_at, run.run.id)),
    (["end_time DESC"], lambda run: (-(run.run.finished_at or 0), -run.run.started_at, run.run.id)),
]


@pytest.mark.parametrize(("order_by", "key"), ORDERS)
@pytest.mark.parametrize("limit", [1, 5, 6, 100])
def test_pages_hold_every_run_once_in_order(
    filled: Database, order_by: list[str], key: Callable[[RunSummary], tuple[object, ...]], limit: int
) -> None:
    """Whatever the size of a page, all pages together are the order: numbers, then NaN, then runs without."""
    expected = [run.run.id for run in sorted(everything(filled), key=key)]
    walked: list[str] = []
    token = ""
    with filled.read() as connection:
        while True:
            page = find_runs(connection, order_by=order_by, limit=limit, page_token=token)
            walked += [run.run.id for run in page.runs]
            token = page.next_token
            if not token:
                break

    assert expected == walked


def test_experiments_and_deleted_runs_are_apart(filled: Database) -> None:
    """A search stays in its experiments, and finds deleted runs only when asked."""
    with filled.write() as connection:
        odd = experiments.named(connection, "odd").id
        experiments.throw_away(connection, odd, START)

    assert [] == found(filled, experiment_ids=[odd])
    assert RUNS // 2 == len(found(filled, experiment_ids=[odd], life="deleted"))
    assert RUNS // 2 == len(found(filled, experiment_ids=[0, odd]))
    assert RUNS == len(found(filled, experiment_ids=[0, odd], life="all"))


@pytest.mark.parametrize("token", ["nonsense", "kwA", "!", ""])
def test_foreign_tokens_are_refused(filled: Database, token: str) -> None:
    """A token that is none, or of another search, is an error and no other page."""
    with filled.read() as connection:
        token = token or find_runs(connection, limit=1, order_by=["run_name"]).next_token
        with pytest.raises(InvalidFilter, match="first page"):
            find_runs(connection, limit=1, page_token=token)


def test_experiments_are_found(filled: Database) -> None:
    """By name, tag and page, newest first."""
    with filled.write() as connection:
        for number in range(4):
            id_ = experiments.create(connection, f"more-{number}", Micros(START + number), tags={"n": str(number % 2)})
            assert f"more-{number}" == experiments.get(connection, id_).name
        first = find_experiments(connection, "name LIKE 'more%'", limit=3)
        second = find_experiments(connection, "name LIKE 'more%'", limit=3, page_token=first.next_token)
        tagged = find_experiments(connection, "tags.n = '1'", order_by=["name"])

    assert ["more-3", "more-2", "more-1", "more-0"] == [one.name for one in (*first.experiments, *second.experiments)]
    assert (["more-1", "more-3"], "") == ([one.name for one in tagged.experiments], second.next_token)


@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize(
    "text",
    ["metrics.loss > 1", "metrics.loss != 3 AND tags.team IS NOT NULL", "metrics.loss <= 5 AND metrics.loss > 1"],
)
def test_a_filter_by_the_metric_of_the_order_means_the_same(filled: Database, text: str, order: str) -> None:
    """One index answers the filter and gives the order: it finds what the filter finds in any other order, page by page."""
    token, paged = "", list[str]()
    while token or not paged:
        with filled.read() as connection:
            page = find_runs(connection, text, order_by=[f"metrics.loss {order}"], limit=2, page_token=token)
        paged += [run.run.id for run in page.runs]
        token = page.next_token
        if not token:
            break

    assert sorted(found(filled, text, limit=RUNS)) == sorted(paged)
    assert len(paged) == len(set(paged))


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("tags.team = 'a*b'", "ix_run_tags_key_head"),
        ("", "ix_runs_experiment_started"),
    ],
)
def test_a_search_begins_where_few_runs_are(filled: Database, text: str, index: str) -> None:
    """However many runs an experiment has, a filter that few fulfil does not walk through them all."""
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(filled.engine, "before_cursor_execute", note)
    with filled.read() as connection:
        find_ids(connection, text, experiment_ids=[0])
        statement, parameters = next(one for one in reversed(asked) if "FROM runs" in one[0])
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()  # type: ignore[arg-type]
    steps = [str(row[3]) for row in plan]

    assert any(index in step for step in steps), steps
    assert not any(step.startswith("SCAN runs") for step in steps)
    assert ("experiment_started" in index) == any("ix_runs_experiment_started" in step for step in steps)
