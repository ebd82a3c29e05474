"""A challenger on trial: shadow, growing canary shares, and the end of it either way.

Every share is a new deployment generation, written in the transaction of the decision; gateways pull it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from homeostat.core.clock import HOUR, Micros
from homeostat.core.errors import NotAllowed, NotFound
from homeostat.loop.facts import RolledBack, RolloutAdvanced
from homeostat.loop.records import Progress
from homeostat.loop.rules import judge
from homeostat.loop.steps import Move, Rooms, Situation, Step
from homeostat.monitor.setpoints import Performance
from homeostat.registry import queries as registry_queries
from homeostat.serve.records import Arm

SHADOW = -1


def begin(
    connection: Connection, rooms: Rooms, look: Situation, progress: Progress, evidence: Mapping[str, Any]
) -> Step:
    """Send a version whose gates stand on trial; the very first one, which has nobody to be compared with, answers at once."""
    progress = msgspec.structs.replace(progress, rollout_at=look.now)
    if progress.champion is None:
        return _promote(connection, rooms, look, progress, "It is the first version.", evidence)
    is_skipping = progress.skips_shadow and look.system.rollout.canary
    return _enter(connection, rooms, look, progress, 0 if is_skipping else SHADOW, "Its gates passed.", evidence)


def proceed_rollout(rooms: Rooms, look: Situation) -> Move:
    """Judge the evidence so far and advance, hold or roll back."""
    progress, policy = look.progress, look.system.rollout
    champion, challenger = _arms(look)
    paired = rooms.monitor.paired(
        look.system.name,
        challenger,
        champion,
        progress.rollout_at,
        matured_before=_matured_before(look),
        loss=policy.loss,
        alpha=policy.alpha,
    )
    judgement = judge(
        paired,
        policy,
        stage_age_us=look.now - progress.stage_at,
        stage_needs_us=policy.shadow_us if progress.stage == SHADOW else policy.hold_us,
        rollout_age_us=look.now - progress.rollout_at,
        failure=_failure(rooms, look),
    )
    evidence = {"paired": msgspec.to_builtins(paired), "share": _share(look, progress.stage)}
    if judgement.course == "hold":
        step = Step(
            phase=look.phase,
            progress=progress,
            wake_at=_wake(look),
            verdict="hold",
            sentence=judgement.sentence,
            evidence=evidence,
        )
        return lambda _: step
    if judgement.course == "rollback":
        return lambda connection: stop_rollout(connection, rooms, look, judgement.sentence, evidence)
    if progress.stage + 1 < len(policy.canary):
        return lambda connection: _enter(
            connection, rooms, look, progress, progress.stage + 1, judgement.sentence, evidence
        )
    return lambda connection: _finish(connection, rooms, look, judgement.sentence, evidence)


def _finish(connection: Connection, rooms: Rooms, look: Situation, why: str, evidence: Mapping[str, Any]) -> Step:
    """The trial was won; but an approval may have expired or a report been replaced meanwhile."""
    _, challenger = _arms(look)
    standing = rooms.registry.standing(connection, look.system.name, challenger)
    if standing.verdict != "passed":
        return stop_rollout(connection, rooms, look, f"It may not become champion any more. {standing.why}", evidence)
    return _promote(connection, rooms, look, look.progress, why, evidence)


def stop_rollout(connection: Connection, rooms: Rooms, look: Situation, why: str, evidence: Mapping[str, Any]) -> Step:
    """The champion takes everything back; the challenger is given up for good."""
    champion, challenger = _arms(look)
    _deploy(connection, rooms, look, {champion: 1.0}, champion)
    rooms.registry.reject(connection, look.system.name, challenger, why=why, by="controller")
    return Step(
        phase="idle",
        progress=msgspec.structs.replace(look.progress, challenger=None),
        wake_at=look.next_look,
        verdict="rollback",
        sentence=f"{look.system.name}@{challenger} is rolled back. {why}",
        evidence=evidence,
        facts=(
            RolledBack(
                system=look.system.name, actor="controller", version=challenger, champion=champion, sentence=why
            ),
        ),
    )


def give_back(connection: Connection, rooms: Rooms, look: Situation, to: int | None, why: str, by: str) -> Step:
    """Make an earlier champion the champion again.

    Raises: NotFound if there is no earlier one. NotAllowed if `to` never was champion.
    """
    name, current = look.system.name, look.progress.champion
    held = dict.fromkeys(move.number for move in registry_queries.alias_history(connection, name))
    earlier = [number for number in held if registry_queries.version(connection, name, number).status == "retired"]
    if not earlier:
        raise NotFound(f"{name} has had no champion before {current}: there is nothing to go back to.")
    number = earlier[0] if to is None else to
    if number not in earlier:
        raise NotAllowed(f"{name}@{number} never was champion. Earlier champions: {', '.join(map(str, earlier))}.")
    version = rooms.registry.promote(connection, name, number, by=by)
    _deploy(connection, rooms, look, {number: 1.0}, number)
    return Step(
        phase="idle",
        progress=msgspec.structs.replace(
            look.progress,
            champion=number,
            champion_since=look.now,
            champion_data_until=version.created_at,
            challenger=None,
        ),
        wake_at=look.next_look,
        verdict="rollback",
        sentence=f"{name}@{number} answers again instead of {name}@{current}. {why}",
        facts=(RolledBack(system=name, actor=by, version=current or 0, champion=number, sentence=why),),
    )


def _enter(
    connection: Connection,
    rooms: Rooms,
    look: Situation,
    progress: Progress,
    stage: int,
    why: str,
    evidence: Mapping[str, Any],
) -> Step:
    """Begin a stage: a new generation with the stage's share."""
    share = _share(look, stage)
    champion, challenger = progress.champion, progress.challenger
    if champion is None or challenger is None:
        raise NotAllowed(f"{look.system.name} cannot begin a rollout without champion and challenger.")
    _deploy(connection, rooms, look, {champion: 1.0 - share, challenger: share}, champion)
    where = f"answers {share:.0%}" if share else "is scored in the shadow"
    progress = msgspec.structs.replace(progress, stage=stage, stage_at=look.now)
    return Step(
        phase="shadow" if stage == SHADOW else "canary",
        progress=progress,
        wake_at=_wake(look),
        verdict="advance",
        sentence=f"{look.system.name}@{challenger} {where}. {why}",
        evidence=evidence,
        facts=(
            RolloutAdvanced(system=look.system.name, actor="controller", version=challenger, share=share, sentence=why),
        ),
    )


def _promote(
    connection: Connection,
    rooms: Rooms,
    look: Situation,
    progress: Progress,
    why: str,
    evidence: Mapping[str, Any],
) -> Step:
    name, number = look.system.name, progress.challenger
    if number is None:
        raise NotAllowed(f"{name} has no challenger to promote.")
    rooms.registry.promote(connection, name, number, by="controller")
    _deploy(connection, rooms, look, {number: 1.0}, number)
    if progress.challenger_reference is not None:
        rows = rooms.pipelines.value(progress.challenger_reference).arrow()
        rooms.monitor.set_reference(connection, name, rows, number)
    evidence = {**evidence, "trigger": progress.trigger}
    if progress.breach_at is not None:
        evidence["breach_to_champion_h"] = (look.now - progress.breach_at) / HOUR
    return Step(
        phase="idle",
        progress=msgspec.structs.replace(
            progress,
            champion=number,
            champion_since=look.now,
            champion_data_until=progress.challenger_data_until,
            challenger=None,
            challenger_reference=None,
            breach_at=None,
        ),
        wake_at=look.next_look,
        verdict="promote",
        sentence=f"{name}@{number} is champion. {why}",
        evidence=evidence,
        facts=(RolloutAdvanced(system=name, actor="controller", version=number, share=1.0, sentence=why),),
    )


def _deploy(connection: Connection, rooms: Rooms, look: Situation, shares: Mapping[int, float], champion: int) -> None:
    arms = [
        Arm(
            role="champion" if number == champion else "challenger",
            version=number,
            model=registry_queries.version(connection, look.system.name, number).model,
            weight=weight,
        )
        for number, weight in shares.items()
    ]
    rooms.deployments.deploy(connection, look.system.name, arms, mirrored=len(arms) > 1, entity=look.system.entity)


def _arms(look: Situation) -> tuple[int, int]:
    champion, challenger = look.progress.champion, look.progress.challenger
    if champion is None or challenger is None:
        raise NotAllowed(f"{look.system.name} is in phase {look.phase} without champion and challenger.")
    return champion, challenger


def _share(look: Situation, stage: int) -> float:
    return 0.0 if stage == SHADOW else look.system.rollout.canary[stage]


def _failure(rooms: Rooms, look: Situation) -> str:
    """What a gateway says that cannot serve this deployment, or empty."""
    states = rooms.deployments.serving(look.system.name)
    return next((state.message for state in states if state.status == "failed"), "")


def _matured_before(look: Situation) -> Micros:
    """Predictions before this instant have their labels, by the declared delay; younger ones are not compared yet."""
    delays = [setpoint.label_delay_us for setpoint in look.system.setpoints if isinstance(setpoint, Performance)]
    return Micros(look.now - max(delays, default=0))


def _wake(look: Situation) -> Micros:
    """A trial is looked at as often as the system, or oftener if its stages are shorter."""
    every = min(look.system.look_every_us, max(look.system.rollout.hold_us, 1))
    return Micros((look.now // every + 1) * every)
