"""Who may pass: the standing of a version from its report, waivers and approvals. Pure."""

from collections.abc import Sequence

import msgspec

from homeostat.core.clock import Micros, iso
from homeostat.core.digests import Digest, digest_of
from homeostat.core.errors import NotAllowed
from homeostat.registry.gate import ApprovalGate
from homeostat.registry.records import (
    Approval,
    GateReport,
    GateResult,
    Judged,
    ModelVersion,
    Standing,
    Waiver,
    verdict_of,
)


def subject(version: ModelVersion, report: GateReport) -> Digest:
    """The digest an approval binds to. Any change of model, data, code, environment, report or policy changes it."""
    return digest_of(
        {
            "model": version.model,
            "data": version.data,
            "code": version.code,
            "environment": version.environment,
            "report": report.digest,
            "policy": report.policy,
        }
    )


def approval_gate(report: GateReport) -> ApprovalGate | None:
    return next((gate for gate in report.gates if isinstance(gate, ApprovalGate)), None)


def standing(
    version: ModelVersion,
    judged: Judged | None,
    waivers: Sequence[Waiver],
    approvals: Sequence[Approval],
    now: Micros,
) -> Standing:
    """Whether `version` may become champion at `now`.

    Args:
        judged: its latest report, if any.
        waivers, approvals: all of this version, oldest first; those that speak of other digests do not count.
    """
    if version.status == "rejected":
        return Standing(verdict="blocked", why=f"{version.name} was rejected: {version.status_why}")
    if judged is None:
        return Standing(
            verdict="blocked",
            why=f"{version.name} has not been judged by the gates. The loop judges what it trains: homeostat retrain {version.system} "
            f"--why ...; and what clients register for a system of hs.registered: homeostat deploy {version.name} --why ...",
        )
    waived = {waiver.gate: waiver for waiver in waivers if waiver.report == judged.digest}
    bound = subject(version, judged.report)
    approval = next((one for one in reversed(approvals) if one.subject == bound and one.status != "void"), None)
    results = tuple(_now(result, waived.get(result.gate), approval, now) for result in judged.report.results)
    verdict = verdict_of(results)
    if verdict == "passed":
        return Standing(verdict=verdict, why="All gates are passed.", results=results, approval=approval)
    open_status = "failed" if verdict == "blocked" else "pending"
    why = " ".join(f"{one.gate}: {one.sentence}" for one in results if one.status == open_status)
    return Standing(verdict=verdict, why=why, results=results, approval=approval)


def _now(result: GateResult, waiver: Waiver | None, approval: Approval | None, now: Micros) -> GateResult:
    """A result as it stands after what people have said of it."""
    if result.status == "failed" and waiver is not None:
        return msgspec.structs.replace(
            result, status="waived", sentence=f"{result.sentence} Waived by {waiver.waived_by}: {waiver.why}"
        )
    if result.status != "pending" or approval is None:
        return result
    if approval.stands(now):
        return msgspec.structs.replace(
            result, status="passed", sentence=f"Approved by {approval.decided_by}: {approval.why}"
        )
    if approval.status == "denied":
        return msgspec.structs.replace(
            result, status="failed", sentence=f"Denied by {approval.decided_by}: {approval.why}"
        )
    if now >= approval.expires_at:
        what = "The approval" if approval.status == "granted" else "The request for approval"
        return msgspec.structs.replace(
            result,
            sentence=f"{what} expired at {iso(approval.expires_at)}. Waits for the approval of {approval.reviewer}.",
        )
    return result


def check_reviewer(version: ModelVersion, approval: Approval, by: str) -> None:
    """The one who trained a model does not approve it.

    Raises: NotAllowed saying how the policy could permit it.
    """
    if by == version.created_by and not approval.self_approval:
        raise NotAllowed(
            f"{by} trained {version.name} and cannot approve it too. Let somebody else approve, or, where there is only one "
            f"user, declare hs.gate.approval(by={approval.reviewer!r}, self_approval=True) and judge it again."
        )
