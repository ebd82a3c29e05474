"""Bringing a database to the schema of this version, and refusing one of a later version.

Revisions are numbered files in `migrations/versions`; the number in the file's name is the revision's id, so that the
newest is known without importing Alembic, which only a database that lags behind pays for.
"""

from pathlib import Path

from sqlalchemy import inspect, text

from homeostat.core.errors import NewerWorkspace
from homeostat.store.db.engine import Database

_MIGRATIONS = Path(__file__).with_name("migrations")


def head() -> str:
    """The revision this version of Homeostat works with."""
    return max(_known())


def migrate(database: Database) -> None:
    """Create or upgrade the schema; does nothing to one that is up to date.

    Raises: NewerWorkspace if a later version of Homeostat wrote it; nothing is changed.
    """
    current = revision(database)
    if current == head():
        return
    if current is not None and current not in _known():
        raise NewerWorkspace(
            f"The database {database.url} has schema {current}; this version of Homeostat knows up to {head()}. "
            f"A later version wrote it. Nothing was changed. Install that version: pip install --upgrade homeostat"
        )
    _upgrade(database)


def revision(database: Database) -> str | None:
    """The revision the database is at, or None if it is empty."""
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _known() -> set[str]:
    return {path.name.split("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py")}


def _upgrade(database: Database) -> None:
    from alembic import command  # noqa: PLC0415  # 150 ms that a database up to date does not pay
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
