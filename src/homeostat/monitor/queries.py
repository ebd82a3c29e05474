"""What the monitor has found, for pages and reports; any process may ask."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy import Connection, func, select

from homeostat.core.clock import Micros
from homeostat.monitor.inputs import Reference
from homeostat.monitor.records import Drifted, Figures, Ingested, Reading
from homeostat.store.db.schema.monitor import drift_references, observed, readings
from homeostat.store.db.schema.monitor import figures as figures_table


def figures(connection: Connection, system: str, unit: Literal["week", "day"] = "week") -> list[Figures]:
    """Figures of every week or day that has predictions, oldest first."""
    query = (
        select(figures_table.c.body)
        .where(figures_table.c.system == system, figures_table.c.unit == unit)
        .order_by(figures_table.c.start_at)
    )
    return [msgspec.json.decode(body, type=Figures) for body in connection.execute(query).scalars()]


def ingested(connection: Connection, system: str) -> Ingested:
    """What has been read of the observation log; all zero before the first time."""
    body = connection.execute(select(observed.c.body).where(observed.c.system == system)).scalar()
    return msgspec.json.decode(body, type=Ingested) if body else Ingested()


def latest_readings(connection: Connection, system: str) -> list[Reading]:
    """The newest kept reading of each setpoint, by name."""
    newest = select(func.max(readings.c.id)).where(readings.c.system == system).group_by(readings.c.setpoint)
    query = select(readings.c.body).where(readings.c.id.in_(newest)).order_by(readings.c.setpoint)
    return _decoded(connection.execute(query).scalars().all())


def reading_history(
    connection: Connection, system: str, setpoint: str, *, since: Micros | None = None, limit: int = 1000
) -> list[Reading]:
    """The newest `limit` kept readings of a setpoint since an instant, oldest first."""
    query = select(readings.c.body).where(readings.c.system == system, readings.c.setpoint == setpoint)
    if since is not None:
        query = query.where(readings.c.at >= since)
    bodies = connection.execute(query.order_by(readings.c.id.desc()).limit(limit)).scalars().all()
    return _decoded(bodies[::-1])


def drift_by_feature(
    connection: Connection, system: str, setpoint: str, *, since: Micros | None = None
) -> list[Drifted]:
    """Distances of each feature in the kept readings of a drift setpoint, oldest first: rows of a heat map."""
    return [
        Drifted(
            at=reading.at,
            feature=entry["feature"],
            distance=entry[setpoint.removeprefix("drift:")],
            is_significant=entry["is_significant"],
        )
        for reading in reading_history(connection, system, setpoint, since=since)
        for entry in reading.evidence.get("features", ())
    ]


def reference(connection: Connection, system: str) -> Reference | None:
    """The reference for drift that was set last; None if none was."""
    query = select(drift_references.c.body).where(drift_references.c.system == system)
    newest = query.order_by(drift_references.c.set_at.desc(), drift_references.c.version.desc()).limit(1)
    body = connection.execute(newest).scalar()
    return msgspec.json.decode(body, type=Reference) if body else None


def reference_mark(connection: Connection, system: str) -> tuple[Micros, int] | None:
    """When that reference was set, and of which version: what tells it from another; None if none was."""
    newest = (
        select(drift_references.c.set_at, drift_references.c.version)
        .where(drift_references.c.system == system)
        .order_by(drift_references.c.set_at.desc(), drift_references.c.version.desc())
        .limit(1)
    )
    row = connection.execute(newest).first()
    return None if row is None else (Micros(row.set_at), row.version)


def _decoded(bodies: Sequence[str]) -> list[Reading]:
    return [msgspec.json.decode(body, type=Reading) for body in bodies]
