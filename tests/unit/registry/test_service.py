"""The way of a model version: registered, judged, approved, promoted, rejected."""

import numpy as np
import pytest

from homeostat.core.clock import DAY, FixedClock
from homeostat.core.digests import Digest, digest_bytes
from homeostat.core.errors import ApprovalNeeded, GateBlocked, NotAllowed, NotFound, UserError
from homeostat.registry import catalog, gate, queries
from homeostat.registry.gate import Gate
from homeostat.registry.judge import judge
from homeostat.registry.records import Evaluation, GateReport, ModelVersion
from homeostat.registry.service import Registry
from homeostat.store import ledger, lineage
from homeostat.store.db import Database

SYSTEM = "late-flights"
ASKS = gate.approval("reviewer")


def model(content: str) -> Digest:
    return digest_bytes(content.encode())


def register(registry: Registry, database: Database, content: str = "a", by: str = "ann") -> ModelVersion:
    with database.write() as connection:
        return registry.register(
            connection,
            SYSTEM,
            model=model(content),
            run_id=f"run-{content}",
            data=("dataset:flights@3",),
            code="c" * 64,
            environment="e" * 64,
            metrics={"auc": 0.7},
            by=by,
        )


def report_of(*gates: Gate, at_least: float = 0.5, seed: int = 0) -> GateReport:
    rng = np.random.default_rng(seed)
    labels = (rng.random(400) < 0.5).astype(np.float64)
    scores = np.clip(0.3 * labels + 0.7 * rng.random(400), 0, 1)
    return judge((gate.metric("auc", at_least=at_least), *gates), Evaluation(labels=labels, challenger=scores))


def judged(registry: Registry, database: Database, number: int, report: GateReport) -> None:
    with database.write() as connection:
        registry.report(connection, SYSTEM, number, report)


def promote(registry: Registry, database: Database, number: int) -> ModelVersion:
    with database.write() as connection:
        return registry.promote(connection, SYSTEM, number, by="controller")


def ask(registry: Registry, database: Database, number: int) -> str:
    with database.write() as connection:
        return registry.request_approval(connection, SYSTEM, number).id


def status(database: Database, number: int) -> str:
    with database.read() as connection:
        return queries.version(connection, SYSTEM, number).status


def kinds(database: Database) -> list[str]:
    with database.read() as connection:
        return [entry.kind for entry in ledger.entries(connection)]


class TestRegister:
    def test_numbers_count_up(self, registry: Registry, database: Database) -> None:
        """Each new model gets the next number of its system."""
        numbers = [register(registry, database, content).number for content in "abc"]

        assert [1, 2, 3] == numbers

    def test_same_model_of_same_run_is_one_version(self, registry: Registry, database: Database) -> None:
        """Registering again after a crash makes no second version and no second fact."""
        first = register(registry, database)

        assert first == register(registry, database)
        assert ["model-registered"] == kinds(database)

    def test_version_traces_to_what_made_it(self, registry: Registry, database: Database) -> None:
        """Upstream of a version stand its model, data, run, code and environment."""
        register(registry, database)

        with database.read() as connection:
            parents = {edge.parent for edge in lineage.upstream(connection, "model-version:late-flights@1")}

        expected = {
            f"model:{model('a')}",
            "dataset:flights@3",
            "run:run-a",
            "code:" + "c" * 64,
            "environment:" + "e" * 64,
        }
        assert expected == parents

    def test_rolled_back_registration_frees_its_number(self, registry: Registry, database: Database) -> None:
        """A version exists only if the caller's transaction commits."""

        def crash() -> None:
            with database.write() as connection:
                registry.register(connection, SYSTEM, model=model("a"), run_id="run-a")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            crash()

        assert 1 == register(registry, database, "b").number

    def test_unknown_version_names_the_latest(self, registry: Registry, database: Database) -> None:
        """The error says which version there is."""
        register(registry, database)

        with pytest.raises(NotFound, match="late-flights@1"):
            promote(registry, database, 7)


class TestPromote:
    def test_unjudged_version_stays_out(self, registry: Registry, database: Database) -> None:
        """What no gate has seen cannot become champion."""
        register(registry, database)

        with pytest.raises(GateBlocked, match="not been judged"):
            promote(registry, database, 1)

    def test_failed_gate_blocks(self, registry: Registry, database: Database) -> None:
        """A failed gate leaves the version blocked and the alias where it was."""
        register(registry, database)
        judged(registry, database, 1, report_of(at_least=0.99))

        with pytest.raises(GateBlocked, match="auc"):
            promote(registry, database, 1)
        assert "blocked" == status(database, 1)
        assert registry.champion(None, SYSTEM) is None

    def test_passed_gates_promote(self, registry: Registry, database: Database) -> None:
        """A version whose gates passed becomes champion, and the one before retires."""
        for number, content in enumerate("ab", start=1):
            register(registry, database, content)
            judged(registry, database, number, report_of(seed=number))
            promote(registry, database, number)

        champion = registry.champion(None, SYSTEM)
        assert champion is not None
        assert (2, "retired") == (champion.number, status(database, 1))

    def test_rollback_needs_no_new_judgement(self, registry: Registry, database: Database) -> None:
        """A former champion may return at once, and the history shows it."""
        for number, content in enumerate("ab", start=1):
            register(registry, database, content)
            judged(registry, database, number, report_of(seed=number))
            promote(registry, database, number)

        promote(registry, database, 1)

        with database.read() as connection:
            history = queries.alias_history(connection, SYSTEM)
        assert [1, 2, 1] == [move.number for move in history]
        assert ("champion", "retired") == (status(database, 1), status(database, 2))

    def test_promoting_the_champion_changes_nothing(self, registry: Registry, database: Database) -> None:
        """A controller that repeats itself after a crash leaves one move and one fact."""
        register(registry, database)
        judged(registry, database, 1, report_of())
        promote(registry, database, 1)
        promote(registry, database, 1)

        assert 1 == kinds(database).count("model-promoted")

    def test_other_aliases_need_no_gates(self, registry: Registry, database: Database) -> None:
        """A name such as `staging` may point at any version, and changes no status."""
        register(registry, database)
        with database.write() as connection:
            registry.promote(connection, SYSTEM, 1, by="ann", alias="staging")

        with database.read() as connection:
            assert 1 == queries.alias(connection, SYSTEM, "staging")
        assert "candidate" == status(database, 1)

    def test_rejected_never_returns(self, registry: Registry, database: Database) -> None:
        """A version that was given up stays out, even with its gates passed."""
        register(registry, database)
        judged(registry, database, 1, report_of())
        with database.write() as connection:
            registry.reject(connection, SYSTEM, 1, why="worse in canary", by="controller")

        with pytest.raises(GateBlocked, match="worse in canary"):
            promote(registry, database, 1)

    def test_champion_cannot_be_rejected(self, registry: Registry, database: Database) -> None:
        """Production is never left pointing at a rejected version."""
        register(registry, database)
        judged(registry, database, 1, report_of())
        promote(registry, database, 1)

        with pytest.raises(NotAllowed), database.write() as connection:
            registry.reject(connection, SYSTEM, 1, why="no", by="ann")


class TestApproval:
    def test_pending_until_granted(self, registry: Registry, database: Database) -> None:
        """With an approval gate, passed metrics alone do not promote; a grant does."""
        register(registry, database)
        judged(registry, database, 1, report_of(ASKS))
        with pytest.raises(ApprovalNeeded, match="homeostat approve late-flights@1"):
            promote(registry, database, 1)
        ask(registry, database, 1)

        registry.approve(SYSTEM, 1, by="bob", why="looks right")

        assert "champion" == promote(registry, database, 1).status

    def test_asking_twice_is_asking_once(self, registry: Registry, database: Database) -> None:
        """A repeated request is the same request."""
        register(registry, database)
        judged(registry, database, 1, report_of(ASKS))

        assert ask(registry, database, 1) == ask(registry, database, 1)
        assert 1 == kinds(database).count("approval-requested")

    def test_trainer_cannot_approve(self, registry: Registry, database: Database) -> None:
        """The one who trained is not the one who approves."""
        register(registry, database, by="ann")
        judged(registry, database, 1, report_of(ASKS))
        ask(registry, database, 1)

        with pytest.raises(NotAllowed, match="ann trained late-flights@1"):
            registry.approve(SYSTEM, 1, by="ann", why="mine")

    def test_policy_may_permit_self_approval(self, registry: Registry, database: Database) -> None:
        """Where the policy says so, one user does both, and the row shows it."""
        register(registry, database, by="local")
        judged(registry, database, 1, report_of(gate.approval("local", self_approval=True)))
        ask(registry, database, 1)

        granted = registry.approve(SYSTEM, 1, by="local", why="alone here")

        assert (True, "local") == (granted.self_approval, granted.decided_by)

    @pytest.mark.parametrize(
        "changed",
        [
            pytest.param(report_of(ASKS, seed=1), id="other rows"),
            pytest.param(report_of(gate.approval("reviewer", expires="8d")), id="other policy"),
        ],
    )
    def test_other_evidence_voids_the_grant(self, registry: Registry, database: Database, changed: GateReport) -> None:
        """An approval speaks of one report under one policy; another report needs another approval."""
        register(registry, database)
        judged(registry, database, 1, report_of(ASKS))
        ask(registry, database, 1)
        registry.approve(SYSTEM, 1, by="bob", why="looks right")

        judged(registry, database, 1, changed)

        with pytest.raises(ApprovalNeeded):
            promote(registry, database, 1)
        with database.read() as connection:
            assert ["void"] == [one.status for one in queries.approvals_of(connection, SYSTEM, 1)]

    def test_same_evidence_keeps_the_grant(self, registry: Registry, database: Database) -> None:
        """Judging the same rows under the same policy again gives the same digest, so the approval stands."""
        register(registry, database)
        for _ in range(2):
            judged(registry, database, 1, report_of(ASKS))
            if "approval-granted" not in kinds(database):
                ask(registry, database, 1)
                registry.approve(SYSTEM, 1, by="bob", why="looks right")

        assert "champion" == promote(registry, database, 1).status

    def test_grant_expires(self, registry: Registry, database: Database, clock: FixedClock) -> None:
        """An approval older than the policy allows does not count, and a new one may be asked for."""
        register(registry, database)
        judged(registry, database, 1, report_of(ASKS))
        first = ask(registry, database, 1)
        registry.approve(SYSTEM, 1, by="bob", why="looks right")
        clock.advance(7 * DAY)

        with pytest.raises(ApprovalNeeded, match="expired"):
            promote(registry, database, 1)
        assert first != ask(registry, database, 1)

    def test_unanswered_request_lapses(self, registry: Registry, database: Database, clock: FixedClock) -> None:
        """Nobody approves a request that waited longer than the policy allows."""
        register(registry, database)
        judged(registry, database, 1, report_of(ASKS))
        ask(registry, database, 1)
        clock.advance(7 * DAY)

        with pytest.raises(NotFound, match="expired"):
            registry.approve(SYSTEM, 1, by="bob", why="late")
        with database.read() as connection:
            assert [] == queries.pending_approvals(connection, clock.now())

    def test_denied_blocks(self, registry: Registry, database: Database) -> None:
        """A refusal blocks the version, says why, and cannot be asked away."""
        register(registry, database)
        judged(registry, database, 1, report_of(ASKS))
        ask(registry, database, 1)
        registry.deny(SYSTEM, 1, by="bob", why="unfair to AA")

        with pytest.raises(GateBlocked, match="unfair to AA"):
            promote(registry, database, 1)
        with pytest.raises(NotAllowed, match="unfair to AA"):
            ask(registry, database, 1)

    def test_no_request_no_grant(self, registry: Registry, database: Database) -> None:
        """What nobody asked for cannot be approved."""
        register(registry, database)
        judged(registry, database, 1, report_of(ASKS))

        with pytest.raises(NotFound):
            registry.approve(SYSTEM, 1, by="bob", why="in advance")

    def test_nothing_to_ask_for(self, registry: Registry, database: Database) -> None:
        """A policy without approval has no requests."""
        register(registry, database)
        judged(registry, database, 1, report_of())

        with pytest.raises(UserError, match="waits for no approval"):
            ask(registry, database, 1)

    def test_approved_version_traces_to_its_approval(self, registry: Registry, database: Database) -> None:
        """From a version one reaches the approval and the gate report it spoke of."""
        register(registry, database)
        judged(registry, database, 1, report_of(ASKS))
        approval = ask(registry, database, 1)
        registry.approve(SYSTEM, 1, by="bob", why="looks right")

        with database.read() as connection:
            edges = lineage.upstream(connection, "model-version:late-flights@1")

        assert lineage.Edge(f"approval:{approval}", f"report:{report_of(ASKS).digest}", "subject") in edges


class TestWaiver:
    def test_waived_gate_does_not_block(self, registry: Registry, database: Database) -> None:
        """A waiver lifts the block of its gate and is written on the result."""
        register(registry, database)
        judged(registry, database, 1, report_of(at_least=0.99))

        registry.waive(SYSTEM, 1, "auc", why="holiday week", by="bob")

        assert "candidate" == status(database, 1)
        with database.read() as connection:
            assert ["waived"] == [one.status for one in registry.standing(connection, SYSTEM, 1).results]
        assert "champion" == promote(registry, database, 1).status

    def test_waiver_is_for_one_report(self, registry: Registry, database: Database) -> None:
        """Judged again on other rows, the gate blocks again."""
        register(registry, database)
        judged(registry, database, 1, report_of(at_least=0.99))
        registry.waive(SYSTEM, 1, "auc", why="holiday week", by="bob")

        judged(registry, database, 1, report_of(at_least=0.99, seed=1))

        assert "blocked" == status(database, 1)

    def test_passed_gate_needs_no_waiver(self, registry: Registry, database: Database) -> None:
        """Only a failed gate can be waived; an approval is given, not waived."""
        register(registry, database)
        judged(registry, database, 1, report_of(ASKS))

        with pytest.raises(NotAllowed, match="pending"):
            registry.waive(SYSTEM, 1, "approval", why="hurry", by="bob")

    def test_waived_gate_does_not_waive_the_approval(self, registry: Registry, database: Database) -> None:
        """After a waiver the version still waits for the approval that the policy asks for."""
        register(registry, database)
        judged(registry, database, 1, report_of(ASKS, at_least=0.99))
        registry.waive(SYSTEM, 1, "auc", why="holiday week", by="bob")

        with pytest.raises(ApprovalNeeded):
            promote(registry, database, 1)

    def test_unknown_gate_names_those_there_are(self, registry: Registry, database: Database) -> None:
        """The error lists the gates of the report."""
        register(registry, database)
        judged(registry, database, 1, report_of(at_least=0.99))

        with pytest.raises(NotFound, match="It has: auc"):
            registry.waive(SYSTEM, 1, "acu", why="typo", by="bob")


def test_card_tells_the_whole_story(registry: Registry, database: Database, clock: FixedClock) -> None:
    """The card of a champion holds its report, approval, alias and lineage."""
    register(registry, database)
    judged(registry, database, 1, report_of(ASKS))
    ask(registry, database, 1)
    registry.approve(SYSTEM, 1, by="bob", why="looks right")
    promote(registry, database, 1)

    with database.read() as connection:
        card = queries.card(connection, SYSTEM, 1, clock.now())

    assert (("champion",), "passed", 1, 1) == (
        card.aliases,
        card.standing.verdict,
        len(card.reports),
        len(card.approvals),
    )
    assert "dataset:flights@3" in {edge.parent for edge in card.lineage}


class TestRemove:
    def test_a_new_model_of_an_old_name_is_judged_anew(self, registry: Registry, database: Database) -> None:
        """What gates said of a deleted version 1 lets no other version 1 into production."""
        register(registry, database)
        judged(registry, database, 1, report_of())
        with database.write() as connection:
            catalog.remove(connection, SYSTEM)
        register(registry, database, "b")

        with pytest.raises(GateBlocked, match="has not been judged"):
            promote(registry, database, 1)

    def test_what_answers_in_production_stays(self, registry: Registry, database: Database) -> None:
        """A registered model whose champion passed gates is not deleted."""
        register(registry, database)
        judged(registry, database, 1, report_of())
        promote(registry, database, 1)

        with database.write() as connection, pytest.raises(NotAllowed, match="late-flights@1 is the champion"):
            catalog.remove(connection, SYSTEM)
