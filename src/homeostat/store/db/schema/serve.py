"""Tables of serving: desired deployments, what gateways serve, and how much they answered."""

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, Text

from homeostat.store.db.schema.store import metadata

deployments = Table(
    "deployments",
    metadata,
    Column("system", String(128), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("body", Text, nullable=False),
    Column("deployed_at", BigInteger, nullable=False),
)

gateways = Table(
    "gateways",
    metadata,
    Column("gateway", String(128), primary_key=True),
    # Empty for the process itself.
    Column("system", String(128), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("host", String(256), nullable=False),
    Column("port", Integer, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("heartbeat_wall", Float, nullable=False),
)

# Requests by hour of event time.
traffic = Table(
    "traffic",
    metadata,
    Column("system", String(128), primary_key=True),
    Column("gateway", String(128), primary_key=True),
    Column("hour_at", BigInteger, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
)
