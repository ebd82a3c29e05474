"""The loop's decisions, as pure functions of evidence.

`decide` answers when to train; `judge` answers whether a rollout goes on. Both say why in one sentence that a page
can show. Neither reads a clock or a database.
"""

from typing import Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.core.durations import spoken
from homeostat.loop.declaration import Retrain, Rollout
from homeostat.monitor.records import PairedEvidence, Reading

Verdict = Literal["none", "watch", "wait", "retrain"]
Trigger = Literal["first", "breach", "age", "labels", "asked"]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when deciding whether to train.

    Attributes:
        has_champion: whether any version serves.
        readings: the newest reading of every setpoint.
        labels: labels that arrived since the newest training's data ended.
        last_training_at: when the newest training was decided, or None.
        trainings: how many were decided within the budget's period.
        blocks: one sentence for each append that a contract blocked and nobody repaired.
        asked_by: who asked for a training, or empty.
    """

    has_champion: bool
    readings: tuple[Reading, ...]
    labels: int
    last_training_at: Micros | None
    trainings: int
    blocks: tuple[str, ...]
    asked_by: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided, and why."""

    verdict: Verdict
    sentence: str
    trigger: Trigger | None = None


def decide(evidence: Evidence, policy: Retrain, now: Micros) -> Decision:
    """Whether to train now. Bad data outranks every trigger; a person outranks cooldown and budget."""
    trigger, why = _trigger(evidence, policy)
    if trigger is None:
        return Decision(verdict="watch" if _drifts(evidence) else "none", sentence=why)
    if evidence.blocks:
        return Decision(
            verdict="wait",
            trigger=trigger,
            sentence=f"{why} Training waits for sound data: {' '.join(evidence.blocks)}",
        )
    if trigger not in ("first", "asked"):
        restraint = _restraint(evidence, policy, now)
        if restraint:
            return Decision(verdict="wait", trigger=trigger, sentence=f"{why} {restraint}")
    return Decision(verdict="retrain", trigger=trigger, sentence=why)


def _trigger(evidence: Evidence, policy: Retrain) -> tuple[Trigger | None, str]:
    if evidence.asked_by:
        return "asked", f"{evidence.asked_by} asked for a training."
    if not evidence.has_champion:
        return "first", "No version serves yet."
    breaches = [reading for reading in evidence.readings if reading.state == "breach"]
    performance = [reading for reading in breaches if reading.kind == "performance"]
    if policy.breach and performance:
        return "breach", performance[0].sentence
    aged = [reading for reading in breaches if reading.kind == "age"]
    if policy.age and aged:
        return "age", aged[0].sentence
    if policy.labels is not None and evidence.labels >= policy.labels:
        return (
            "labels",
            f"{evidence.labels:,} labels arrived since the last training's data ended; the policy trains at {policy.labels:,}.",
        )
    if breaches:
        return None, f"{breaches[0].sentence} The policy does not train on this."
    unknown = [reading for reading in evidence.readings if reading.state == "unknown"]
    if unknown:
        return None, f"No setpoint is breached; {unknown[0].sentence}"
    return None, "Every setpoint holds."


def _drifts(evidence: Evidence) -> bool:
    return any(reading.kind == "drift" and reading.state == "breach" for reading in evidence.readings)


def _restraint(evidence: Evidence, policy: Retrain, now: Micros) -> str:
    if evidence.last_training_at is not None:
        rest = evidence.last_training_at + policy.cooldown_us - now
        if rest > 0:
            return f"Cooldown: the next training may begin in {spoken(rest)}."
    if evidence.trainings >= policy.budget.times:
        return f"Budget: {evidence.trainings} trainings in the last {spoken(policy.budget.per_us)}, at most {policy.budget.times} are allowed."
    return ""


Course = Literal["hold", "advance", "rollback"]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rollout goes from here, and why."""

    course: Course
    sentence: str


def judge(
    evidence: PairedEvidence,
    policy: Rollout,
    *,
    stage_age_us: int,
    stage_needs_us: int,
    rollout_age_us: int,
    failure: str = "",
) -> Judgement:
    """Whether a challenger goes to its next share.

    The interval is on loss(challenger) - loss(champion) over the same rows, valid however often one looks. All of it
    above zero: worse, roll back. All of it below the margin: no harm, go on once the stage was held long enough.
    "Not shown to be worse" never promotes.
    """
    if failure:
        return Judgement(course="rollback", sentence=f"The challenger fails to answer: {failure}")
    band = _band(evidence)
    if evidence.low > 0:
        return Judgement(course="rollback", sentence=f"The challenger's loss is higher than the champion's ({band}).")
    proven = evidence.high < policy.margin
    if proven and stage_age_us >= stage_needs_us:
        return Judgement(course="advance", sentence=f"The challenger does no harm ({band}; margin {policy.margin:g}).")
    if rollout_age_us >= policy.timeout_us:
        return Judgement(
            course="rollback", sentence=f"No verdict after {spoken(rollout_age_us)} ({band}): the champion stays."
        )
    if proven:
        return Judgement(
            course="hold", sentence=f"No harm so far ({band}); this share is held for {spoken(stage_needs_us)}."
        )
    return Judgement(
        course="hold", sentence=f"Not known yet whether the challenger harms ({band}; margin {policy.margin:g})."
    )


def _band(evidence: PairedEvidence) -> str:
    if evidence.mean is None:
        return "no labelled row yet"
    return (
        f"difference {evidence.mean:+.4f}, {evidence.low:+.4f} to {evidence.high:+.4f} on {evidence.n:,} labelled rows"
    )
