"""Tables of tracking: experiments, runs, and what runs say: params, tags, metrics, artifacts, inputs and outputs.

Rows written by our own face, by recovery and by the door of MLflow clients are the same rows.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, String, Table, Text, text

from homeostat.store.db.schema.store import metadata

_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only an INTEGER primary key by itself
HEAD_CHARACTERS = 200


def _head() -> Column[str]:
    """The first characters of `value`, for an index: PostgreSQL refuses entries beyond 2,704 bytes. Writes itself."""

    def of_value(context: Any) -> str:
        return str(context.get_current_parameters()["value"])[:HEAD_CHARACTERS]

    return Column("head", String(HEAD_CHARACTERS), nullable=False, default=of_value, onupdate=of_value)


experiments = Table(
    "experiments",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("name", String(512), nullable=False),
    Column("artifact_location", String(2048), nullable=False),  # empty: the object store of the workspace
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Index("ix_experiments_name", "name", unique=True),
)

experiment_tags = Table(
    "experiment_tags",
    metadata,
    Column("experiment_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", String(256), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("system", String(128), nullable=False),
    Column("parent", String(64), nullable=False),
    Column("user", String(256), nullable=False),
    Column("source", String(1024), nullable=False),  # what ran: the script
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("code", String(64), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("error", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("dropped", Integer, nullable=False),  # log calls that could not be kept
    Column("deleted_at", BigInteger),
    # With what each search asks of a run, so that it need not read the rows of all.
    Index("ix_runs_experiment_started", "experiment_id", "started_at", "id", "deleted_at"),
    Index("ix_runs_started", "started_at", "id", "deleted_at"),
    Index("ix_runs_status", "status", "started_at", "id", "deleted_at"),
    Index("ix_runs_system_id", "system", "id"),
    Index("ix_runs_parent", "parent"),
    Index("ix_runs_name", "name"),
    # Of those that are deleted only: no search for the others may begin at it, for that is nearly all runs.
    Index(
        "ix_runs_deleted_at",
        "deleted_at",
        sqlite_where=text("deleted_at IS NOT NULL"),
        postgresql_where=text("deleted_at IS NOT NULL"),
    ),
)

# What surrounded a run, apart from its row: a search that must look at each run reads a fraction of the bytes.
run_surroundings = Table(
    "run_surroundings",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("body", Text, nullable=False),  # JSON object
)

# How far each spool is in these tables. A row stays when its file is gone: whoever finds the file again starts behind it.
run_spools = Table(
    "run_spools",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("shipped", BigInteger, nullable=False),  # bytes
    Index("ix_run_spools_run_id", "run_id"),
)

run_params = Table(
    "run_params",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),  # a text as it is, anything else as JSON
    _head(),
    Column("is_text", Boolean, nullable=False),
    Index("ix_run_params_key_head", "key", "head"),
    sqlite_with_rowid=False,
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("value", Text, nullable=False),
    _head(),
    Index("ix_run_tags_key_head", "key", "head"),
    sqlite_with_rowid=False,
)

# One row a metric of a run: what a table of runs shows, without touching the points. The latest point is the greatest
# by (step, logged_at, value), whatever the order of arrival.
run_series = Table(
    "run_series",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("run_id", String(64), nullable=False),
    Column("key", String(256), nullable=False),
    Column("points", Integer, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("logged_at", BigInteger, nullable=False),
    Column("value", Float),  # null is NaN, which SQLite cannot keep
    Index("ix_run_series_run_id_key", "run_id", "key", unique=True),
    Index("ix_run_series_key_value", "key", "value", "run_id"),
)

# Points in the order of their arrival, as `track/blocks.py` packs them: some 8 bytes each. The ranges tell which blocks
# a reader of some steps, or a writer that must not write a point twice, has to open.
run_blocks = Table(
    "run_blocks",
    metadata,
    Column("series", BigInteger, primary_key=True, autoincrement=False),
    Column("first", Integer, primary_key=True, autoincrement=False),  # number of its first point in the series
    Column("points", Integer, nullable=False),
    Column("least_step", BigInteger, nullable=False),
    Column("greatest_step", BigInteger, nullable=False),
    Column("least_at", BigInteger, nullable=False),
    Column("greatest_at", BigInteger, nullable=False),
    # Envelopes, as `track/envelopes.py` packs them; null in small blocks. Before the body: SQLite reads a row from its head.
    Column("by_step", LargeBinary),
    Column("by_time", LargeBinary),
    Column("body", LargeBinary, nullable=False),
)

run_artifacts = Table(
    "run_artifacts",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("name", String(1024), primary_key=True),  # a path with `/`
    Column("digest", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", String(128), nullable=False),
    Index("ix_run_artifacts_digest", "digest"),
)

input_datasets = Table(
    "input_datasets",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("experiment_id", BigInteger, nullable=False),
    Column("name", String(512), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("source_type", String(64), nullable=False),
    Column("source", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Index("ix_input_datasets_experiment_id", "experiment_id", "name", "digest", unique=True),
)

# kind `dataset`: key is an id of input_datasets; kind `model`: the id of a logged model.
run_inputs = Table(
    "run_inputs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("tags", Text, nullable=False),  # JSON object
    Column("context", String(256), nullable=False),  # what for: training, eval ...; empty if not said
    Index("ix_run_inputs_key", "kind", "key"),
)

run_outputs = Table(
    "run_outputs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),  # `model`
    Column("key", String(256), primary_key=True),
    Column("step", BigInteger, nullable=False),
    Index("ix_run_outputs_key", "kind", "key"),
)

# Lists of runs that people keep under a name.
run_views = Table(
    "run_views",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("query", Text, nullable=False),  # what stands behind `/runs?`
    Column("is_default", Boolean, nullable=False),  # one at most
    Column("updated_at", BigInteger, nullable=False),
)
