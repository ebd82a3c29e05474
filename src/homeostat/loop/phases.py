"""What the loop does in each phase of a model's way to production.

idle -> training -> (approval) -> shadow -> canary ... -> idle with a new champion, or back to idle without.

A phase reads what it needs, then returns a `Move`: a function that writes everything it decided in the transaction it
is given and says which step was taken. Nothing is written before, and nothing outside.
"""

import logging
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from homeostat.core.clock import Micros, iso
from homeostat.core.errors import HomeostatError, NotAllowed, NotFound, UserError
from homeostat.loop import queries
from homeostat.loop.declaration import Registered
from homeostat.loop.facts import TrainingDecided, TrainingFailed
from homeostat.loop.judging import TRIGGER, assess
from homeostat.loop.records import Asked, DeployCommand, Progress, RetrainCommand, RollbackCommand
from homeostat.loop.rollouts import begin, give_back, proceed_rollout, stop_rollout
from homeostat.loop.rules import Decision, Evidence, decide
from homeostat.loop.steps import Move, Rooms, Situation, Step
from homeostat.loop.training import Trained, train
from homeostat.registry import queries as registry_queries

log = logging.getLogger(__name__)


def proceed(rooms: Rooms, look: Situation) -> Move:
    """Take the phase's look. May take as long as a training does."""
    phases: dict[str, Callable[[Rooms, Situation], Move]] = {
        "idle": _idle,
        "training": _training,
        "approval": _approval,
        "shadow": proceed_rollout,
        "canary": proceed_rollout,
    }
    if look.asked is not None and look.phase != "training":
        return _asked(rooms, look, look.asked)
    return phases[look.phase](rooms, look)


def _idle(rooms: Rooms, look: Situation) -> Move:
    evidence = _evidence(rooms, look)
    decision = decide(evidence, look.system.retrain, look.now)
    if isinstance(look.system.pipeline, Registered):
        number = _newest_unjudged(rooms, look)
        if number is not None and not evidence.blocks:
            return _judging(rooms, look, number, look.system.pipeline)
        decision = _without_training(decision, look.system.name, number)
    if decision.verdict == "retrain":
        return lambda _: _begin_training(rooms, look, decision, evidence)
    step = Step(
        phase="idle",
        progress=look.progress,
        wake_at=look.next_look,
        verdict=decision.verdict,
        sentence=decision.sentence,
        evidence=_written(evidence),
    )
    return lambda _: step


def _newest_unjudged(rooms: Rooms, look: Situation) -> int | None:
    with rooms.database.read() as connection:
        return registry_queries.newest_unjudged(connection, look.system.name)


def _without_training(decision: Decision, name: str, waiting: int | None) -> Decision:
    """What a system decides whose versions come from clients: it can only say that another one is needed."""
    if decision.trigger is None:
        return decision
    if waiting is not None:
        return Decision(verdict="wait", sentence=f"{name}@{waiting} waits to be judged. {decision.sentence}")
    return Decision(verdict="watch", sentence=f"{decision.sentence} Clients register versions of {name}: log a model.")


def _judging(rooms: Rooms, look: Situation, number: int, registered: Registered, *, skips_shadow: bool = False) -> Move:
    """Judge a registered version and send it on its way. What keeps it from being judged may pass, so it is tried again."""
    name = look.system.name
    try:
        assessed = assess(rooms, look, number, registered.label)
    except HomeostatError as error:
        log.warning("%s@%d cannot be judged: %s", name, number, error)
        step = Step(
            phase="idle",
            progress=look.progress,
            wake_at=look.next_look,
            verdict="failed",
            sentence=f"{name}@{number} cannot be judged. {error}",
            evidence={"error": error.code},
        )
        return lambda _: step

    def enter(connection: Connection) -> Step:
        rooms.registry.report(connection, name, number, assessed.report)
        rooms.registry.measured(connection, name, number, assessed.metrics)
        progress = msgspec.structs.replace(
            look.progress,
            challenger=number,
            challenger_data_until=assessed.version.created_at,
            challenger_reference=assessed.reference,
            skips_shadow=skips_shadow,
            trigger=TRIGGER,
        )
        return _by_standing(connection, rooms, look, progress)

    return enter


def _evidence(rooms: Rooms, look: Situation, asked_by: str = "") -> Evidence:
    policy, progress = look.system.retrain, look.progress
    with rooms.database.read() as connection:
        trainings = queries.trainings_since(connection, look.system.name, Micros(look.now - policy.budget.per_us))
    return Evidence(
        has_champion=progress.champion is not None,
        readings=look.readings,
        labels=look.labels - progress.labels_seen,
        last_training_at=progress.last_training_at,
        trainings=trainings,
        blocks=tuple(block.sentence for block in rooms.datasets.blocks(tuple(look.system.data))),
        asked_by=asked_by,
    )


def _written(evidence: Evidence) -> dict[str, object]:
    """Evidence as a decision keeps it: the readings themselves are kept by the monitor."""
    return {
        "readings": {
            reading.setpoint: {
                "state": reading.state,
                "value": reading.value,
                "low": reading.low,
                "high": reading.high,
                "at_most": reading.at_most,
                "rows": reading.rows,
            }
            for reading in evidence.readings
        },
        "labels": evidence.labels,
        "trainings": evidence.trainings,
        "blocks": evidence.blocks,
    }


def _begin_training(rooms: Rooms, look: Situation, decision: Decision, evidence: Evidence) -> Step:
    """Fix what the training will see, so that a resumed one sees the same."""
    command = look.asked.command if look.asked else None
    progress = msgspec.structs.replace(
        look.progress,
        trained_until=look.now,
        labels_seen=look.labels,
        last_training_at=look.now,
        trigger=decision.trigger or "",
        breach_at=look.progress.breach_since if decision.trigger == "breach" else None,
        inputs={name: rooms.datasets.version(name).number for name in look.system.data},
        arguments=command.arguments if isinstance(command, RetrainCommand) else {},
    )
    return Step(
        phase="training",
        progress=progress,
        wake_at=look.now,
        verdict="retrain",
        sentence=decision.sentence,
        evidence=_written(evidence),
        facts=(
            TrainingDecided(
                system=look.system.name, actor="controller", trigger=progress.trigger, sentence=decision.sentence
            ),
        ),
    )


def _training(rooms: Rooms, look: Situation) -> Move:
    """Train and judge; then register the version with its report and send it on its way."""
    try:
        trained = train(rooms, look)
    except Exception as error:  # a pipeline's own code raises anything, and would again at every look
        log.exception("Training %s failed", look.system.name)
        failed = _training_failed(look, error)
        return lambda _: failed
    return lambda connection: _enter(connection, rooms, look, trained)


def _training_failed(look: Situation, error: Exception) -> Step:
    is_ours = isinstance(error, HomeostatError)
    sentence = f"The training failed: {error}" if is_ours else f"The training failed: {type(error).__name__}: {error}"
    return Step(
        phase="idle",
        progress=look.progress,
        wake_at=look.next_look,
        verdict="failed",
        sentence=sentence,
        evidence={"error": error.code if isinstance(error, HomeostatError) else type(error).__name__},
        facts=(TrainingFailed(system=look.system.name, actor="controller", sentence=sentence),),
    )


def _enter(connection: Connection, rooms: Rooms, look: Situation, trained: Trained) -> Step:
    name = look.system.name
    version = rooms.registry.register(
        connection,
        name,
        model=trained.model,
        run_id=trained.run_id,
        data=trained.data,
        code=trained.code,
        environment=trained.environment,
        metrics=trained.metrics,
        canonical=trained.canonical,
        by="controller",
    )
    rooms.registry.report(connection, name, version.number, trained.report)
    progress = msgspec.structs.replace(
        look.progress,
        challenger=version.number,
        challenger_data_until=look.progress.trained_until,
        challenger_reference=trained.reference,
        skips_shadow=False,
    )
    return _by_standing(connection, rooms, look, progress)


def _by_standing(connection: Connection, rooms: Rooms, look: Situation, progress: Progress) -> Step:
    """Where a judged version goes: on trial, to a reviewer, or nowhere."""
    name, number = look.system.name, progress.challenger
    if number is None:
        raise NotAllowed(f"{name} has no challenger to send on its way.")
    standing = rooms.registry.standing(connection, name, number)
    evidence = {"gates": {result.gate: result.status for result in standing.results}, "trigger": progress.trigger}
    if standing.verdict == "passed":
        return begin(connection, rooms, look, progress, evidence)
    if standing.verdict == "pending":
        approval = rooms.registry.request_approval(connection, name, number)
        return Step(
            phase="approval",
            progress=progress,
            wake_at=look.next_look,
            verdict="wait",
            sentence=f"{standing.why} {approval.reviewer} is asked until {iso(approval.expires_at)}: homeostat approve {name}@{number}",
            evidence=evidence,
        )
    return Step(
        phase="idle",
        progress=msgspec.structs.replace(progress, challenger=None),
        wake_at=look.next_look,
        verdict="blocked",
        sentence=f"{name}@{number} does not go on trial. {standing.why}",
        evidence=evidence,
    )


def _approval(rooms: Rooms, look: Situation) -> Move:
    """Wait for the reviewer; a request that was denied or expired ends the challenger's way."""

    def move(connection: Connection) -> Step:
        name, number = look.system.name, look.progress.challenger
        if number is None:
            raise NotAllowed(f"{name} waits for an approval of no challenger.")
        standing = rooms.registry.standing(connection, name, number)
        is_open = standing.approval is not None and standing.approval.is_open(look.now)
        if standing.verdict == "pending" and not is_open:
            return Step(
                phase="idle",
                progress=msgspec.structs.replace(look.progress, challenger=None),
                wake_at=look.next_look,
                verdict="blocked",
                sentence=f"{name}@{number} was not approved. {standing.why}",
            )
        return _by_standing(connection, rooms, look, look.progress)

    return move


def _asked(rooms: Rooms, look: Situation, asked: Asked) -> Move:
    """Do what a person asked, as far as the phase allows, and mark it handled in the same transaction."""
    command = asked.command
    if isinstance(command, RetrainCommand):
        if isinstance(look.system.pipeline, Registered):
            return _handled(
                asked, look, lambda _: _refused(look, f"{asked.by} asked for a training. {_no_training(look)}")
            )
        evidence = _evidence(rooms, look, asked.by)
        decision = decide(evidence, look.system.retrain, look.now)
        if look.phase != "idle":
            decision = Decision(
                verdict="wait", sentence=f"{asked.by} asked for a training; another version is on its way."
            )
        if decision.verdict != "retrain":
            return _handled(asked, look, lambda _: _refused(look, decision.sentence))
        return _handled(asked, look, lambda _: _begin_training(rooms, look, decision, evidence))
    if isinstance(command, DeployCommand):
        registered = look.system.pipeline
        if (
            isinstance(registered, Registered)
            and look.phase == "idle"
            and _is_to_be_judged(rooms, look, command.number)
        ):
            return _handled(
                asked, look, _judging(rooms, look, command.number, registered, skips_shadow=command.skips_shadow)
            )
        return _handled(asked, look, lambda connection: _deploy(connection, rooms, look, command))
    return _handled(asked, look, lambda connection: _roll_back(connection, rooms, look, asked.by, command))


def _is_to_be_judged(rooms: Rooms, look: Situation, number: int) -> bool:
    """Whether a version that a person wants deployed was not judged yet, or is blocked by rows that may be old by now."""
    with rooms.database.read() as connection:
        try:
            version = registry_queries.version(connection, look.system.name, number)
        except NotFound:
            return False  # which is said where it is to be deployed
        if version.status == "rejected":
            return False
        return rooms.registry.standing(connection, look.system.name, number).verdict == "blocked"


def _no_training(look: Situation) -> str:
    return f"Clients register versions of {look.system.name}, so there is none: log a model under its name."


def _handled(asked: Asked, look: Situation, move: Move) -> Move:
    """A command is handled once: what cannot be done is refused, or it would be tried at every look from now on."""

    def write(connection: Connection) -> Step:
        queries.handled(connection, asked.id, look.now)
        try:
            with connection.begin_nested():
                return move(connection)
        except UserError as error:
            return _refused(look, f"{asked.by} asked for what cannot be done. {error.message}")

    return write


def _refused(look: Situation, sentence: str) -> Step:
    return Step(phase=look.phase, progress=look.progress, wake_at=look.next_look, verdict="wait", sentence=sentence)


def _deploy(connection: Connection, rooms: Rooms, look: Situation, command: DeployCommand) -> Step:
    if look.phase != "idle":
        return _refused(look, f"{look.system.name}@{command.number} has to wait: another version is on its way.")
    if command.number == look.progress.champion:
        return _refused(look, f"{look.system.name}@{command.number} is champion already.")
    version = registry_queries.version(connection, look.system.name, command.number)
    progress = msgspec.structs.replace(
        look.progress,
        challenger=version.number,
        challenger_data_until=version.created_at,
        challenger_reference=None,
        skips_shadow=command.skips_shadow,
        trigger="asked",
    )
    return _by_standing(connection, rooms, look, progress)


def _roll_back(connection: Connection, rooms: Rooms, look: Situation, by: str, command: RollbackCommand) -> Step:
    why = f"{by} asked for it: {command.why}"
    if look.phase in ("shadow", "canary"):
        return stop_rollout(connection, rooms, look, why, evidence={})
    return give_back(connection, rooms, look, command.to, why, by)
