"""Gates: what a model version must show before it may become champion. Declared by users as `hs.gate.metric(...)`.

A gate is data, JSON both ways, so that a policy can be stored, shown and digested; `judge.py` applies it.
"Not rejected" never promotes: a gate passes when the *confidence bound* meets the need, not when the estimate does.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from homeostat.core.digests import Digest, digest_of
from homeostat.core.durations import duration_us
from homeostat.core.errors import InvalidDeclaration
from homeostat.registry.metrics import Metric
from homeostat.registry.metrics import metric as metric_named

ReproducedGrade = Literal["A", "B", "C", "D"]  # best first; what came out otherwise has F


class _Declaration(msgspec.Struct, frozen=True, kw_only=True, tag_field="gate"):
    """Base of every gate: JSON tagged by the field `gate`."""


class MetricGate(_Declaration, frozen=True, kw_only=True, tag="metric"):
    metric: str
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        metric_named(self.metric)
        _check_bounds(self.name, self.at_least, self.at_most)

    @property
    def name(self) -> str:
        return self.metric


class ChampionGate(_Declaration, frozen=True, kw_only=True, tag="not-worse-than-champion"):
    metric: str
    margin: float

    def __post_init__(self) -> None:
        metric_named(self.metric)
        if not self.margin >= 0:
            raise InvalidDeclaration(f"Gate {self.name!r} has margin {self.margin}: it must be 0 or more.")

    @property
    def name(self) -> str:
        return f"{self.metric}-vs-champion"


class SlicesGate(_Declaration, frozen=True, kw_only=True, tag="slices"):
    metric: str
    by: str
    min_rows: int
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        metric_named(self.metric)
        _check_bounds(self.name, self.at_least, self.at_most)
        if self.min_rows < 1:
            raise InvalidDeclaration(f"Gate {self.name!r} has min_rows {self.min_rows}: it must be 1 or more.")

    @property
    def name(self) -> str:
        return f"{self.metric}-by-{self.by}"


class BaselineGate(_Declaration, frozen=True, kw_only=True, tag="beats-baseline"):
    metric: str

    def __post_init__(self) -> None:
        metric_named(self.metric)

    @property
    def name(self) -> str:
        return f"{self.metric}-vs-baseline"


class LatencyGate(_Declaration, frozen=True, kw_only=True, tag="latency"):
    p99_ms: float

    def __post_init__(self) -> None:
        if not self.p99_ms > 0:
            raise InvalidDeclaration(f"Gate 'latency' has p99_ms {self.p99_ms}: it must be above 0.")

    @property
    def name(self) -> str:
        return "latency"


class ReproducibleGate(_Declaration, frozen=True, kw_only=True, tag="reproducible"):
    at_least: ReproducedGrade

    def __post_init__(self) -> None:
        if self.at_least not in get_args(ReproducedGrade):
            raise InvalidDeclaration(
                f"Gate 'reproducible' asks for grade {self.at_least!r}; there are {', '.join(get_args(ReproducedGrade))}, "
                f"of which A is the best. Say hs.gate.reproducible('B')."
            )

    @property
    def name(self) -> str:
        return "reproducible"


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer approves in advance; see `envelope`."""

    metric: str
    within: float
    triggers: tuple[str, ...]
    first: bool

    def __post_init__(self) -> None:
        metric_named(self.metric)
        if not self.within >= 0:
            raise InvalidDeclaration(f"The envelope of {self.metric!r} is within {self.within}: it must be 0 or more.")


class ApprovalGate(_Declaration, frozen=True, kw_only=True, tag="approval"):
    by: str
    automatic: Envelope | None = None
    self_approval: bool = False
    expires: str = "7d"

    def __post_init__(self) -> None:
        duration_us(self.expires)

    @property
    def name(self) -> str:
        return "approval"


Gate = MetricGate | ChampionGate | SlicesGate | BaselineGate | LatencyGate | ReproducibleGate | ApprovalGate


def metric(name: str, *, at_least: float | None = None, at_most: float | None = None) -> MetricGate:
    """The metric's confidence bound must keep `at_least` or `at_most` (or both).

    Args:
        name: auc, brier, log_loss, accuracy, mae or rmse.
    Raises: InvalidDeclaration if the metric is unknown or no bound is given.
    """
    return MetricGate(metric=name, at_least=_real(at_least), at_most=_real(at_most))


def not_worse_than_champion(metric: str, *, margin: float) -> ChampionGate:
    """On the same rows, the challenger must not be worse than the champion by `margin` or more, in units of the metric."""
    return ChampionGate(metric=metric, margin=float(margin))


def slices(
    metric: str, *, by: str, at_least: float | None = None, at_most: float | None = None, min_rows: int = 500
) -> SlicesGate:
    """Every value of column `by` that has `min_rows` rows must keep the bound."""
    return SlicesGate(metric=metric, by=by, at_least=_real(at_least), at_most=_real(at_most), min_rows=min_rows)


def beats_baseline(metric: str) -> BaselineGate:
    """The model must be better than the trivial one that always answers the base rate of the training rows."""
    return BaselineGate(metric=metric)


def latency(*, p99_ms: float) -> LatencyGate:
    """The 99th percentile of the time to answer must keep `p99_ms`, with confidence."""
    return LatencyGate(p99_ms=float(p99_ms))


def reproducible(at_least: ReproducedGrade = "B") -> ReproducibleGate:
    """The model must have been made again from its record, with this grade or a better one.

    Each training is then followed by a second one, in a process and an environment of its own, offline and without cache.

    Args:
        at_least: A: the same bytes. B: the same model by its canonical hash. C: the same scores. D: the same metrics.
    Raises: InvalidDeclaration if it is another letter.
    """
    return ReproducibleGate(at_least=at_least)


def approval(
    by: str, *, automatic: Envelope | None = None, self_approval: bool = False, expires: str = "7d"
) -> ApprovalGate:
    """A person must approve, unless the version lies inside the envelope approved in advance.

    Args:
        by: role or name of who is asked.
        self_approval: whether the one who trained may approve; say True where there is only one user.
        expires: how long a request waits for its answer, and how long the answer stands.
    """
    return ApprovalGate(by=by, automatic=automatic, self_approval=self_approval, expires=expires)


def envelope(
    *,
    metric: str,
    within: float,
    triggers: Sequence[str] = ("breach", "age", "labels"),
    first: bool = False,
) -> Envelope:
    """Approved in advance: a retraining of the loop itself, all other gates passed, and a metric that hardly moved.

    Args:
        metric, within: the paired difference to the champion on the same rows lies within ± `within`. A leap in
            either direction is for a person to look at: too good is how a leak looks.
        triggers: what may have set off the retraining.
        first: whether the very first version, which has no champion to be compared with, is approved too,
            whatever set off its training.
    """
    return Envelope(metric=metric, within=float(within), triggers=tuple(triggers), first=first)


def check_gates(gates: Sequence[Gate]) -> None:
    """Gates of one system must have different names: waivers and reports address them by name.

    Raises: InvalidDeclaration naming the gate that stands twice.
    """
    for name, times in Counter(gate.name for gate in gates).items():
        if times > 1:
            raise InvalidDeclaration(f"Gate {name!r} is declared {times} times. Declare it once, with both bounds.")


def policy_digest(gates: Sequence[Gate]) -> Digest:
    """The digest an approval binds to: any change of any gate changes it."""
    return digest_of(list(gates))


def metric_of(gate: MetricGate | ChampionGate | SlicesGate | BaselineGate | Envelope) -> Metric:
    return metric_named(gate.metric)


def _check_bounds(name: str, at_least: float | None, at_most: float | None) -> None:
    if at_least is None and at_most is None:
        raise InvalidDeclaration(f"Gate {name!r} asks for nothing: give at_least= or at_most=.")
    if at_least is not None and at_most is not None and at_least > at_most:
        raise InvalidDeclaration(f"Gate {name!r} asks for at least {at_least} and at most {at_most}: nothing is both.")


def _real(limit: float | None) -> float | None:
    """1 and 1.0 are one limit, so they must give one digest."""
    return None if limit is None else float(limit)
