"""Tables of pipelines: runs, and the actions whose keys are the cache."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from homeostat.store.db.schema.store import metadata

pipeline_runs = Table(
    "pipeline_runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("pipeline", String(128), nullable=False),
    Column("system", String(128), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("status", String(16), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("code_tree", String(64), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("error", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("started_wall", Float, nullable=False),
    Column("finished_wall", Float, nullable=True),
    Index("ix_pipeline_runs_system", "system", "started_wall"),
    Index("ix_pipeline_runs_pipeline", "pipeline", "started_wall"),
)

actions = Table(
    "actions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("pipeline", String(128), nullable=False),
    Column("step", String(128), nullable=False),
    Column("position", Integer, nullable=False),
    Column("key", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("outputs", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("code", String(64), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("variables", Text, nullable=False),
    Column("observed", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("repeated", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("started_wall", Float, nullable=False),
    Column("finished_wall", Float, nullable=False),
    Index("ix_actions_run_id", "run_id"),
    # The cache: what ran under a key.
    Index("ix_actions_key", "key", "status"),
    Index("ix_actions_step", "step", "started_wall"),
)
