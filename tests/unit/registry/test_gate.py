"""Declarations of gates: JSON both ways, contradictions refused."""

from collections.abc import Callable

import msgspec
import pytest

from homeostat.core.errors import InvalidDeclaration, InvalidDuration
from homeostat.registry import gate
from homeostat.registry.gate import Gate, check_gates, policy_digest

EVERY_GATE: tuple[Gate, ...] = (
    gate.metric("auc", at_least=0.6),
    gate.not_worse_than_champion("brier", margin=0),
    gate.slices("auc", by="origin", at_least=0.55, min_rows=500),
    gate.beats_baseline("auc"),
    gate.latency(p99_ms=50),
    gate.reproducible("B"),
    gate.approval(by="reviewer", automatic=gate.envelope(metric="auc", within=0.05, first=True)),
)


def test_gates_survive_json() -> None:
    """A policy read from its JSON is the same policy with the same digest, whole numbers included."""
    read = msgspec.json.decode(msgspec.json.encode(EVERY_GATE), type=tuple[Gate, ...])

    assert EVERY_GATE == read
    assert policy_digest(EVERY_GATE) == policy_digest(read)


def test_names_are_unique_in_a_policy_of_every_gate() -> None:
    """Gates of different kinds on one metric have different names."""
    assert len(EVERY_GATE) == len({one.name for one in EVERY_GATE})


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (lambda: gate.metric("acu", at_least=0.6), "no metric 'acu'.*auc"),
        (lambda: gate.metric("auc"), "asks for nothing"),
        (lambda: gate.metric("auc", at_least=0.9, at_most=0.1), "nothing is both"),
        (lambda: gate.not_worse_than_champion("auc", margin=-0.1), "must be 0 or more"),
        (lambda: gate.not_worse_than_champion("auc", margin=float("nan")), "must be 0 or more"),
        (lambda: gate.slices("auc", by="origin", at_least=0.5, min_rows=0), "must be 1 or more"),
        (lambda: gate.latency(p99_ms=0), "must be above 0"),
        (lambda: gate.reproducible("F"), "asks for grade 'F'.*A is the best"),  # type: ignore[arg-type]  # what is refused
        (lambda: gate.envelope(metric="auc", within=-1), "must be 0 or more"),
    ],
)
def test_contradictions_are_refused(declare: Callable[[], object], says: str) -> None:
    """A gate that could never mean anything is refused where it is declared, with the value named."""
    with pytest.raises(InvalidDeclaration, match=says):
        declare()


def test_expiry_is_a_duration() -> None:
    """An approval's life is checked when declared, not when it is first asked for."""
    with pytest.raises(InvalidDuration, match="a week"):
        gate.approval("reviewer", expires="a week")


def test_same_name_twice_is_refused() -> None:
    """Two gates that a waiver could not tell apart are refused."""
    with pytest.raises(InvalidDeclaration, match="'auc' is declared 2 times"):
        check_gates([gate.metric("auc", at_least=0.6), gate.metric("auc", at_most=0.99)])
