"""Tables of the monitor: figures by week and day, readings of setpoints, reference histograms, progress."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from homeostat.store.db.schema.store import metadata

# One row for each system: what has been read of its observation log.
observed = Table(
    "observed",
    metadata,
    Column("system", String(128), primary_key=True),
    Column("body", Text, nullable=False),
)

# Figures by prediction time; `unit` is `week` or `day`.
figures = Table(
    "figures",
    metadata,
    Column("system", String(128), primary_key=True),
    Column("unit", String(8), primary_key=True),
    Column("start_at", BigInteger, primary_key=True),
    Column("body", Text, nullable=False),
)

# A row when the state of a setpoint changes, and one a day.
readings = Table(
    "readings",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("system", String(128), nullable=False),
    Column("setpoint", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("value", Float),
    Column("body", Text, nullable=False),
    Index("ix_readings_system_setpoint_id", "system", "setpoint", "id"),
)

# What the inputs and the score looked like when the model of this version was made.
drift_references = Table(
    "drift_references",
    metadata,
    Column("system", String(128), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("set_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
