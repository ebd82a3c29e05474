"""The verbs of the registry.

Verbs that take a `Connection` first take part in the caller's transaction; `approve`, `deny` and `waive` are people's
words and a transaction each.
"""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, insert, select, update

from homeostat.core.clock import Clock, Micros
from homeostat.core.digests import Digest, canonical_json
from homeostat.core.durations import duration_us
from homeostat.core.errors import ApprovalNeeded, GateBlocked, NotAllowed, NotFound, UserError
from homeostat.core.ids import check_name, new_id
from homeostat.registry import catalog, queries
from homeostat.registry.facts import (
    ApprovalDenied,
    ApprovalGranted,
    ApprovalRequested,
    GatesJudged,
    GateWaived,
    ModelPromoted,
    ModelRegistered,
    ModelRejected,
)
from homeostat.registry.records import (
    Approval,
    ApprovalStatus,
    GateReport,
    Judged,
    ModelVersion,
    Standing,
    VersionStatus,
    Waiver,
)
from homeostat.registry.rules import approval_gate, check_reviewer, subject
from homeostat.store import ledger, lineage
from homeostat.store.db import Database
from homeostat.store.db.schema.registry import alias_moves, approvals, gate_reports, model_versions, waivers
from homeostat.store.lineage import Edge, node

CHAMPION = "champion"


class Registry:
    """Model versions, their gates and their way to production. Safe for threads and processes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def register(
        self,
        connection: Connection,
        system: str,
        *,
        model: Digest,
        run_id: str,
        data: Sequence[str] = (),
        code: str = "",
        environment: str = "",
        metrics: Mapping[str, float] | None = None,
        canonical: str = "",
        by: str = "local",
    ) -> ModelVersion:
        """Give a model its number in `system`. The same model of the same run gets the number it has.

        Args:
            data: lineage nodes of what it was trained on, such as `dataset:flights@12`.
            code, environment: digests of what made it, or empty.
            canonical: canonical model hash, or empty.
        """
        check_name("system", system)
        known = connection.execute(
            select(model_versions.c.number).where(
                model_versions.c.system == system,
                model_versions.c.model == model,
                model_versions.c.run_id == run_id,
            )
        ).scalar()
        if known is not None:
            return queries.version(connection, system, known)
        now = self._clock.now()
        version = ModelVersion(
            system=system,
            number=catalog.next_number(connection, system, now),
            model=model,
            canonical=canonical,
            run_id=run_id,
            data=tuple(data),
            code=code,
            environment=environment,
            metrics=dict(metrics or {}),
            status="candidate",
            created_at=now,
            created_by=by,
            updated_at=now,
        )
        connection.execute(insert(model_versions).values(catalog.row(version)))
        lineage.record(connection, now, _origins(version))
        ledger.append(
            connection,
            now,
            ModelRegistered(system=system, actor=by, number=version.number, model=model, run_id=run_id),
        )
        return version

    def report(
        self, connection: Connection, system: str, number: int, report: GateReport, *, by: str = "controller"
    ) -> Judged:
        """Keep what the gates said. What was approved or waived for an earlier, different report is void from now on."""
        version = queries.version(connection, system, number)
        now, digest = self._clock.now(), report.digest
        connection.execute(
            insert(gate_reports).values(
                system=system,
                number=number,
                digest=digest,
                verdict=report.verdict,
                body=canonical_json(report).decode(),
                judged_at=now,
            )
        )
        connection.execute(
            update(approvals)
            .where(
                approvals.c.system == system,
                approvals.c.number == number,
                approvals.c.subject != subject(version, report),
                approvals.c.status.in_(("requested", "granted")),
            )
            .values(status="void")
        )
        self._settle(connection, version, now)
        edges = [Edge(version.node, node("report", digest), "gates")]
        edges.append(Edge(node("report", digest), node("model", version.model), "judged"))
        if report.holdout:
            edges.append(Edge(node("report", digest), report.holdout, "holdout"))
        lineage.record(connection, now, edges)
        ledger.append(
            connection,
            now,
            GatesJudged(
                system=system,
                actor=by,
                number=number,
                report=digest,
                verdict=report.verdict,
                failed=tuple(one.gate for one in report.results if one.status == "failed"),
                pending=tuple(one.gate for one in report.results if one.status == "pending"),
            ),
        )
        return Judged(system=system, number=number, digest=digest, verdict=report.verdict, judged_at=now, report=report)

    def measured(self, connection: Connection, system: str, number: int, metrics: Mapping[str, float]) -> None:
        """Write on a version's card what it measured on the rows it was judged on."""
        where = (model_versions.c.system == system) & (model_versions.c.number == number)
        connection.execute(update(model_versions).where(where).values(metrics=canonical_json(dict(metrics)).decode()))

    def standing(self, connection: Connection, system: str, number: int) -> Standing:
        """Whether a version may become champion now, with waivers and approvals applied."""
        return queries.standing(connection, queries.version(connection, system, number), self._clock.now())

    def promote(
        self, connection: Connection, system: str, number: int, *, by: str, alias: str = CHAMPION
    ) -> ModelVersion:
        """Point `alias` at a version. What has been champion before may be again; another must have passed its gates.

        Raises: GateBlocked or ApprovalNeeded if the alias is `champion` and the version may not be it.
        """
        check_name("alias", alias)
        version, now = queries.version(connection, system, number), self._clock.now()
        previous = queries.alias(connection, system, alias)
        if previous == number:
            return version
        if alias == CHAMPION:
            if version.status != "retired":
                self._check_standing(connection, version, now)
            _set_status(connection, system, number, "champion", "")
            if previous is not None:
                _set_status(connection, system, previous, "retired", f"{version.name} took over.")
        is_return = queries.has_held(connection, system, alias, number)
        connection.execute(
            insert(alias_moves).values(system=system, alias=alias, number=number, moved_at=now, actor=by)
        )
        ledger.append(
            connection,
            now,
            ModelPromoted(system=system, actor=by, number=number, alias=alias, previous=previous, is_return=is_return),
        )
        return queries.version(connection, system, number)

    def reject(self, connection: Connection, system: str, number: int, *, why: str, by: str) -> ModelVersion:
        """Give a version up for good: it never becomes champion (again). Rejecting it twice changes nothing.

        Raises: NotAllowed if it is the champion.
        """
        version = queries.version(connection, system, number)
        if version.status == "rejected":
            return version
        if version.status == "champion":
            raise NotAllowed(
                f"{version.name} is the champion and cannot be rejected. Promote another version first: "
                f"homeostat rollback {system}"
            )
        _set_status(connection, system, number, "rejected", why)
        ledger.append(connection, self._clock.now(), ModelRejected(system=system, actor=by, number=number, why=why))
        return queries.version(connection, system, number)

    def champion(self, connection: Connection | None, system: str) -> ModelVersion | None:
        """The version in production; without a connection, in a read of its own."""
        if connection is not None:
            return queries.champion(connection, system)
        with self._database.read() as own:
            return queries.champion(own, system)

    def request_approval(self, connection: Connection, system: str, number: int, *, by: str = "controller") -> Approval:
        """Ask for the approval the policy wants. A request that is open, or granted and standing, is returned as it is.

        Raises: NotAllowed if the same has been denied. UserError if the version waits for none.
        """
        version, now = queries.version(connection, system, number), self._clock.now()
        judged, standing = queries.latest_report(connection, system, number), self.standing(connection, system, number)
        found = standing.approval
        if found is not None and (found.is_open(now) or found.stands(now)):
            return found
        if found is not None and found.status == "denied":
            raise NotAllowed(
                f"{found.decided_by} denied {version.name}: {found.why}. Change the model or the policy, and judge it again."
            )
        gate = None if judged is None else approval_gate(judged.report)
        if judged is None or gate is None or all(one.status != "pending" for one in standing.results):
            raise UserError(f"{version.name} waits for no approval. {standing.why}")
        valid_for_us = duration_us(gate.expires)
        approval = Approval(
            id=new_id("approval", now),
            system=system,
            number=number,
            subject=subject(version, judged.report),
            reviewer=gate.by,
            self_approval=gate.self_approval,
            status="requested",
            requested_at=now,
            requested_by=by,
            decided_at=None,
            decided_by="",
            why="",
            valid_for_us=valid_for_us,
            expires_at=Micros(now + valid_for_us),
        )
        connection.execute(
            insert(approvals).values({name: getattr(approval, name) for name in approval.__struct_fields__})
        )
        lineage.record(connection, now, [Edge(node("approval", approval.id), node("report", judged.digest), "subject")])
        ledger.append(
            connection,
            now,
            ApprovalRequested(
                system=system,
                actor=by,
                number=number,
                approval=approval.id,
                subject=approval.subject,
                reviewer=approval.reviewer,
            ),
        )
        return approval

    def approve(self, system: str, number: int, *, by: str, why: str) -> Approval:
        """Grant the open request, in a transaction of its own.

        Raises: NotFound if none is open. NotAllowed if `by` trained the model and the policy does not permit that.
        """
        with self._database.write() as connection:
            version, approval = self._open_request(connection, system, number)
            check_reviewer(version, approval, by)
            granted = self._decide(connection, approval, "granted", by, why)
            now = self._clock.now()
            lineage.record(connection, now, [Edge(version.node, node("approval", approval.id), "approval")])
            ledger.append(
                connection,
                now,
                ApprovalGranted(
                    system=system, actor=by, number=number, approval=approval.id, subject=approval.subject, why=why
                ),
            )
            return granted

    def deny(self, system: str, number: int, *, by: str, why: str) -> Approval:
        """Refuse the open request, in a transaction of its own. Anyone may, also the one who trained.

        Raises: NotFound if none is open.
        """
        with self._database.write() as connection:
            version, approval = self._open_request(connection, system, number)
            denied = self._decide(connection, approval, "denied", by, why)
            now = self._clock.now()
            self._settle(connection, version, now)
            ledger.append(
                connection,
                now,
                ApprovalDenied(
                    system=system, actor=by, number=number, approval=approval.id, subject=approval.subject, why=why
                ),
            )
            return denied

    def waive(self, system: str, number: int, gate: str, *, why: str, by: str) -> Waiver:
        """Let a failed gate of the latest report not block, in a transaction of its own.

        Raises: NotFound if the latest report has no such gate. NotAllowed if there is nothing to waive, if the version
            was given up, or if `by` trained it and an approval by others is asked for.
        """
        if not why.strip():
            raise UserError(f"A waiver of {gate!r} for {system}@{number} needs a reason: --why ...")
        with self._database.write() as connection:
            version, now = queries.version(connection, system, number), self._clock.now()
            judged = queries.latest_report(connection, system, number)
            results = {} if judged is None else {one.gate: one for one in judged.report.results}
            if judged is None or gate not in results:
                known = ", ".join(results) or "none: it has not been judged"
                raise NotFound(f"The latest report of {version.name} has no gate {gate!r}. It has: {known}.")
            if results[gate].status != "failed" or version.status == "rejected":
                raise NotAllowed(
                    f"Gate {gate!r} of {version.name} is {results[gate].status} and the version {version.status}: "
                    f"only a failed gate of a version that was not given up can be waived."
                )
            policy = approval_gate(judged.report)
            if policy is not None and not policy.self_approval and by == version.created_by:
                raise NotAllowed(
                    f"{by} trained {version.name} and cannot waive its gates too. Let somebody else do it."
                )
            waiver = Waiver(
                system=system,
                number=number,
                report=judged.digest,
                gate=gate,
                why=why,
                waived_by=by,
                waived_at=now,
            )
            connection.execute(
                insert(waivers).values({name: getattr(waiver, name) for name in waiver.__struct_fields__})
            )
            self._settle(connection, version, now)
            ledger.append(
                connection,
                now,
                GateWaived(system=system, actor=by, number=number, report=judged.digest, gate=gate, why=why),
            )
            return waiver

    def _check_standing(self, connection: Connection, version: ModelVersion, now: Micros) -> None:
        standing = queries.standing(connection, version, now)
        if standing.verdict == "blocked":
            raise GateBlocked(
                f"{version.name} cannot become champion. {standing.why} "
                f"Train a better one, or record a waiver: homeostat waive {version.name} GATE --why ..."
            )
        if standing.verdict == "pending":
            raise ApprovalNeeded(
                f"{version.name} cannot become champion yet. {standing.why} "
                f"Approve it: homeostat approve {version.name} --why ..."
            )

    def _open_request(self, connection: Connection, system: str, number: int) -> tuple[ModelVersion, Approval]:
        version, now = queries.version(connection, system, number), self._clock.now()
        standing = queries.standing(connection, version, now)
        if standing.approval is None or not standing.approval.is_open(now):
            raise NotFound(f"No request for approval of {version.name} is open. {standing.why}")
        return version, standing.approval

    def _decide(
        self, connection: Connection, approval: Approval, status: ApprovalStatus, by: str, why: str
    ) -> Approval:
        now = self._clock.now()
        decision = {
            "status": status,
            "decided_at": now,
            "decided_by": by,
            "why": why,
            "expires_at": now + approval.valid_for_us,
        }
        connection.execute(update(approvals).where(approvals.c.id == approval.id).values(decision))
        return msgspec.structs.replace(approval, **decision)

    def _settle(self, connection: Connection, version: ModelVersion, now: Micros) -> None:
        """Let the status of a version that never was champion follow its standing."""
        if version.status in ("candidate", "blocked"):
            standing = queries.standing(connection, version, now)
            is_blocked = standing.verdict == "blocked"
            _set_status(
                connection,
                version.system,
                version.number,
                "blocked" if is_blocked else "candidate",
                standing.why if is_blocked else "",
            )


def _set_status(connection: Connection, system: str, number: int, status: VersionStatus, why: str) -> None:
    connection.execute(
        update(model_versions)
        .where(model_versions.c.system == system, model_versions.c.number == number)
        .values(status=status, status_why=why)
    )


def _origins(version: ModelVersion) -> list[Edge]:
    edges = [Edge(version.node, node("model", version.model), "model")]
    edges += [Edge(version.node, name, "data") for name in version.data]
    for kind, key in (("run", version.run_id), ("code", version.code), ("environment", version.environment)):
        if key:
            edges.append(Edge(version.node, node(kind, key), kind))
    return edges
