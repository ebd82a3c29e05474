"""The metadata all tables share, and the tables of the store itself."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

# Names for constraints, so that migrations can address them on every database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ledger = Table(
    "ledger",
    metadata,
    # SQLite counts only an INTEGER primary key by itself.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("system", String(128), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_ledger_system_id", "system", "id"),
    Index("ix_ledger_kind_id", "kind", "id"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

refs = Table(
    "refs",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("moved_at", BigInteger, nullable=False),
)

ref_history = Table(
    "ref_history",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("name", String(256), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("moved_at", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Index("ix_ref_history_name_id", "name", "id"),
)

lineage = Table(
    "lineage",
    metadata,
    Column("child", String(256), primary_key=True),
    Column("parent", String(256), primary_key=True),
    Column("role", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index("ix_lineage_parent", "parent"),
)
