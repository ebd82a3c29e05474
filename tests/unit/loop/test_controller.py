"""The loop over real rooms: from the first look to champions, blocks, failures and people's commands."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select

from homeostat.core.clock import DAY, HOUR
from homeostat.core.errors import ContractViolated
from homeostat.data.contracts.contract import Contract, InRange
from homeostat.loop import queries
from homeostat.loop.records import DeployCommand, RetrainCommand, RollbackCommand
from homeostat.registry import queries as registry_queries
from homeostat.serve.records import GatewayState
from homeostat.store import ledger
from homeostat.store.db.schema.loop import commands
from loop_world import SYSTEM, World, visits

HOPELESS = 'hs.gate.metric("auc", at_least=0.999)'


def is_in(phase: str) -> Callable[[World], bool]:
    return lambda world: world.row.phase == phase


def unhandled(world: World) -> int:
    with world.workspace.database.read() as connection:
        return len(connection.execute(select(commands).where(commands.c.handled_at.is_(None))).all())


class TestFirst:
    def test_first_look_decides_to_train(self, new_world: World) -> None:
        """Without a champion the first look decides a training, fixes its inputs, and wakes at once to do it."""
        decision = new_world.look()

        row = new_world.row
        assert ("retrain", "idle", "No version serves yet.") == (decision.verdict, decision.phase, decision.sentence)
        assert ("training", new_world.now, {"visits": 1}) == (row.phase, row.wake_at, row.progress.inputs)

    def test_first_version_answers_at_once(self, new_world: World) -> None:
        """The first version has nobody to be compared with: it is trained, judged and made champion in one look."""
        new_world.look()
        decision = new_world.look()

        assert "promote" == decision.verdict
        assert ([{1: 1.0}], {1: "champion"}) == (new_world.shares, new_world.statuses)
        assert ("idle", 1) == (new_world.row.phase, new_world.row.progress.champion)

    def test_nothing_is_due_between_looks(self, world: World) -> None:
        """Between two looks there is nothing to look at, and nothing is written."""
        before = world.outcome()

        assert not world.controller.look()
        assert before == world.outcome()

    def test_doing_nothing_is_a_decision(self, world: World) -> None:
        """A quiet day is four rows that say why nothing was done, with the readings they rest on."""
        before = len(world.decisions)

        world.advance(DAY)

        quiet = world.decisions[before:]
        assert ["none"] * 4 == [decision.verdict for decision in quiet]
        assert {"performance:brier", "age"} == set(quiet[-1].evidence["readings"])

    def test_declaring_again_changes_nothing(self, world: World) -> None:
        """A controller that starts again finds the declaration stored and leaves the loop as it is."""
        before = world.outcome()

        world.another_controller().declare()

        assert before == world.outcome()


class TestChallenger:
    def test_labels_to_champion(self, trial: World) -> None:
        """300 labels set a training off; the challenger goes through shadow and both shares, and takes over."""
        trial.answer(300)
        trial.until(is_in("idle"))

        steps = [one.verdict for one in trial.decisions if one.verdict not in ("none", "hold")]
        assert ["retrain", "promote", "retrain", "advance", "advance", "advance", "promote"] == steps
        assert [{1: 1.0}, {1: 1.0, 2: 0.0}, {1: 0.9, 2: 0.1}, {1: 0.5, 2: 0.5}, {2: 1.0}] == trial.shares
        assert {1: "retired", 2: "champion"} == trial.statuses

    def test_stages_are_held(self, trial: World) -> None:
        """However strong the evidence: four hours of shadow, two at each share."""
        begun = trial.row.progress.rollout_at
        trial.answer(500)
        trial.until(is_in("idle"))

        history = trial.workspace.deployments.history(SYSTEM)[::-1][2:]
        held = [(deployment.at - begun) / HOUR for deployment in history]
        assert [True, True, True] == [hours >= least for hours, least in zip(held, (4, 6, 8), strict=True)]

    def test_no_evidence_never_promotes(self, trial: World) -> None:
        """Without a labelled row the trial ends at its time-out, and the champion takes everything back."""
        begun = trial.row.progress.rollout_at
        trial.until(is_in("idle"))

        last = trial.decisions[-1]
        assert ("rollback", {1: 1.0}, "rejected") == (last.verdict, trial.shares[-1], trial.statuses[2])
        assert last.at - begun >= DAY

    def test_worse_in_the_shadow(self, trial: World) -> None:
        """A challenger shown to be worse never answers anybody."""
        trial.answer(300, score=0.9, other=0.2)
        trial.until(is_in("idle"))

        assert "rollback" == trial.decisions[-1].verdict
        assert [{1: 1.0}, {1: 1.0, 2: 0.0}, {1: 1.0}] == trial.shares
        assert {1: "champion", 2: "rejected"} == trial.statuses

    def test_worse_in_the_canary(self, trial: World) -> None:
        """A challenger that turns bad while it answers is rolled back too, for good."""
        trial.answer(300)
        trial.until(is_in("canary"))
        trial.answer(300, score=0.9, other=0.2)
        trial.until(is_in("idle"))

        assert ("rollback", {1: 1.0}) == (trial.decisions[-1].verdict, trial.shares[-1])
        assert {1: "champion", 2: "rejected"} == trial.statuses

    def test_gateway_that_cannot_load_it(self, trial: World) -> None:
        """A gateway that fails to serve the challenger ends its trial, in the gateway's words."""
        state = GatewayState(
            gateway="g1",
            system=SYSTEM,
            generation=1,
            status="failed",
            message="no module x",
            host="localhost",
            port=1,
            pid=1,
            heartbeat_wall=1e11,
        )
        trial.workspace.deployments.report([state], {})
        trial.until(is_in("idle"))

        assert trial.decisions[-1].sentence == "clicks@2 is rolled back. The challenger fails to answer: no module x"

    def test_breach_to_champion(self, world: World) -> None:
        """Answers beyond the setpoint set a training off, and the promotion says how long the breach lasted."""
        world.advance(2 * DAY)
        world.answer(200, score=0.2)
        world.until(is_in("shadow"))
        world.answer(300, score=0.2, other=0.9)
        world.until(is_in("idle"))

        promoted = world.decisions[-1]
        assert ("promote", "breach") == (promoted.verdict, promoted.evidence["trigger"])
        seen_at = next(one.at for one in world.decisions if one.verdict == "retrain" and one.id > 2)
        assert (promoted.at - seen_at) / HOUR == promoted.evidence["breach_to_champion_h"]


class TestTraining:
    def test_blocked_append_waits_for_repair(self, world: World) -> None:
        """While an append is blocked the loop waits and says so; once it is repaired it trains on the new version."""
        contract = Contract(name="visits", expectations=(InRange(column="x", low=-10, high=10),))
        world.advance(2 * DAY)
        sound = visits(rows=50, until=world.now, days=1, seed=1)
        spoilt = sound.with_columns(pl.col("x") * 1000)
        with pytest.raises(ContractViolated):
            world.workspace.datasets.append("visits", spoilt, source="feed/1", contract=contract)
        world.answer(300)
        world.until(lambda world: world.decisions[-1].verdict == "wait")

        assert "Training waits for sound data" in world.decisions[-1].sentence
        world.workspace.datasets.append("visits", sound, source="feed/1", contract=contract)
        world.until(is_in("training"))
        assert {"visits": 2} == world.row.progress.inputs

    def test_failing_step(self, world: World) -> None:
        """A training that fails is written down with its error; the champion stays and the next look is a regular one."""
        world.ask(RetrainCommand(why="an idea", arguments={"fails": True}))
        world.until(lambda world: world.decisions[-1].verdict == "failed")

        assert "The rows are cursed." in world.decisions[-1].sentence
        assert ("idle", [{1: 1.0}], {1: "champion"}) == (world.row.phase, world.shares, world.statuses)
        assert world.row.wake_at > world.now

    def test_failing_pipeline(self, world: World) -> None:
        """A pipeline whose own code cannot take its arguments fails the training as well: the loop does not hang in it."""
        world.ask(RetrainCommand(why="a typo", arguments={"fail": True}))
        world.look()
        decision = world.look()

        assert ("failed", "idle") == (decision.verdict, world.row.phase)
        assert decision.sentence.startswith("The training failed: ")

    def test_any_exception_of_the_pipeline(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever the pipeline's own code raises ends the training, named by its type."""

        def windows(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError("division by zero")

        world.ask(RetrainCommand(why="an idea"))
        world.look()
        monkeypatch.setattr(world.workspace.datasets, "window", windows)
        decision = world.look()

        assert "The training failed: ZeroDivisionError: division by zero" == decision.sentence
        assert ("failed", "idle") == (decision.verdict, world.row.phase)

    def test_failed_gate_blocks(self, gated_world: Callable[[str], World]) -> None:
        """A version that fails a gate is registered, blocked and not deployed; the decision names the gate."""
        world = gated_world(HOPELESS)
        world.look()
        decision = world.look()

        assert ("blocked", {"auc": "failed"}) == (decision.verdict, decision.evidence["gates"])
        assert ("idle", [], {1: "blocked"}) == (world.row.phase, world.shares, world.statuses)

    def test_cooldown(self, world: World) -> None:
        """A trigger within the cooldown waits, and the training begins when it is over."""
        trained_at = world.row.progress.last_training_at
        assert trained_at is not None
        world.advance(12 * HOUR)
        world.answer(300)
        world.until(lambda world: world.decisions[-1].verdict == "wait")
        world.until(is_in("training"))

        assert trained_at + 2 * DAY == world.decisions[-1].at

    def test_look_that_fails_is_written_down(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A look that fails by itself changes nothing but the decision that says so, and is tried again."""

        def broken(*_: Any, **__: Any) -> None:
            raise OSError("the disk is gone")

        before = world.outcome()
        with monkeypatch.context() as patch:
            patch.setattr(world.workspace.monitor, "ingest", broken)
            world.until(lambda world: world.decisions[-1].verdict == "failed")

        assert "the disk is gone" in world.decisions[-1].sentence
        assert (before["shares"], before["progress"]) == (world.outcome()["shares"], world.outcome()["progress"])
        world.until(lambda world: world.decisions[-1].verdict == "none")


class TestApproval:
    def test_waits(self, waiting: World) -> None:
        """Nothing is deployed before the reviewer has spoken; looking again changes nothing."""
        before = len(waiting.decisions)
        waiting.advance(8 * HOUR)

        assert ("approval", [{1: 1.0}]) == (waiting.row.phase, waiting.shares)
        assert {"wait"} == set(waiting.verdicts[before:])

    def test_granted(self, waiting: World) -> None:
        """An approved version goes on trial at the next look."""
        waiting.workspace.registry.approve(SYSTEM, 2, by="grace", why="fine")
        waiting.advance(6 * HOUR)

        assert ("shadow", {1: 1.0, 2: 0.0}) == (waiting.row.phase, waiting.shares[-1])

    def test_answer_wakes_the_loop(self, waiting: World) -> None:
        """A door that took an answer wakes the loop: it is heeded at once, not at the next regular look."""
        waiting.workspace.registry.approve(SYSTEM, 2, by="grace", why="fine")
        with waiting.workspace.database.write() as connection:
            queries.wake(connection, SYSTEM, waiting.now)

        assert "advance" == waiting.look().verdict

    def test_denied(self, waiting: World) -> None:
        """A denied version goes nowhere, and the loop is idle again."""
        waiting.workspace.registry.deny(SYSTEM, 2, by="grace", why="too good to be true")
        waiting.until(is_in("idle"))

        assert "blocked" == waiting.decisions[-1].verdict
        assert "too good to be true" in waiting.decisions[-1].sentence
        assert ([{1: 1.0}], "blocked") == (waiting.shares, waiting.statuses[2])

    def test_expired(self, waiting: World) -> None:
        """A request that nobody answered in time ends the challenger's way."""
        waiting.until(is_in("idle"))

        assert "blocked" == waiting.decisions[-1].verdict
        assert "expired" in waiting.decisions[-1].sentence
        assert [{1: 1.0}] == waiting.shares

    def test_grant_that_expires_on_trial(self, waiting: World) -> None:
        """A trial won after its approval expired ends with the champion in place, not in a loop of failing looks."""
        waiting.workspace.registry.approve(SYSTEM, 2, by="grace", why="fine")
        waiting.advance(14 * HOUR)
        waiting.answer(500)
        waiting.until(is_in("idle"))

        assert "failed" not in waiting.verdicts
        assert ("rollback", {1: 1.0}) == (waiting.decisions[-1].verdict, waiting.shares[-1])
        assert "It may not become champion any more." in waiting.decisions[-1].sentence


class TestCommands:
    def test_retrain(self, world: World) -> None:
        """A person's training begins at once, whatever the cooldown says, and only once."""
        world.ask(RetrainCommand(why="an idea"))
        decision = world.look()

        assert ("retrain", "ada asked for a training.") == (decision.verdict, decision.sentence)
        world.until(lambda world: world.row.phase == "idle")
        world.advance(DAY)
        assert 1 == [one.sentence for one in world.decisions].count("ada asked for a training.")

    def test_retrain_during_a_rollout(self, trial: World) -> None:
        """While a version is on trial a training is refused, with the reason; the trial goes on."""
        trial.ask(RetrainCommand(why="an idea"))
        decision = trial.look()

        assert ("wait", "shadow") == (decision.verdict, trial.row.phase)
        assert 0 == unhandled(trial)

    def test_rollback_of_a_rollout(self, trial: World) -> None:
        """A person stops a trial: the champion takes everything back, the challenger is given up."""
        trial.ask(RollbackCommand(why="a bad feeling"))
        decision = trial.look()

        assert "clicks@2 is rolled back. ada asked for it: a bad feeling" == decision.sentence
        assert ("idle", {1: 1.0}, "rejected") == (trial.row.phase, trial.shares[-1], trial.statuses[2])

    def test_rollback_of_a_champion(self, second: World) -> None:
        """Without a trial the champion before answers again, once for one command."""
        second.ask(RollbackCommand(why="a bad feeling"))
        second.look()
        second.advance(DAY)

        assert ({1: 1.0}, {1: "champion", 2: "retired"}) == (second.shares[-1], second.statuses)
        assert (1, 1) == (second.row.progress.champion, second.verdicts.count("rollback"))

    def test_deploy(self, second: World) -> None:
        """A retired version can be sent on a rollout again; it begins in the shadow."""
        second.ask(DeployCommand(why="it was better", number=1))
        decision = second.look()

        assert ("advance", "shadow", {2: 1.0, 1: 0.0}) == (decision.verdict, second.row.phase, second.shares[-1])

    def test_deploy_during_a_rollout(self, trial: World) -> None:
        """One rollout at a time."""
        trial.ask(DeployCommand(why="now", number=1))
        decision = trial.look()

        assert "clicks@1 has to wait: another version is on its way." == decision.sentence

    def test_deploy_of_the_champion(self, world: World) -> None:
        """What answers already is not put on trial against itself."""
        world.ask(DeployCommand(why="now", number=1))
        decision = world.look()

        assert ("wait", "clicks@1 is champion already.") == (decision.verdict, decision.sentence)
        assert [{1: 1.0}] == world.shares

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            (DeployCommand(why="now", number=9), "clicks@9"),
            (RollbackCommand(why="now"), "there is nothing to go back to"),
            (RollbackCommand(why="now", to=7), "clicks has had no champion before 1"),
        ],
    )
    def test_what_cannot_be_done_is_refused_once(
        self, world: World, command: DeployCommand | RollbackCommand, reason: str
    ) -> None:
        """A command that cannot be done is handled, with the reason; it does not stop the loop for ever."""
        world.ask(command)
        decision = world.look()

        assert "wait" == decision.verdict
        assert reason in decision.sentence
        assert (0, [{1: 1.0}]) == (unhandled(world), world.shares)
        world.advance(6 * HOUR)
        assert "none" == world.verdicts[-1]

    def test_commands_are_handled_in_order(self, world: World) -> None:
        """Two commands at once are two looks at once, the first asked first."""
        world.ask(DeployCommand(why="now", number=1))
        world.ask(RetrainCommand(why="an idea"), by="grace")

        sentences = [world.look().sentence for _ in range(2)]

        assert ["clicks@1 is champion already.", "grace asked for a training."] == sentences

    def test_asked_during_a_look(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A command that comes while a look is on is taken up at once, not at the next regular look."""
        monitor = world.workspace.monitor
        ingest = monitor.ingest

        def ask_meanwhile(system: str) -> Any:
            world.ask(RetrainCommand(why="an idea"))
            return ingest(system)

        world.workspace.watermark.advance(world.wake())
        with monkeypatch.context() as patch:
            patch.setattr(monitor, "ingest", ask_meanwhile)
            assert "none" == world.look().verdict

        assert "ada asked for a training." == world.look().sentence


class TestTwoControllers:
    def test_overtaken_controller_writes_nothing(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A controller that was stopped in mid-look while another took over commits nothing when it wakes up."""
        world.workspace.watermark.advance(world.wake())
        monitor = world.workspace.monitor
        ingest = monitor.ingest

        def overtaken(system: str) -> Any:
            assert world.another_controller().look()
            return ingest(system)

        before = len(world.decisions)
        monkeypatch.setattr(monitor, "ingest", overtaken)
        assert world.controller.look()

        assert before + 1 == len(world.decisions)
        assert world.row.fence == world.decisions[-1].fence

    def test_restart_anywhere_ends_the_same(self, trial: World, settled: Any) -> None:
        """A new controller for every look decides what one long-lived controller does: it keeps nothing to itself."""
        trial.answer(300)
        while trial.row.phase != "idle":
            trial.workspace.watermark.advance(max(trial.wake(), trial.now))
            trial.controller = trial.another_controller()
            trial.look()

        assert [{1: 1.0}, {1: 1.0, 2: 0.0}, {1: 0.9, 2: 0.1}, {1: 0.5, 2: 0.5}, {2: 1.0}] == trial.shares


def test_facts_of_a_promotion(world: World) -> None:
    """The audit log tells a promotion: decided, registered, judged, deployed share by share, promoted."""
    with world.workspace.database.read() as connection:
        kinds = [fact.kind for fact in ledger.entries(connection, system=SYSTEM)]

    told = [kind for kind in kinds if not kind.startswith(("run-", "pipeline-"))]
    assert [
        "system-declared",
        "training-decided",
        "model-registered",
        "gates-judged",
        "model-promoted",
        "deployed",
        "rollout-advanced",
    ] == told


def test_version_knows_its_data(world: World) -> None:
    """A version names the dataset versions that were fixed when its training was decided."""
    with world.workspace.database.read() as connection:
        version = registry_queries.version(connection, SYSTEM, 1)

    assert ("dataset:visits@1",) == version.data
