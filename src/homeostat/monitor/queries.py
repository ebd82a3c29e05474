"""What the monitor has found, for pages and reports; any process may ask."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy import Connection, func, select

from homeostat.core.clock import Micros
from homeostat.monitor.records import Figures, Ingested, Reading
from homeostat.store.db.schema.monitor import figures as figures_table
from homeostat.store.db.schema.monitor import observed, readings


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


def _decoded(bodies: Sequence[str]) -> list[Reading]:
    return [msgspec.json.decode(body, type=Reading) for body in bodies]
