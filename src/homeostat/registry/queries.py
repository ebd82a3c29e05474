"""Reads of the registry, in the caller's transaction."""

from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, RowMapping, Select, func, select

from homeostat.core.clock import Micros
from homeostat.core.errors import NotFound
from homeostat.registry.records import AliasMove, Approval, Card, GateReport, Judged, ModelVersion, Standing, Waiver
from homeostat.registry.rules import standing as standing_of
from homeostat.store.db.schema.registry import alias_moves, approvals, gate_reports, model_versions, waivers
from homeostat.store.lineage import upstream

_Record = TypeVar("_Record", Approval, Waiver, AliasMove)


def version(connection: Connection, system: str, number: int) -> ModelVersion:
    """Raises: NotFound naming the version and the latest there is."""
    row = (
        connection.execute(
            select(model_versions).where(model_versions.c.system == system, model_versions.c.number == number)
        )
        .mappings()
        .first()
    )
    if row is None:
        latest = latest_number(connection, system)
        raise NotFound(
            f"There is no model version {system}@{number}. "
            + (f"The latest is {system}@{latest}." if latest else f"{system} has none yet: train one.")
        )
    return version_of(row)


def newest_unjudged(connection: Connection, system: str) -> int | None:
    """The newest version of a system, if no gates have judged it yet."""
    number = latest_number(connection, system)
    if number == 0 or latest_report(connection, system, number) is not None:
        return None
    return number


def runs_of_models(connection: Connection) -> set[str]:
    """The runs that made the registered versions."""
    return set(connection.execute(select(model_versions.c.run_id).distinct()).scalars())


def made_by(connection: Connection, run_id: str) -> list[tuple[str, int]]:
    """System and number of the versions that a run made."""
    query = select(model_versions.c.system, model_versions.c.number).where(model_versions.c.run_id == run_id)
    rows = connection.execute(query.order_by(model_versions.c.system, model_versions.c.number))
    return [(row.system, row.number) for row in rows]


def latest_number(connection: Connection, system: str) -> int:
    """0 if the system has no version."""
    found = connection.execute(
        select(func.max(model_versions.c.number)).where(model_versions.c.system == system)
    ).scalar()
    return int(found or 0)


def versions(
    connection: Connection, system: str | None = None, *, limit: int = 100, before: int | None = None
) -> list[ModelVersion]:
    """Newest first; `before` is the number to go on from (of one system)."""
    query = select(model_versions).order_by(
        model_versions.c.created_at.desc(), model_versions.c.system, model_versions.c.number.desc()
    )
    if system is not None:
        query = query.where(model_versions.c.system == system)
    if before is not None:
        query = query.where(model_versions.c.number < before)
    return [version_of(row) for row in connection.execute(query.limit(limit)).mappings()]


def systems(connection: Connection) -> list[str]:
    """Every system that has a version."""
    return list(
        connection.execute(select(model_versions.c.system).distinct().order_by(model_versions.c.system)).scalars()
    )


def alias(connection: Connection, system: str, name: str) -> int | None:
    """The number an alias points at."""
    found = connection.execute(
        select(alias_moves.c.number)
        .where(alias_moves.c.system == system, alias_moves.c.alias == name)
        .order_by(alias_moves.c.id.desc())
        .limit(1)
    ).scalar()
    return int(found) if found else None  # 0: it was taken away


def champion(connection: Connection, system: str) -> ModelVersion | None:
    number = alias(connection, system, "champion")
    return None if number is None else version(connection, system, number)


def alias_history(connection: Connection, system: str, name: str = "champion", *, limit: int = 100) -> list[AliasMove]:
    """Where an alias has pointed, newest first."""
    return _records(
        connection,
        select(alias_moves)
        .where(alias_moves.c.system == system, alias_moves.c.alias == name)
        .order_by(alias_moves.c.id.desc())
        .limit(limit),
        AliasMove,
    )


def has_held(connection: Connection, system: str, name: str, number: int) -> bool:
    """Whether an alias has ever pointed at this version."""
    return (
        connection.execute(
            select(alias_moves.c.id)
            .where(alias_moves.c.system == system, alias_moves.c.alias == name, alias_moves.c.number == number)
            .limit(1)
        ).first()
        is not None
    )


def reports(connection: Connection, system: str, number: int, *, limit: int = 20) -> list[Judged]:
    """Reports of one version, newest first."""
    query = (
        select(gate_reports)
        .where(gate_reports.c.system == system, gate_reports.c.number == number)
        .order_by(gate_reports.c.id.desc())
        .limit(limit)
    )
    return [
        Judged(
            system=row.system,
            number=row.number,
            digest=row.digest,
            verdict=row.verdict,
            judged_at=row.judged_at,
            report=msgspec.json.decode(row.body, type=GateReport),
        )
        for row in connection.execute(query)
    ]


def latest_report(connection: Connection, system: str, number: int) -> Judged | None:
    return next(iter(reports(connection, system, number, limit=1)), None)


def approvals_of(connection: Connection, system: str, number: int) -> list[Approval]:
    """Oldest first."""
    return _records(
        connection,
        select(approvals)
        .where(approvals.c.system == system, approvals.c.number == number)
        .order_by(approvals.c.requested_at, approvals.c.id),
        Approval,
    )


def pending_approvals(connection: Connection, now: Micros, system: str | None = None) -> list[Approval]:
    """Requests that wait for an answer, oldest first."""
    query = select(approvals).where(approvals.c.status == "requested", approvals.c.expires_at > now)
    if system is not None:
        query = query.where(approvals.c.system == system)
    return _records(connection, query.order_by(approvals.c.requested_at), Approval)


def waivers_of(connection: Connection, system: str, number: int) -> list[Waiver]:
    """Oldest first."""
    return _records(
        connection,
        select(waivers).where(waivers.c.system == system, waivers.c.number == number).order_by(waivers.c.id),
        Waiver,
    )


def standing(connection: Connection, found: ModelVersion, now: Micros) -> Standing:
    """Whether a version may become champion at `now`."""
    return standing_of(
        found,
        latest_report(connection, found.system, found.number),
        waivers_of(connection, found.system, found.number),
        approvals_of(connection, found.system, found.number),
        now,
    )


def card(connection: Connection, system: str, number: int, now: Micros) -> Card:
    """All that is known of one version, for its page.

    Raises: NotFound if there is none of that number.
    """
    found = version(connection, system, number)
    names = connection.execute(select(alias_moves.c.alias).where(alias_moves.c.system == system).distinct()).scalars()
    return Card(
        version=found,
        standing=standing(connection, found, now),
        aliases=tuple(sorted(name for name in names if alias(connection, system, name) == number)),
        reports=tuple(reports(connection, system, number)),
        approvals=tuple(approvals_of(connection, system, number)),
        waivers=tuple(waivers_of(connection, system, number)),
        lineage=tuple(upstream(connection, found.node)),
    )


def version_of(row: RowMapping) -> ModelVersion:
    """A version from a row that has its columns."""
    structured = {"data": tuple(msgspec.json.decode(row["data"])), "metrics": msgspec.json.decode(row["metrics"])}
    return ModelVersion(**{name: row[name] for name in ModelVersion.__struct_fields__} | structured)


def _records(connection: Connection, query: Select[Any], record: type[_Record]) -> list[_Record]:
    return [
        record(**{name: row[name] for name in record.__struct_fields__}) for row in connection.execute(query).mappings()
    ]
