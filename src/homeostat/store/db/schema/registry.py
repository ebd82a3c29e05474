"""Tables of the registry: model versions, aliases, gate reports, approvals and waivers."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from homeostat.store.db.schema.store import metadata

_ID = BigInteger().with_variant(Integer, "sqlite")

model_versions = Table(
    "model_versions",
    metadata,
    Column("system", String(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("model", String(64), nullable=False),
    Column("canonical", String(64), nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("data", Text, nullable=False),  # JSON list of lineage nodes
    Column("code", String(64), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("metrics", Text, nullable=False),  # JSON object of numbers
    Column("status", String(16), nullable=False),
    Column("status_why", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(128), nullable=False),
    Index("ix_model_versions_system_model", "system", "model"),
)

# Append-only: an alias points where its latest row says, so its history can never disagree with it.
alias_moves = Table(
    "alias_moves",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("system", String(128), nullable=False),
    Column("alias", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("moved_at", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Index("ix_alias_moves_system_alias_id", "system", "alias", "id"),
)

gate_reports = Table(
    "gate_reports",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("system", String(128), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("judged_at", BigInteger, nullable=False),
    Index("ix_gate_reports_system_number_id", "system", "number", "id"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("system", String(128), nullable=False),
    Column("number", Integer, nullable=False),
    Column("subject", String(64), nullable=False),
    Column("reviewer", String(128), nullable=False),
    Column("self_approval", Boolean, nullable=False),
    Column("status", String(16), nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("requested_by", String(128), nullable=False),
    Column("decided_at", BigInteger),
    Column("decided_by", String(128), nullable=False),
    Column("why", Text, nullable=False),
    Column("valid_for_us", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_approvals_system_number", "system", "number"),
    Index("ix_approvals_status", "status"),
)

waivers = Table(
    "waivers",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("system", String(128), nullable=False),
    Column("number", Integer, nullable=False),
    Column("report", String(64), nullable=False),
    Column("gate", String(128), nullable=False),
    Column("why", Text, nullable=False),
    Column("waived_by", String(128), nullable=False),
    Column("waived_at", BigInteger, nullable=False),
    Index("ix_waivers_system_number", "system", "number"),
)
