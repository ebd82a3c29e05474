"""What happens in the registry."""

from typing import ClassVar

from homeostat.core.digests import Digest
from homeostat.core.facts import Fact


class ModelRegistered(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "model-registered"

    number: int
    model: Digest
    run_id: str


class GatesJudged(Fact, frozen=True, kw_only=True):
    """`failed` names the gates that block, `pending` those that wait."""

    kind: ClassVar[str] = "gates-judged"

    number: int
    report: Digest
    verdict: str
    failed: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


class ModelPromoted(Fact, frozen=True, kw_only=True):
    """`previous` is the number the alias pointed at before; `is_return` if this version had held it already."""

    kind: ClassVar[str] = "model-promoted"

    number: int
    alias: str
    previous: int | None = None
    is_return: bool = False


class ModelRejected(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "model-rejected"

    number: int
    why: str


class ApprovalRequested(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "approval-requested"

    number: int
    approval: str
    subject: Digest
    reviewer: str


class ApprovalGranted(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "approval-granted"

    number: int
    approval: str
    subject: Digest
    why: str


class ApprovalDenied(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "approval-denied"

    number: int
    approval: str
    subject: Digest
    why: str


class GateWaived(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "gate-waived"

    number: int
    report: Digest
    gate: str
    why: str
