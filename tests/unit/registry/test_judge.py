"""Gates applied to evidence."""

import time
from typing import Any

import msgspec
import numpy as np
import pytest

from homeostat.core.errors import BadData, InvalidDeclaration
from homeostat.registry import gate
from homeostat.registry.gate import Gate
from homeostat.registry.judge import judge
from homeostat.registry.metrics import Floats
from homeostat.registry.records import Evaluation, GateReport, GateResult, Reproduced


def skilled(labels: Floats, skill: float, seed: int) -> Floats:
    """Scores that know the label with `skill` in 0..1."""
    noise = np.random.default_rng(seed).random(len(labels))
    return skill * labels + (1 - skill) * noise


def evidence(rows: int = 1000, skill: float = 0.4, **others: Any) -> Evaluation:
    labels = (np.random.default_rng(0).random(rows) < 0.4).astype(np.float64)
    others.setdefault("baseline", np.full(rows, 0.4))
    if "champion_skill" in others:
        others["champion"] = skilled(labels, others.pop("champion_skill"), seed=2)
    return Evaluation(labels=labels, challenger=skilled(labels, skill, seed=1), **others)


def one(declared: Gate, on: Evaluation) -> GateResult:
    return judge([declared], on).results[0]


class TestMetric:
    @pytest.mark.parametrize(("over", "status"), [(-1e-9, "passed"), (1e-9, "failed")])
    def test_the_bound_decides(self, over: float, status: str) -> None:
        """A metric passes when its lower bound reaches the need; its value alone is not enough."""
        low = one(gate.metric("auc", at_least=0), evidence()).low
        assert low is not None

        assert status == one(gate.metric("auc", at_least=low + over), evidence()).status

    def test_at_most_looks_at_the_upper_bound(self) -> None:
        """A loss passes when its upper bound stays below the limit."""
        found = one(gate.metric("brier", at_most=1), evidence())
        assert found.value is not None

        assert "failed" == one(gate.metric("brier", at_most=found.value), evidence()).status

    def test_unmeasured_is_not_passed(self) -> None:
        """Too few rows fail the gate and say so."""
        found = one(gate.metric("auc", at_least=0), evidence(rows=20))

        assert "failed" == found.status
        assert "20 rows are too few" in found.sentence


class TestChampion:
    def test_first_version_has_nobody_to_beat(self) -> None:
        """Without a champion the gate does not apply."""
        assert "not_applicable" == one(gate.not_worse_than_champion("auc", margin=0.01), evidence()).status

    def test_equal_skill_passes_with_enough_rows(self) -> None:
        """Equal models pass once the interval is narrower than the margin."""
        declared = gate.not_worse_than_champion("auc", margin=0.02)

        assert "passed" == one(declared, evidence(rows=20_000, champion_skill=0.4)).status

    def test_not_rejected_is_not_passed(self) -> None:
        """On few rows equal models fail: that no difference shows is not evidence of none."""
        declared = gate.not_worse_than_champion("auc", margin=0.005)

        assert "failed" == one(declared, evidence(rows=100, champion_skill=0.4)).status

    @pytest.mark.parametrize("metric", ["auc", "brier"])
    def test_worse_fails(self, metric: str) -> None:
        """A worse challenger fails whichever way the metric points."""
        declared = gate.not_worse_than_champion(metric, margin=0.005)

        assert "failed" == one(declared, evidence(champion_skill=0.6)).status

    def test_truly_worse_by_the_margin_passes_in_one_of_twenty(self) -> None:
        """At the margin itself, the least favourable truth, the gate errs in at most 5 % of 400 samples."""
        rng = np.random.default_rng(9)
        declared = gate.not_worse_than_champion("mae", margin=0.1)
        passed = 0
        for _ in range(400):
            labels = rng.normal(size=200)
            champion = labels + rng.normal(size=200)
            # E|N(0, s)| = s * sqrt(2 / pi): this challenger's MAE is worse by exactly 0.1.
            challenger = labels + (1 + 0.1 / np.sqrt(2 / np.pi)) * rng.normal(size=200)
            on = Evaluation(labels=labels, challenger=challenger, champion=champion)
            passed += one(declared, on).status == "passed"

        # Binomial(400, 0.05) lies in 7..35 with probability 0.998.
        assert 7 <= passed <= 35


class TestSlices:
    ORIGINS = np.array(["EWR", "JFK", "LGA", "XXX"])[np.r_[np.arange(900) % 3, np.full(100, 3)]]

    def test_a_bad_slice_fails_alone(self) -> None:
        """A model that is good on the whole fails by the one slice it is blind in, and the sentence names it."""
        whole = evidence(skill=0.6)
        blind = np.where(self.ORIGINS == "JFK", np.random.default_rng(3).random(1000), whole.challenger)
        on = Evaluation(labels=whole.labels, challenger=blind, slices={"origin": self.ORIGINS})
        found = judge(
            [gate.metric("auc", at_least=0.7), gate.slices("auc", by="origin", at_least=0.6, min_rows=200)], on
        )

        assert ["passed", "failed"] == [result.status for result in found.results]
        assert "JFK" in found.results[1].sentence

    def test_small_slices_are_shown_but_not_judged(self) -> None:
        """A slice under `min_rows` does not decide."""
        on = evidence(skill=0.6, slices={"origin": self.ORIGINS})
        found = one(gate.slices("auc", by="origin", at_least=0.6, min_rows=200), on)

        assert ("passed", 900) == (found.status, found.rows)
        assert ["passed", "passed", "passed", "not_applicable"] == [part.status for part in found.slices]

    def test_no_slice_to_judge_fails(self) -> None:
        """A gate that saw nothing has not passed."""
        on = evidence(slices={"origin": self.ORIGINS})

        assert "failed" == one(gate.slices("auc", by="origin", at_least=0.1, min_rows=5000), on).status

    def test_missing_column_fails_and_names_those_there_are(self) -> None:
        """A misspelt column cannot pass unseen."""
        on = evidence(slices={"origin": self.ORIGINS})
        found = one(gate.slices("auc", by="orgin", at_least=0.1, min_rows=100), on)

        assert "failed" == found.status
        assert "origin" in found.sentence


class TestBaseline:
    def test_skill_beats_the_base_rate(self) -> None:
        """A model that knows something beats a constant."""
        assert "passed" == one(gate.beats_baseline("auc"), evidence()).status

    def test_chance_does_not(self) -> None:
        """Random scores do not."""
        assert "failed" == one(gate.beats_baseline("auc"), evidence(skill=0)).status

    def test_without_baseline_not_passed(self) -> None:
        """A comparison that was not made has not been won."""
        assert "failed" == one(gate.beats_baseline("auc"), evidence(baseline=None)).status


class TestLatency:
    def test_fast_enough(self) -> None:
        """A sample well below the limit passes."""
        on = evidence(latency_ms=np.linspace(1, 10, 1000))

        assert "passed" == one(gate.latency(p99_ms=50), on).status

    def test_one_slow_call_in_fifty_fails(self) -> None:
        """2 % of slow calls break a p99."""
        on = evidence(latency_ms=np.where(np.arange(1000) % 50 == 0, 200.0, 5.0))

        assert "failed" == one(gate.latency(p99_ms=50), on).status

    @pytest.mark.parametrize("sample", [None, np.ones(100)])
    def test_too_few_calls_fail(self, sample: Floats | None) -> None:
        """A hundred calls say nothing about one in a hundred."""
        assert "failed" == one(gate.latency(p99_ms=50), evidence(latency_ms=sample)).status


class TestApproval:
    POLICY = (
        gate.metric("auc", at_least=0.6),
        gate.approval("reviewer", automatic=gate.envelope(metric="auc", within=0.05)),
    )

    def approval(self, on: Evaluation, *gates: Gate) -> str:
        return judge(gates or self.POLICY, on).results[-1].status

    def test_asks_by_default(self) -> None:
        """Without an envelope a person is asked every time."""
        assert "pending" == self.approval(evidence(trigger="breach", champion_skill=0.4), gate.approval("reviewer"))

    def test_small_step_of_the_loop_is_approved_in_advance(self) -> None:
        """A retraining by the loop that hardly moved the metric needs nobody."""
        on = evidence(rows=5000, trigger="breach", champion_skill=0.4)

        assert "passed" == self.approval(on)

    @pytest.mark.parametrize("skill", [0.15, 0.45])
    def test_a_leap_is_for_a_person(self, skill: float) -> None:
        """Much better asks as much as much worse: too good is how a leak looks."""
        on = evidence(rows=5000, skill=skill, trigger="breach", champion_skill=0.3)

        assert "pending" == self.approval(on)

    def test_training_by_hand_asks(self) -> None:
        """The envelope covers the loop's own triggers."""
        assert "pending" == self.approval(evidence(rows=5000, trigger="manual", champion_skill=0.4))

    def test_failed_gate_closes_the_envelope(self) -> None:
        """Nothing is approved in advance that failed another gate."""
        on = evidence(rows=5000, skill=0.02, trigger="breach", champion_skill=0.02)

        assert "pending" == self.approval(on)

    @pytest.mark.parametrize(("first", "status"), [(True, "passed"), (False, "pending")])
    def test_first_version(self, first: bool, status: str) -> None:  # noqa: FBT001  parametrised
        """The first version is approved in advance only if the policy says so."""
        policy = gate.approval("reviewer", automatic=gate.envelope(metric="auc", within=0.05, first=first))

        assert status == self.approval(evidence(trigger="manual"), policy)


class TestReport:
    POLICY = (
        gate.metric("auc", at_least=0.6),
        gate.not_worse_than_champion("auc", margin=0.01),
        gate.slices("auc", by="origin", at_least=0.55, min_rows=500),
        gate.beats_baseline("auc"),
        gate.latency(p99_ms=50),
        gate.approval("reviewer"),
    )

    def big(self) -> Evaluation:
        rows = 10_000
        return evidence(
            rows=rows,
            champion_skill=0.39,
            slices={"origin": np.array(["EWR", "JFK", "LGA"])[np.arange(rows) % 3]},
            latency_ms=np.linspace(1, 10, 1000),
        )

    def test_survives_json_with_its_digest(self) -> None:
        """A report read back is the same report."""
        report = judge(self.POLICY, self.big())
        read = msgspec.json.decode(msgspec.json.encode(report), type=GateReport)

        assert (report, report.digest, report.policy) == (read, read.digest, read.policy)

    def test_same_evidence_gives_the_same_digest(self) -> None:
        """Judging is a pure function."""
        assert judge(self.POLICY, self.big()).digest == judge(self.POLICY, self.big()).digest

    @pytest.mark.parametrize(
        ("at_least", "approval", "verdict"),
        [(0.6, False, "passed"), (0.6, True, "pending"), (0.999, True, "blocked")],
    )
    def test_verdict(self, at_least: float, approval: bool, verdict: str) -> None:  # noqa: FBT001  parametrised
        """A failed gate outranks a pending one, a pending one a passed one."""
        gates: list[Gate] = [gate.metric("auc", at_least=at_least)]
        gates += [gate.approval("reviewer")] if approval else []

        assert verdict == judge(gates, self.big()).verdict

    def test_six_gates_on_ten_thousand_rows_are_quick(self) -> None:
        """The best of five judgements takes under 0.1 s."""
        on, spent = self.big(), []
        for _ in range(5):
            started = time.process_time()
            judge(self.POLICY, on)
            spent.append(time.process_time() - started)

        assert min(spent) < 0.1

    def test_names_must_differ(self) -> None:
        """A policy with two gates of one name is not judged."""
        with pytest.raises(InvalidDeclaration):
            judge([gate.beats_baseline("auc"), gate.beats_baseline("auc")], self.big())


class TestEvaluation:
    def test_rows_must_be_the_same(self) -> None:
        """Scores of other rows are refused: they would be compared in silence."""
        with pytest.raises(BadData, match="champion has shape"):
            Evaluation(labels=np.zeros(10), challenger=np.zeros(10), champion=np.zeros(9))

    def test_unlabelled_rows_are_refused(self) -> None:
        """A missing label is no label."""
        with pytest.raises(BadData, match="labels has 1 of 10 values"):
            Evaluation(labels=np.r_[np.nan, np.zeros(9)], challenger=np.zeros(10))

    def test_slices_must_be_of_the_same_rows(self) -> None:
        """A slice column of other rows is refused."""
        with pytest.raises(BadData, match="'origin'"):
            Evaluation(labels=np.zeros(10), challenger=np.zeros(10), slices={"origin": np.zeros(9)})


class TestReproducible:
    @pytest.mark.parametrize(
        ("found", "status"), [("A", "passed"), ("B", "passed"), ("C", "failed"), ("D", "failed"), ("F", "failed")]
    )
    def test_the_grade_asked_for_or_a_better_one_passes(self, found: str, status: str) -> None:
        """A model that came out otherwise than asked for is blocked, in the words of its reproduction."""
        on = evidence(reproduced=Reproduced(grade=found, sentence="It was made again."))

        result = one(gate.reproducible("B"), on)

        assert (status, "grade B or better", "It was made again.") == (result.status, result.needed, result.sentence)

    def test_a_model_that_nobody_made_again_is_blocked(self) -> None:
        """Without a stored result the gate fails and says so."""
        result = one(gate.reproducible("D"), evidence())

        assert ("failed", True) == (result.status, "nobody has made the model again" in result.sentence)
