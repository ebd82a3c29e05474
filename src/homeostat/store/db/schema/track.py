"""Tables of tracking: runs, their params, tags, metric series and artifacts."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from homeostat.store.db.schema.store import metadata

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("system", String(128), nullable=False),
    Column("parent", String(64), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("code", String(64), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("surroundings", Text, nullable=False),  # JSON object
    Column("error", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("dropped", Integer, nullable=False),  # log calls that could not be kept
    Column("spooled", BigInteger, nullable=False),  # bytes of its spool that these tables hold
    Index("ix_runs_system_id", "system", "id"),
    Index("ix_runs_parent", "parent"),
)

run_params = Table(
    "run_params",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),  # JSON
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
)

# One row a metric of a run: what a table of runs shows, without touching the points.
run_series = Table(
    "run_series",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("run_id", String(64), nullable=False),
    Column("key", String(256), nullable=False),
    Column("points", Integer, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("logged_at", BigInteger, nullable=False),
    Column("value", Float),  # the latest; null is NaN
    Index("ix_run_series_run_id_key", "run_id", "key", unique=True),
    Index("ix_run_series_key_value", "key", "value"),
)

# Clustered by series and order of arrival: a curve is one range read, a point some 30 bytes.
run_points = Table(
    "run_points",
    metadata,
    Column("series", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("step", BigInteger, nullable=False),
    Column("logged_at", BigInteger, nullable=False),
    Column("value", Float),  # null is NaN, which SQLite cannot keep
    sqlite_with_rowid=False,
)

run_artifacts = Table(
    "run_artifacts",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("name", String(256), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Index("ix_run_artifacts_digest", "digest"),
)
