"""Tables of the data room: dataset versions, and what contracts kept out."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from homeostat.store.db.schema.store import metadata

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset", String(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False),
    Column("manifest", String(64), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("rows_added", BigInteger, nullable=False),
    Column("parent", Integer),
    Column("columns", Text, nullable=False),  # JSON list of {name, type}
    Column("source", String(1024), nullable=False),
    Column("offered", String(64), nullable=False),  # content id of the rows as they came, before the contract
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("branch", String(128), nullable=False),  # empty: the main line
    Column("merged", Integer),  # the other parent, if two lines came together here
    Column("report", Text),  # JSON of the validation report
    Column("forgotten_at", BigInteger),  # its contents are given up
    Index("ix_dataset_versions_dataset_offered", "dataset", "offered"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("dataset", String(128), nullable=False),
    Column("is_block", Boolean, nullable=False),  # the whole append was refused, not some of its rows
    Column("source", String(1024), nullable=False),
    Column("offered", String(64), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("object", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("version", Integer),  # the version that took the rest of the rows
    Column("resolved_at", BigInteger),
    Column("resolution", Text, nullable=False),
    Column("resolved_by", String(128), nullable=False),
    Index("ix_quarantine_dataset_at", "dataset", "at"),
)
