"""The database: SQLite for one machine, PostgreSQL for a team; the same tables, the same SQL."""

from homeostat.store.db.engine import Database

__all__ = ["Database"]
