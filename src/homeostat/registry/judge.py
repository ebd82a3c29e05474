"""The judgement: gates applied to an evaluation. Pure.

A gate that could not be measured fails: what is unknown does not reach production. All gates must pass at once, which
needs no correction for their number: the chance that a model which truly misses any one of the needs passes them all
is at most that of the one gate, 1 - confidence (intersection-union test, Berger 1982).
"""

from collections.abc import Sequence
from typing import assert_never

import numpy as np

from homeostat.registry.gate import (
    ApprovalGate,
    BaselineGate,
    ChampionGate,
    Envelope,
    Gate,
    LatencyGate,
    MetricGate,
    ReproducibleGate,
    SlicesGate,
    check_gates,
    metric_of,
)
from homeostat.registry.metrics import Estimate, Floats, compare, measure, unmeasurable, upper_quantile_bound
from homeostat.registry.records import Evaluation, GateReport, GateResult, GateStatus, Slice

_NAMED_SLICES = 3  # failing slices named in the sentence; the report holds them all


def judge(gates: Sequence[Gate], evaluation: Evaluation) -> GateReport:
    """Apply every gate; the approval last, since it looks at the others.

    Raises: InvalidDeclaration if two gates have the same name.
    Cost: O(n log n) a gate; 10,000 rows and six gates in some 10 ms.
    """
    check_gates(gates)
    measured = {gate.name: _judge(gate, evaluation) for gate in gates if not isinstance(gate, ApprovalGate)}
    is_clear = all(result.status != "failed" for result in measured.values())
    return GateReport(
        gates=tuple(gates),
        results=tuple(
            _approval(gate, evaluation, is_clear=is_clear) if isinstance(gate, ApprovalGate) else measured[gate.name]
            for gate in gates
        ),
        rows=len(evaluation.labels),
        trigger=evaluation.trigger,
        holdout=evaluation.holdout,
    )


def _judge(
    gate: MetricGate | ChampionGate | SlicesGate | BaselineGate | LatencyGate | ReproducibleGate, on: Evaluation
) -> GateResult:
    match gate:
        case MetricGate():
            return _metric(gate, on)
        case ChampionGate():
            return _champion(gate, on)
        case SlicesGate():
            return _slices(gate, on)
        case BaselineGate():
            return _baseline(gate, on)
        case LatencyGate():
            return _latency(gate, on)
        case ReproducibleGate():
            return _reproducible(gate, on)
        case _:
            assert_never(gate)


def _metric(gate: MetricGate, on: Evaluation) -> GateResult:
    metric, rows, needed = metric_of(gate), len(on.labels), _needed(gate)
    if problem := unmeasurable(metric, on.labels):
        return _unmeasured(gate.name, rows, needed, problem)
    found = measure(metric, on.labels, on.challenger)
    return GateResult(
        gate=gate.name,
        status=_passed(keeps(gate, found)),
        rows=rows,
        needed=needed,
        sentence=f"{metric.label} is {_spread(found)} on {rows:,} rows; needed is {needed}.",
        value=found.value,
        low=found.low,
        high=found.high,
    )


def _champion(gate: ChampionGate, on: Evaluation) -> GateResult:
    metric, rows = metric_of(gate), len(on.labels)
    needed = f"above {-gate.margin:+g}"
    if on.champion is None:
        return GateResult(
            gate=gate.name,
            status="not_applicable",
            rows=rows,
            needed=needed,
            sentence="There is no champion yet to be compared with.",
        )
    if problem := unmeasurable(metric, on.labels):
        return _unmeasured(gate.name, rows, needed, problem)
    difference = compare(metric, on.labels, on.challenger, on.champion)
    return _compared(
        gate.name, f"{metric.label} against the champion", rows, needed, difference=difference, floor=-gate.margin
    )


def _baseline(gate: BaselineGate, on: Evaluation) -> GateResult:
    metric, rows, needed = metric_of(gate), len(on.labels), "above 0"
    if on.baseline is None:
        return _unmeasured(gate.name, rows, needed, "the evaluation holds no scores of a trivial baseline")
    if problem := unmeasurable(metric, on.labels):
        return _unmeasured(gate.name, rows, needed, problem)
    difference = compare(metric, on.labels, on.challenger, on.baseline)
    return _compared(
        gate.name, f"{metric.label} against the trivial baseline", rows, needed, difference=difference, floor=0.0
    )


def _compared(gate: str, what: str, rows: int, needed: str, *, difference: Estimate, floor: float) -> GateResult:
    return GateResult(
        gate=gate,
        status=_passed(difference.low > floor),
        rows=rows,
        needed=needed,
        sentence=f"The gain in {what} is {difference.value:+.4f} ({difference.low:+.4f} to {difference.high:+.4f}) "
        f"on the same {rows:,} rows; needed is {needed}.",
        value=difference.value,
        low=difference.low,
        high=difference.high,
    )


def _slices(gate: SlicesGate, on: Evaluation) -> GateResult:
    metric, rows, needed = metric_of(gate), len(on.labels), f"{_needed(gate)} in each slice"
    if gate.by not in on.slices:
        known = ", ".join(sorted(on.slices)) or "none"
        return _unmeasured(gate.name, rows, needed, f"the evaluation has no column {gate.by!r} (columns: {known})")
    keys, codes = np.unique(on.slices[gate.by].astype(str), return_inverse=True)
    slices = tuple(
        _slice(gate, str(key), on.labels[codes == index], on.challenger[codes == index])
        for index, key in enumerate(keys)
    )
    judged = [one for one in slices if one.status != "not_applicable"]
    failed = [one for one in judged if one.status == "failed"]
    if not judged:
        sentence = f"No value of {gate.by} has {gate.min_rows:,} rows: not judged."
    elif failed:
        worst = ", ".join(
            f"{one.key} ({'not measurable' if one.value is None else format(one.value, '.3f')} on {one.rows:,} rows)"
            for one in failed[:_NAMED_SLICES]
        )
        sentence = (
            f"{len(failed)} of {len(judged)} slices by {gate.by} miss {_needed(gate)} in {metric.label}: {worst}."
        )
    else:
        sentence = f"{metric.label} keeps {_needed(gate)} in all {len(judged)} slices by {gate.by}."
    small = len(slices) - len(judged)
    if judged and small:
        sentence += f" {small} with fewer than {gate.min_rows:,} rows were not judged."
    return GateResult(
        gate=gate.name,
        status=_passed(bool(judged) and not failed),
        rows=sum(one.rows for one in judged),
        needed=needed,
        sentence=sentence,
        slices=slices,
    )


def _slice(gate: SlicesGate, key: str, labels: Floats, scores: Floats) -> Slice:
    if len(labels) < gate.min_rows:
        return Slice(key=key, rows=len(labels), status="not_applicable")
    if unmeasurable(metric_of(gate), labels):
        return Slice(key=key, rows=len(labels), status="failed")
    found = measure(metric_of(gate), labels, scores)
    return Slice(
        key=key,
        rows=len(labels),
        status=_passed(keeps(gate, found)),
        value=found.value,
        low=found.low,
        high=found.high,
    )


def _latency(gate: LatencyGate, on: Evaluation) -> GateResult:
    needed = f"at most {gate.p99_ms:g} ms"
    sample = np.empty(0) if on.latency_ms is None else on.latency_ms
    high = upper_quantile_bound(sample, 0.99)
    if high is None:
        return _unmeasured(gate.name, len(sample), needed, f"{len(sample)} latencies are too few to bound a p99")
    value = float(np.quantile(sample, 0.99))
    return GateResult(
        gate=gate.name,
        status=_passed(high <= gate.p99_ms),
        rows=len(sample),
        needed=needed,
        sentence=f"The p99 latency is {value:.1f} ms (at most {high:.1f} ms) over {len(sample):,} calls; needed is {needed}.",
        value=value,
        high=high,
    )


def _reproducible(gate: ReproducibleGate, on: Evaluation) -> GateResult:
    needed = f"grade {gate.at_least}" if gate.at_least == "A" else f"grade {gate.at_least} or better"
    if on.reproduced is None:
        return _unmeasured(gate.name, 0, needed, "nobody has made the model again")
    return GateResult(
        gate=gate.name,
        status=_passed(on.reproduced.grade <= gate.at_least),  # A is the first letter and the best grade
        rows=0,
        needed=needed,
        sentence=on.reproduced.sentence,
    )


def _approval(gate: ApprovalGate, on: Evaluation, *, is_clear: bool) -> GateResult:
    if gate.automatic is None:
        is_inside, why = False, "The policy asks for it every time."
    elif not is_clear:
        is_inside, why = False, "Outside the envelope approved in advance: another gate failed."
    else:
        is_inside, why = _inside(gate.automatic, on)
    return GateResult(
        gate=gate.name,
        status="passed" if is_inside else "pending",
        rows=len(on.labels),
        needed=f"approval by {gate.by}",
        sentence=why if is_inside else f"Waits for the approval of {gate.by}. {why}",
    )


def _inside(envelope: Envelope, on: Evaluation) -> tuple[bool, str]:
    """Whether the version is approved in advance, and why."""
    metric = metric_of(envelope)
    if on.champion is None:
        if envelope.first:
            return True, "Approved in advance: the first version, all other gates passed."
        return False, "Outside the envelope approved in advance: a first version has no champion to be compared with."
    if on.trigger not in envelope.triggers:
        triggers = ", ".join(envelope.triggers)
        return False, f"Outside the envelope approved in advance: trained by {on.trigger!r}, not by {triggers}."
    if problem := unmeasurable(metric, on.labels):
        return False, f"Outside the envelope approved in advance: {problem}."
    gain = compare(metric, on.labels, on.challenger, on.champion).value
    if abs(gain) > envelope.within:
        return False, (
            f"Outside the envelope approved in advance: {metric.label} moved by {gain:+.4f} against the champion, "
            f"more than ±{envelope.within:g}."
        )
    return True, (
        f"Approved in advance: {metric.label} moved by {gain:+.4f} against the champion, within ±{envelope.within:g}, "
        f"and all other gates passed."
    )


def keeps(gate: MetricGate | SlicesGate, found: Estimate) -> bool:
    """Whether the confidence bounds keep the limits."""
    return (gate.at_least is None or found.low >= gate.at_least) and (
        gate.at_most is None or found.high <= gate.at_most
    )


def _needed(gate: MetricGate | SlicesGate) -> str:
    limits = [
        f"{word} {limit:g}"
        for word, limit in (("at least", gate.at_least), ("at most", gate.at_most))
        if limit is not None
    ]
    return " and ".join(limits)


def _spread(found: Estimate) -> str:
    return f"{found.value:.4f} ({found.low:.4f} to {found.high:.4f})"


def _passed(is_passed: bool) -> GateStatus:  # noqa: FBT001  the claim is the only argument
    return "passed" if is_passed else "failed"


def _unmeasured(gate: str, rows: int, needed: str, problem: str) -> GateResult:
    return GateResult(
        gate=gate, status="failed", rows=rows, needed=needed, sentence=f"Not measured, so not passed: {problem}."
    )
