"""When to train: the order in which reasons outrank each other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.clock import DAY, HOUR, Micros
from homeostat.loop.declaration import retrain
from homeostat.loop.rules import Decision, Evidence, decide
from homeostat.monitor.records import Reading, State

NOW = Micros(100 * DAY)
POLICY = retrain(on=["breach", "age", "labels>=500"], cooldown="3d", budget="2 per 30d")


def reading(kind: str, state: State) -> Reading:
    return Reading(
        system="clicks",
        setpoint=kind,
        kind=kind,
        at=NOW,
        value=1.0,
        low=None,
        high=None,
        at_most=0.5,
        state=state,
        rows=10,
        sentence=f"{kind} is {state}.",
    )


def evidence(**said: Any) -> Evidence:
    """All is well, but for what is said."""
    calm: dict[str, Any] = {
        "has_champion": True,
        "readings": (reading("performance", "met"), reading("age", "met")),
        "labels": 0,
        "last_training_at": None,
        "trainings": 0,
        "blocks": (),
    }
    return Evidence(**{**calm, **said})


BREACH = (reading("performance", "breach"),)
BLOCK = ("Rows of visits are in quarantine.",)
JUST_NOW = Micros(NOW - HOUR)

TABLE: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "nothing happened": ({}, "none", None),
    "nothing is known yet": ({"readings": (reading("performance", "unknown"),)}, "none", None),
    "no champion yet": ({"has_champion": False}, "retrain", "first"),
    "performance is breached": ({"readings": BREACH}, "retrain", "breach"),
    "the model is old": ({"readings": (reading("age", "breach"),)}, "retrain", "age"),
    "a breach outranks age": ({"readings": (reading("age", "breach"), *BREACH)}, "retrain", "breach"),
    "too few labels": ({"labels": 499}, "none", None),
    "enough labels": ({"labels": 500}, "retrain", "labels"),
    "drift alone": ({"readings": (reading("drift", "breach"),)}, "watch", None),
    "drift and a breach": ({"readings": (reading("drift", "breach"), *BREACH)}, "retrain", "breach"),
    "slow answers": ({"readings": (reading("latency", "breach"),)}, "none", None),
    "a person asks": ({"asked_by": "ada"}, "retrain", "asked"),
    "bad data outranks a breach": ({"readings": BREACH, "blocks": BLOCK}, "wait", "breach"),
    "bad data outranks the first training": ({"has_champion": False, "blocks": BLOCK}, "wait", "first"),
    "bad data outranks a person": ({"asked_by": "ada", "blocks": BLOCK}, "wait", "asked"),
    "bad data without a reason to train": ({"blocks": BLOCK}, "none", None),
    "cooldown": ({"readings": BREACH, "last_training_at": JUST_NOW}, "wait", "breach"),
    "cooldown is over": ({"readings": BREACH, "last_training_at": NOW - 3 * DAY}, "retrain", "breach"),
    "the budget is spent": ({"readings": BREACH, "trainings": 2}, "wait", "breach"),
    "budget is left": ({"readings": BREACH, "trainings": 1}, "retrain", "breach"),
    "a person outranks both": ({"asked_by": "ada", "last_training_at": JUST_NOW, "trainings": 9}, "retrain", "asked"),
    "so does the first": ({"has_champion": False, "last_training_at": JUST_NOW, "trainings": 9}, "retrain", "first"),
}


@pytest.mark.parametrize(("said", "verdict", "trigger"), TABLE.values(), ids=TABLE)
def test_what_is_decided(said: dict[str, Any], verdict: str, trigger: str | None) -> None:
    """Each line of the table: evidence, and the verdict and trigger that follow from it."""
    decision = decide(evidence(**said), POLICY, NOW)

    assert (verdict, trigger) == (decision.verdict, decision.trigger)


def test_a_policy_trains_on_nothing_that_it_does_not_name() -> None:
    """With `on=[]` neither breach nor age nor labels set a training off, and the sentence says so."""
    everything = evidence(readings=(*BREACH, reading("age", "breach")), labels=10_000)

    decision = decide(everything, retrain(on=[]), NOW)

    said = Decision(verdict="none", sentence="performance is breach. The policy does not train on this.")
    assert said == decision


def test_the_sentence_says_why_and_how_long() -> None:
    """People read the breach, and when the cooldown is over."""
    decision = decide(evidence(readings=BREACH, last_training_at=JUST_NOW), POLICY, NOW)

    assert "performance is breach. Cooldown: the next training may begin in 71 h." == decision.sentence


def test_the_sentence_names_the_blocked_append() -> None:
    """Whoever wonders why nothing trains reads which rows are in the way."""
    decision = decide(evidence(readings=BREACH, blocks=BLOCK), POLICY, NOW)

    assert decision.sentence.endswith("Training waits for sound data: Rows of visits are in quarantine.")


@given(
    st.builds(
        evidence,
        has_champion=st.booleans(),
        readings=st.lists(
            st.builds(
                reading,
                st.sampled_from(["performance", "drift", "errors", "latency", "age"]),
                st.sampled_from(["met", "breach", "unknown"]),
            )
        ).map(tuple),
        labels=st.integers(0, 1000),
        last_training_at=st.none() | st.integers(0, NOW),
        trainings=st.integers(0, 4),
        blocks=st.just(BLOCK),
        asked_by=st.sampled_from(["", "ada"]),
    )
)
def test_nothing_trains_on_bad_data(found: Evidence) -> None:
    """Whatever else is known: while an append is blocked, no training begins."""
    assert "retrain" != decide(found, POLICY, NOW).verdict
