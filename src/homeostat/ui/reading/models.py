"""Model versions, their gates and approvals."""

from collections.abc import Sequence

from sqlalchemy import Connection

from homeostat.core.clock import Micros
from homeostat.core.digests import short
from homeostat.registry import queries as registry
from homeostat.registry.records import Approval, GateResult, ModelVersion, Standing
from homeostat.reproduction import queries as reproductions
from homeostat.reproduction.queries import Kept
from homeostat.reproduction.rules import told
from homeostat.ui import formats
from homeostat.ui.contexts import ApprovalStatus, Gate, ModelPage, ModelRow, ModelsPage, Pair, Reproduced
from homeostat.ui.reading.events import trials_of
from homeostat.ui.reading.here import PAGE_ROWS, Here

_TRIGGERS = {
    "first": "the first version",
    "breach": "a setpoint was breached",
    "age": "the champion was old",
    "labels": "enough new labels",
    "asked": "a person asked",
    "manual": "a person asked",
}
_PACKAGES = {
    "rebuilt": "Packages were installed from the lock.",
    "same": "Packages were those of whoever asked for it, which are the recorded ones.",
    "other": "Packages were those of whoever asked for it, which are not the recorded ones.",
}
_LEADING = ("auc", "brier", "log_loss", "rmse")


def page(connection: Connection, here: Here, *, system: str, before: int | None) -> ModelsPage:
    """Versions of one system page by number; of all systems, the newest are shown."""
    known = registry.systems(connection)
    chosen = system or (known[0] if len(known) == 1 else "")
    found = registry.versions(connection, chosen or None, limit=PAGE_ROWS + 1, before=before if chosen else None)
    shown = found[:PAGE_ROWS]
    kept = {name: reproductions.latest(connection, name) for name in {version.system for version in shown}}
    has_older = bool(chosen) and len(found) > PAGE_ROWS
    return ModelsPage(
        **here.frame,
        sentence=_sentence(connection, here, known),
        models=tuple(
            _row(connection, version, here.now, kept[version.system].get(version.number)) for version in shown
        ),
        systems=tuple(known),
        system=system,
        older=shown[-1].number if has_older else None,
    )


def one(connection: Connection, here: Here, system: str, number: int) -> ModelPage:
    """Raises: NotFound if there is no such version."""
    version = registry.version(connection, system, number)
    standing = registry.standing(connection, version, here.now)
    kept = reproductions.latest(connection, system).get(number)
    return ModelPage(
        **here.frame,
        sentence=f"{system} v{number}: {standing.why}",
        model=_row(connection, version, here.now, kept),
        gates=tuple(_gate(result) for result in standing.results),
        approval_sentence=_approval(standing.approval, here.now),
        provenance=_provenance(version),
        history=trials_of(connection, system, number),
        reproduced=None if kept is None else _reproduced(kept, here),
    )


def _sentence(connection: Connection, here: Here, systems: Sequence[str]) -> str:
    if not systems:
        return "No model was trained yet."
    champions = [f"{name} v{number}" for name in systems if (number := registry.alias(connection, name, "champion"))]
    waiting = [f"{one.system} v{one.number}" for one in registry.pending_approvals(connection, here.now)]
    parts = [f"In production: {', '.join(champions)}" if champions else "No model is in production yet"]
    if waiting:
        parts.append(f"waiting for approval: {', '.join(waiting)}")
    return "; ".join(parts) + "."


def _row(connection: Connection, version: ModelVersion, now: Micros, kept: Kept | None) -> ModelRow:
    standing = registry.standing(connection, version, now)
    applied = [result for result in standing.results if result.status != "not_applicable"]
    latest = registry.latest_report(connection, version.system, version.number)
    is_champion = registry.alias(connection, version.system, "champion") == version.number
    return ModelRow(
        system=version.system,
        number=version.number,
        digest=version.model,
        aliases=("champion",) if is_champion else (),
        status=version.status,
        created_at=version.created_at,
        metrics=tuple(
            Pair(name=name, value=formats.number(version.metrics[name])) for name in _LEADING if name in version.metrics
        ),
        gates_passed=sum(result.status in {"passed", "waived"} for result in applied),
        gates_total=len(applied),
        approval=_approval_status(standing),
        trigger=_TRIGGERS.get(latest.report.trigger, latest.report.trigger) if latest else "",
        grade="" if kept is None else kept.fact.grade,
    )


def _reproduced(kept: Kept, here: Here) -> Reproduced:
    made = kept.record(here.objects)
    return Reproduced(
        grade=made.grade,
        sentence=made.sentence,
        at=kept.at,
        packages=_PACKAGES[made.environment] + (f" ({made.environment_why})" if made.environment_why else ""),
        differences=tuple(told(difference) for difference in made.differences),
        cause=made.cause,
    )


def _approval_status(standing: Standing) -> ApprovalStatus:
    return standing.approval.status if standing.approval else "not_needed"


def _approval(approval: Approval | None, now: Micros) -> str:
    if approval is None:
        return ""
    if approval.decided_at is not None:
        when = formats.ago(approval.decided_at, now)
        why = f": {approval.why}" if approval.why else ""
        return f"{approval.status.capitalize()} by {approval.decided_by} {when}{why}."
    until = formats.exact(approval.expires_at)
    return f"Asked of {approval.reviewer} {formats.ago(approval.requested_at, now)}; open until {until}."


def _gate(result: GateResult) -> Gate:
    worst = [f"{one.key} {formats.number(one.value)}" for one in result.slices if one.status == "failed"]
    return Gate(
        name=result.gate,
        status=result.status,
        needed=result.needed,
        sentence=result.sentence + (f" Failing: {', '.join(worst)}." if worst else ""),
        value=result.value,
        low=result.low,
        high=result.high,
        rows=result.rows,
    )


def _provenance(version: ModelVersion) -> tuple[Pair, ...]:
    pairs = [Pair(name="run", value=version.run_id, href=f"/runs/{version.run_id}")] if version.run_id else []
    for node in version.data:
        kind, _, key = node.partition(":")
        is_dataset = kind == "dataset"
        value = key if is_dataset else f"{kind} {short(key)}"
        pairs.append(Pair(name="data", value=value, href=f"/data/{key.replace('@', '/')}" if is_dataset else ""))
    digests = {"code": version.code, "environment": version.environment, "canonical hash": version.canonical}
    pairs += [Pair(name=name, value=digest, is_digest=True) for name, digest in digests.items() if digest]
    pairs.append(Pair(name="made by", value=version.created_by))
    return tuple(pairs)
