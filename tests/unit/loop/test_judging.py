"""Versions that clients registered, from their registration to production. Models are of ours: the way of both kinds is the same."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from homeostat.codec.models import Model, encode
from homeostat.codec.signatures import Column, Signature
from homeostat.core.clock import DAY, Micros
from homeostat.core.digests import Digest
from homeostat.core.errors import NotAllowed
from homeostat.loop.judging import _fitted
from homeostat.loop.records import DecisionRow, DeployCommand, RetrainCommand
from homeostat.registry import queries as registry_queries
from homeostat.registry.records import Card
from loop_world import SYSTEM, World, visits

MODULE = """
import homeostat as hs

system = hs.System(
    name="clicks",
    look_every="6h",
    pipeline=hs.registered(label="clicked"),
    data={"visits": hs.window(last="10d", on="at")},
    gates=[GATES],
    rollout=hs.rollout(shadow="4h", canary=[0.1, 0.5], hold="2h", loss="brier", margin=0.1, timeout="1d"),
    setpoints=[hs.setpoint.drift("psi", at_most=0.25)],
)
"""
AUC = 'hs.gate.metric("auc", at_least=0.7), hs.gate.not_worse_than_champion("auc", margin=0.01)'


@pytest.fixture
def gated_world(tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """A world of registered versions with these gates; none is registered yet."""
    with ExitStack() as stack:

        def create(gates: str) -> World:
            world = World.create(tmp_path / "project", gates, MODULE)
            stack.callback(world.close)
            return world

        yield create


def registered(world: World, sign: float = 1.0, strength: float = 1.0) -> int:
    """Register a version that answers `sign * strength * x`; below zero it is wrong."""
    estimator = LogisticRegression()
    estimator.classes_ = np.array([0, 1])
    estimator.coef_, estimator.intercept_ = np.array([[sign * strength]]), np.array([0.0])
    model = Model(estimator, example=pl.DataFrame({"x": [0.5]}))
    return entered(world, world.workspace.objects.put(encode(model, code=Digest("c" * 64))))


def entered(world: World, model: Digest) -> int:
    with world.workspace.database.write() as connection:
        return world.workspace.registry.register(connection, SYSTEM, model=model, run_id="run-1", by="ada").number


def later(world: World) -> DecisionRow:
    """The next regular look."""
    world.workspace.watermark.advance(max(world.wake(), world.now))
    return world.look()


def card(world: World, number: int) -> Card:
    with world.workspace.database.read() as connection:
        return registry_queries.card(connection, SYSTEM, number, world.now)


def test_without_a_version_it_says_what_is_missing(gated_world: Callable[[str], World]) -> None:
    """Nothing is trained, not even on demand: clients register versions."""
    world = gated_world("")

    idle = world.look()
    world.ask(RetrainCommand(why="an idea"))
    asked = world.look()

    assert ("watch", "idle") == (idle.verdict, idle.phase)
    assert "Clients register versions of clicks" in idle.sentence
    assert "Clients register versions of clicks, so there is none" in asked.sentence


def test_a_registered_version_is_judged_and_answers(gated_world: Callable[[str], World]) -> None:
    """By its worker, on the labelled rows; what it measured is on its card, and what it was asked there is the reference of drift."""
    world = gated_world(AUC)
    registered(world)

    found = world.look()

    first = card(world, 1)
    assert ("promote", [{1: 1.0}]) == (found.verdict, world.shares)
    assert {"auc": "passed", "auc-vs-champion": "not_applicable"} == {
        one.gate: one.status for one in first.standing.results
    }
    assert 0.7 < first.version.metrics["auc"] < 0.9
    assert ("dataset:visits@1", "registered") == (first.reports[0].report.holdout, first.reports[0].report.trigger)
    assert "none" == later(world).verdict


def test_the_next_version_is_compared_and_goes_on_trial(gated_world: Callable[[str], World]) -> None:
    """Both on the same rows, then shadow and shares as any other version."""
    world = gated_world(AUC)
    registered(world)
    world.look()
    registered(world, strength=2.0)

    world.until(lambda world: world.row.phase == "shadow", within=DAY)
    world.answer(300)
    world.until(lambda world: world.row.phase == "idle", within=3 * DAY)

    assert {1: "retired", 2: "champion"} == world.statuses
    assert [{1: 1.0}, {1: 1.0, 2: 0.0}, {1: 0.9, 2: 0.1}, {1: 0.5, 2: 0.5}, {2: 1.0}] == world.shares


def test_a_registered_version_waits_for_its_reviewer(gated_world: Callable[[str], World]) -> None:
    """Where the gates ask for one; the word of a reviewer, who did not register it, sends it on."""
    world = gated_world('hs.gate.approval(by="reviewer")')
    registered(world)
    asked = later(world)
    with pytest.raises(NotAllowed, match="ada trained clicks@1"):
        world.workspace.registry.approve(SYSTEM, 1, by="ada", why="mine")
    world.workspace.registry.approve(SYSTEM, 1, by="grace", why="looks right")

    found = later(world)

    assert ("wait", "approval", "promote") == (asked.verdict, world.decisions[1].phase, found.verdict)


def test_a_blocked_version_waits_for_other_rows(gated_world: Callable[[str], World]) -> None:
    """It is judged once; asked for again it is judged anew, since the rows may be others by then."""
    world = gated_world('hs.gate.metric("auc", at_least=0.7)')
    registered(world, sign=-1.0)
    blocked = world.look()
    again = later(world)
    turned = visits(seed=5, until=Micros(world.now + 11 * DAY)).with_columns(clicked=1 - pl.col("clicked"))
    world.workspace.datasets.append("visits", turned, source="feed/1")
    world.workspace.watermark.advance(Micros(world.now + 11 * DAY))
    world.ask(DeployCommand(why="try it on what is new", number=1))
    asked = world.look()

    assert ("blocked", "watch", "promote") == (blocked.verdict, again.verdict, asked.verdict)
    assert "clicks@1 does not go on trial" in blocked.sentence
    assert 2 == len(card(world, 1).reports)


def test_a_version_that_cannot_run_harms_nobody(gated_world: Callable[[str], World]) -> None:
    """The champion goes on; the reason is written down, and it is tried again."""
    world = gated_world("")
    registered(world)
    world.look()
    entered(world, world.workspace.objects.put(b"no model"))

    failed = later(world)
    later(world)

    assert "failed" == failed.verdict
    assert "clicks@2 cannot be judged. These 8 bytes are not a model file" in failed.sentence
    assert ["promote", "failed", "failed"] == world.verdicts
    assert ([{1: 1.0}], {1: "champion", 2: "candidate"}) == (world.shares, world.statuses)


def test_columns_known_by_places_take_the_table_in_order() -> None:
    """As many as the model takes; else the error names those there are."""
    signature = Signature((Column("0", "float"), Column("1", "float")))
    rows = pl.DataFrame({"a": [1.0], "b": [2.0], "clicked": [1]})

    assert ["0", "1"] == _fitted(rows, "clicked", signature).columns
    assert rows.drop("clicked").equals(_fitted(rows, "clicked", Signature((Column("a", "float"),))))
    with pytest.raises(Exception, match="there are 3: a, b, c"):
        _fitted(rows.with_columns(c=1), "clicked", signature)
