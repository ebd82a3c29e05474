"""Declarations: what they hold, and that what contradicts itself is refused by name."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from homeostat.core.clock import DAY, HOUR
from homeostat.core.durations import Rate
from homeostat.core.errors import InvalidDeclaration, InvalidDuration, InvalidName, NotAllowed
from homeostat.loop.declaration import (
    DataWindow,
    Declaration,
    Registered,
    Retrain,
    Rollout,
    registered,
    retrain,
    rollout,
    window,
)
from homeostat.loop.system import System
from homeostat.monitor import setpoint
from homeostat.pipelines.records import Candidate
from homeostat.pipelines.steps import pipeline
from homeostat.registry import gate


@pipeline
def train_clicks(visits: Any) -> Candidate:
    raise NotImplementedError


def system(**said: Any) -> System:
    plain: dict[str, Any] = {"name": "clicks", "pipeline": train_clicks, "data": {"visits": window("7d", on="at")}}
    return System(**{**plain, **said})


def test_window() -> None:
    """A window is a length and a column."""
    assert DataWindow(last_us=56 * DAY, on="scheduled") == window(last="56d", on="scheduled")


def test_rollout() -> None:
    """Every argument of a rollout stands in its declaration, in microseconds where it is a time."""
    declared = rollout("2d", [0.1], "1h", loss="ranking", margin=0.03, alpha=0.01, timeout="3d")

    expected = Rollout(
        shadow_us=2 * DAY,
        canary=(0.1,),
        hold_us=HOUR,
        loss="ranking",
        margin=0.03,
        alpha=0.01,
        timeout_us=3 * DAY,
    )
    assert expected == declared


def test_retrain() -> None:
    """Triggers are named, spaces in `labels >= N` do no harm."""
    declared = retrain(on=["age", "labels >= 500"], cooldown="1d", budget="2 per 7d")

    expected = Retrain(breach=False, age=True, labels=500, cooldown_us=DAY, budget=Rate(2, 7 * DAY))
    assert expected == declared


REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "no duration": (lambda: window(last="a week", on="at"), InvalidDuration, "'a week'"),
    "shares that shrink": (lambda: rollout(canary=[0.5, 0.1]), InvalidDeclaration, "canary=[0.5, 0.1]"),
    "a share twice": (lambda: rollout(canary=[0.5, 0.5]), InvalidDeclaration, "canary=[0.5, 0.5]"),
    "a whole share": (lambda: rollout(canary=[1.0]), InvalidDeclaration, "canary=[1.0]"),
    "no share": (lambda: rollout(canary=[0.0]), InvalidDeclaration, "canary=[0.0]"),
    "no margin": (lambda: rollout(margin=0), InvalidDeclaration, "margin=0 "),
    "alpha of one": (lambda: rollout(alpha=1.0), InvalidDeclaration, "alpha=1.0"),
    "shadow without a unit": (lambda: rollout(shadow="3"), InvalidDuration, "'3'"),
    "an unknown trigger": (lambda: retrain(on=["drift"]), InvalidDeclaration, "'drift'"),
    "labels without a number": (lambda: retrain(on=["labels>=many"]), InvalidDeclaration, "'labels>=many'"),
    "a budget that is no rate": (lambda: retrain(budget="often"), InvalidDuration, "'often'"),
    "a name that is a path": (lambda: system(name="../clicks"), InvalidName, "'../clicks'"),
    "no data": (lambda: system(data={}), InvalidDeclaration, "'clicks' names no data"),
    "a setpoint twice": (
        lambda: system(setpoints=[setpoint.age(at_most="1d"), setpoint.age(at_most="2d")]),
        InvalidDeclaration,
        "setpoint 'age' twice",
    ),
    "a gate twice": (
        lambda: system(gates=[gate.metric("auc", at_least=0.5), gate.metric("auc", at_most=0.9)]),
        InvalidDeclaration,
        "'auc' is declared 2 times",
    ),
    "never looking": (lambda: system(look_every="0s"), InvalidDeclaration, "'0s'"),
    "looking every second day": (lambda: system(look_every="2d"), InvalidDeclaration, "'2d'"),
}


@pytest.mark.parametrize(("declare", "error", "named"), REFUSED.values(), ids=REFUSED)
def test_refusal_names_the_value(declare: Callable[[], object], error: type[Exception], named: str) -> None:
    """Each line of the table is refused when it is declared, and the message names the value."""
    with pytest.raises(error) as raised:
        declare()

    assert named in str(raised.value)


def test_declaration_survives_json() -> None:
    """Doors show a system from its row, without importing user code: nothing is lost on the way."""
    declared = system(
        gates=[gate.slices("auc", by="origin", at_least=0.5), gate.approval(by="reviewer")],
        setpoints=[setpoint.performance("brier", at_most=0.2, label_delay="1d"), setpoint.drift("psi", at_most=0.25)],
        entity="key",
    ).declaration

    assert declared == msgspec.json.decode(msgspec.json.encode(declared), type=Declaration)


def test_digest_is_of_what_is_declared() -> None:
    """The same declaration has the same digest; another margin has another."""
    one, same, other = system(), system(), system(rollout=rollout(margin=0.02))

    assert one.declaration.digest == same.declaration.digest
    assert one.declaration.digest != other.declaration.digest


def test_slice_columns_are_named_once() -> None:
    """The evaluation carries each column that some gate slices by, once, in order."""
    declared = system(
        gates=[
            gate.slices("auc", by="origin", at_least=0.5),
            gate.slices("brier", by="origin", at_most=0.3),
            gate.slices("auc", by="carrier", at_least=0.5),
        ]
    )

    assert ("origin", "carrier") == declared.slice_columns


def test_a_system_of_registered_versions() -> None:
    """It names no pipeline but the label its versions are judged by; asked for its training it says that there is none."""
    declared = system(pipeline=registered(label="clicked"))

    assert ("", Registered(label="clicked")) == (declared.declaration.pipeline, declared.declaration.registered)
    with pytest.raises(NotAllowed, match="registered_model_name='clicks'"):
        _ = declared.training


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"data": {"visits": window(), "weather": window()}}, "2 datasets: visits, weather"),
        ({"gates": [gate.reproducible("B")]}, "cannot be made again"),
    ],
)
def test_registered_versions_are_judged_on_one_dataset(said: dict[str, Any], why: str) -> None:
    """And are not asked for what only a training of ours can show."""
    with pytest.raises(InvalidDeclaration, match=why):
        system(pipeline=registered(label="clicked"), **said)
