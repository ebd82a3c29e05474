"""What the registry keeps and what it judges."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest, digest_of
from homeostat.core.errors import BadData
from homeostat.registry.gate import Gate, policy_digest
from homeostat.registry.metrics import CONFIDENCE, Floats
from homeostat.store.lineage import Edge, node

# candidate: may pass. blocked: a gate failed; a waiver or another report lifts it. rejected: given up for good.
# champion: in production. retired: was champion, and may be again.
VersionStatus = Literal["candidate", "blocked", "rejected", "champion", "retired"]
GateStatus = Literal["passed", "failed", "waived", "not_applicable", "pending"]
Verdict = Literal["passed", "pending", "blocked"]
ApprovalStatus = Literal["requested", "granted", "denied", "void"]


class Reproduced(msgspec.Struct, frozen=True, kw_only=True):
    """What came of making the model again.

    Attributes:
        grade: A to D, or F if it came out otherwise or not at all.
        sentence: the same in plain words.
    """

    grade: str
    sentence: str


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Row-level evidence: every model scored on the same holdout rows.

    Attributes:
        labels: (n,) float64; 0 or 1 for classifiers.
        challenger: (n,) scores of the version that is judged.
        champion: (n,) scores of the champion, or None if there is none.
        baseline: (n,) what the trivial model answers, or None if it was not made.
        slices: columns to slice by, (n,) each.
        latency_ms: times to answer, any number of them, or None if they were not measured.
        reproduced: what came of making the challenger again, or None if that was not tried.
        trigger: what set off the training: `manual`, `breach`, `age`, `labels`.
        holdout: lineage node of the rows, such as `table:...`.
    """

    labels: Floats
    challenger: Floats
    champion: Floats | None = None
    baseline: Floats | None = None
    slices: Mapping[str, npt.NDArray[Any]] = {}
    latency_ms: Floats | None = None
    reproduced: Reproduced | None = None
    trigger: str = "manual"
    holdout: str = ""

    def __post_init__(self) -> None:
        rows = len(self.labels)
        for name in ("labels", "challenger", "champion", "baseline"):
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != (rows,):
                raise BadData(f"{name} has shape {values.shape}, labels ({rows},). Score every model on the same rows.")
            if not np.isfinite(values).all():
                bad = int((~np.isfinite(values)).sum())
                raise BadData(
                    f"{name} has {bad} of {rows} values that are not finite numbers. Judge labelled rows only."
                )
        for name, column in self.slices.items():
            if column.shape != (rows,):
                raise BadData(f"Slice column {name!r} has shape {column.shape}, labels ({rows},).")


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """One value of the column a gate slices by. `status` is `not_applicable` if it has too few rows."""

    key: str
    rows: int
    status: GateStatus
    value: float | None = None
    low: float | None = None
    high: float | None = None


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """One gate, judged.

    Attributes:
        gate: its name in the policy.
        value, low, high: the metric, paired difference (above zero: challenger better) or latency, with one-sided bounds;
            None if it could not be measured.
        needed: the limit in words, such as `at least 0.6`.
        sentence: the result in plain words.
    """

    gate: str
    status: GateStatus
    rows: int
    needed: str
    sentence: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    slices: tuple[Slice, ...] = ()


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """All gates of a policy judged on one evaluation. Immutable; approvals and waivers bind to its digest."""

    gates: tuple[Gate, ...]
    results: tuple[GateResult, ...]
    rows: int
    trigger: str
    holdout: str = ""
    confidence: float = CONFIDENCE

    @property
    def digest(self) -> Digest:
        return digest_of(self)

    @property
    def policy(self) -> Digest:
        return policy_digest(self.gates)

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.results)


def verdict_of(results: tuple[GateResult, ...]) -> Verdict:
    """A failed gate blocks; without one, a pending gate waits."""
    statuses = {result.status for result in results}
    if "failed" in statuses:
        return "blocked"
    return "pending" if "pending" in statuses else "passed"


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A model with a number in its system. The number is not used again unless the whole system is deleted.

    Attributes:
        canonical: canonical model hash, or empty.
        data: lineage nodes of what it was trained on.
        code, environment: digests, or empty.
        status_why: why it was blocked, rejected or retired.
        updated_at: when its description or stage was last changed.
        source: the address a client gave for it; empty for a model of a pipeline.
        logged_model: id of the logged model it was made from, or empty.
        stage: `None`, `Staging`, `Production` or `Archived`, for clients that know no aliases.
    """

    system: str
    number: int
    model: Digest
    run_id: str
    data: tuple[str, ...]
    code: str
    environment: str
    metrics: dict[str, float]
    status: VersionStatus
    created_at: Micros
    created_by: str
    canonical: str = ""
    status_why: str = ""
    updated_at: Micros = Micros(0)
    description: str = ""
    source: str = ""
    run_link: str = ""
    logged_model: str = ""
    stage: str = "None"

    @property
    def name(self) -> str:
        """`late-flights@3`."""
        return f"{self.system}@{self.number}"

    @property
    def node(self) -> str:
        return node("model-version", self.name)


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A request for approval and its answer.

    Attributes:
        subject: digest of all it speaks of: model, data, code, environment, gate report, policy.
        reviewer: the role or name that is asked.
        self_approval: whether the policy lets the one who trained approve.
        valid_for_us: how long a request waits, and how long a grant stands.
    """

    id: str
    system: str
    number: int
    subject: Digest
    reviewer: str
    self_approval: bool
    status: ApprovalStatus
    requested_at: Micros
    requested_by: str
    decided_at: Micros | None
    decided_by: str
    why: str
    valid_for_us: int
    expires_at: Micros

    def is_open(self, now: Micros) -> bool:
        """Whether it waits for an answer."""
        return self.status == "requested" and now < self.expires_at

    def stands(self, now: Micros) -> bool:
        """Whether it is granted and has not expired."""
        return self.status == "granted" and now < self.expires_at


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that a failed gate of one report shall not block."""

    system: str
    number: int
    report: Digest
    gate: str
    why: str
    waived_by: str
    waived_at: Micros


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it stands in the registry."""

    system: str
    number: int
    digest: Digest
    verdict: Verdict
    judged_at: Micros
    report: GateReport


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a version may become champion now: its latest report with waivers and approval applied.

    Attributes:
        verdict: `passed` may be promoted; `pending` waits for an approval; `blocked` may not.
        why: in plain words.
        results: the gates as they stand now.
        approval: the one that counts, asked for or given, if any.
    """

    verdict: Verdict
    why: str
    results: tuple[GateResult, ...] = ()
    approval: Approval | None = None


class AliasMove(msgspec.Struct, frozen=True, kw_only=True):
    """One stop of an alias."""

    system: str
    alias: str
    number: int
    moved_at: Micros
    actor: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one version."""

    version: ModelVersion
    standing: Standing
    aliases: tuple[str, ...]
    reports: tuple[Judged, ...]
    approvals: tuple[Approval, ...]
    waivers: tuple[Waiver, ...]
    lineage: tuple[Edge, ...]
