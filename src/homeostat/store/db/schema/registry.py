"""Tables of the registry: registered models and their versions, aliases, gate reports, approvals and waivers; logged
models; webhooks and what is to be told to them.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from homeostat.store.db.schema.store import metadata

_ID = BigInteger().with_variant(Integer, "sqlite")

# A name with versions. A system is one from its first version on.
registered_models = Table(
    "registered_models",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("description", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("last_number", Integer, nullable=False),  # given to a version: it is never given again
)

registered_model_tags = Table(
    "registered_model_tags",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("system", String(256), primary_key=True),  # the name of its registered model
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
    Column("updated_at", BigInteger, nullable=False),
    Column("description", Text, nullable=False),
    Column("source", Text, nullable=False),  # address a client gave; empty for a model of a pipeline
    Column("run_link", Text, nullable=False),
    Column("logged_model", String(64), nullable=False),
    Column(
        "stage", String(16), nullable=False
    ),  # None, Staging, Production or Archived, for clients that know no aliases
    Index("ix_model_versions_system_model", "system", "model"),
    Index("ix_model_versions_run_id", "run_id"),
)

model_version_tags = Table(
    "model_version_tags",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
)

# Append-only: an alias points where its latest row says, so its history can never disagree with it.
alias_moves = Table(
    "alias_moves",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("system", String(256), nullable=False),
    Column("alias", String(256), nullable=False),
    Column("number", Integer, nullable=False),  # 0: it points nowhere any more
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

# A model as a training run logged it, registered or not: its files are `logged_model_artifacts`.
logged_models = Table(
    "logged_models",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", String(512), nullable=False),
    Column("model_type", String(512), nullable=False),
    Column("source_run_id", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_message", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Index("ix_logged_models_experiment_created", "experiment_id", "created_at", "id"),
    Index("ix_logged_models_source_run_id", "source_run_id"),
)

logged_model_params = Table(
    "logged_model_params",
    metadata,
    Column("model_id", String(64), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
)

logged_model_tags = Table(
    "logged_model_tags",
    metadata,
    Column("model_id", String(64), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
)

# Metrics that a run logged of a model, on a dataset if it said so.
logged_model_metrics = Table(
    "logged_model_metrics",
    metadata,
    Column("model_id", String(64), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("logged_at", BigInteger, primary_key=True, autoincrement=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("run_id", String(64), primary_key=True),
    Column("value", Float),  # null is NaN
    Column("dataset_name", String(512), nullable=False),
    Column("dataset_digest", String(64), nullable=False),
)

logged_model_artifacts = Table(
    "logged_model_artifacts",
    metadata,
    Column("model_id", String(64), primary_key=True),
    Column("name", String(1024), primary_key=True),  # a path with `/`
    Column("digest", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("events", Text, nullable=False),  # JSON list of `entity.action`
    Column("secret", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

# The outbox: written with the rows an event speaks of, deleted when the receiver said yes or was given up.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("webhook_id", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Index("ix_webhook_deliveries_due_at", "due_at"),
)
