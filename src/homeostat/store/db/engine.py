"""Connections and transactions.

SQLite runs in WAL mode with `synchronous=FULL`: what was committed survives a power cut. A write transaction takes
the write lock at its start (`BEGIN IMMEDIATE`), so it can never fail in its middle for want of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from homeostat.core.errors import DiskFull

_BUSY_TIMEOUT_MS = 30_000  # rides out a long commit of another process


class Database:
    """Transactions on one database. Safe for threads: each transaction has a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one consistent state; a statement that writes is refused."""
        options = {"homeostat_write": False, "postgresql_readonly": True}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits whole at the end, or not at all if the block raises.

        Raises: DiskFull if the commit does not fit; nothing was changed then.
        """
        with (
            _disk_full_named(self.url),
            self.engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _disk_full_named(url: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if "database or disk is full" in str(error):
            raise DiskFull(
                f"No space left for the database {url}. Nothing of this transaction was written. "
                f"Free some space and run the same command again."
            ) from error
        raise


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def configure(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Alembic and tests open connections of their own: those may write.
        may_write = connection.get_execution_options().get("homeostat_write", True)
        known = connection.connection.info
        if known.get("homeostat_write") != may_write:
            connection.exec_driver_sql(f"PRAGMA query_only={not may_write}")
            known["homeostat_write"] = may_write
        connection.exec_driver_sql("BEGIN IMMEDIATE" if may_write else "BEGIN")

    return engine
