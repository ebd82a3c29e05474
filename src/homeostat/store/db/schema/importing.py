"""The table of imports: what was brought over from elsewhere, and what it became here."""

from sqlalchemy import Column, String, Table

from homeostat.store.db.schema.store import metadata

# Runs, logged models and registered models keep their ids and names; experiments are numbered anew.
imports = Table(
    "imports",
    metadata,
    Column("source", String(512), primary_key=True),
    Column("kind", String(16), primary_key=True),  # experiment, run or model
    Column("id", String(256), primary_key=True),  # there
    Column("here", String(64), nullable=False),
    Column("told", String(32), nullable=False),  # of what the source told when all of it was here; empty until then
)
