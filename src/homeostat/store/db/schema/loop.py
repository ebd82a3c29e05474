"""Tables of the control loop."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from homeostat.store.db.schema.store import metadata

# What the user declared, as data, so that no door has to import user code to show it.
systems = Table(
    "systems",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("declaration", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("declared_at", BigInteger, nullable=False),
)

# One row per system: where its model is on the way from training to production, and who works on it now.
loops = Table(
    "loops",
    metadata,
    Column("system", String(128), primary_key=True),
    Column("phase", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("wake_at", BigInteger, nullable=False),
    Column("owner", String(128)),
    Column("lease_until_wall", Float),
    Column("fence", Integer, nullable=False),
    Index("ix_loops_wake_at", "wake_at"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("system", String(128), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("verdict", String(32), nullable=False),
    Column("phase", String(32), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Index("ix_decisions_system_id", "system", "id"),
    Index("ix_decisions_system_verdict_at", "system", "verdict", "at"),
)

# What people ask of the loop; handled once, in the transaction of what was done about it.
commands = Table(
    "commands",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("system", String(128), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("asked_by", String(128), nullable=False),
    Column("handled_at", BigInteger),
    Index("ix_commands_system_handled_at", "system", "handled_at"),
)
