"""Who works on a system now, and proof that they still do.

A claim is one UPDATE that raises the fence; every commit of the claimant carries that fence. Whoever was stopped or
cut off while another took over finds its fence outdated and its commit refused, so nothing is done twice.
Leases run on the machine's clock, `wake_at` on event time.
"""

import time
from collections.abc import Collection
from typing import Self

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from homeostat.core.clock import Micros, iso
from homeostat.core.errors import Fenced
from homeostat.loop.declaration import Phase
from homeostat.store.db import Database
from homeostat.store.db.schema.loop import loops

LEASE_S = 5.0


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to decide for one system until the lease ends."""

    system: str
    phase: Phase
    body: str
    wake_at: Micros
    fence: int
    owner: str

    @classmethod
    def take(
        cls, database: Database, owner: str, systems: Collection[str], now: Micros, *, lease_s: float = LEASE_S
    ) -> Self | None:
        """Claim the one of `systems` that has waited longest among those due, or None if none is.

        A transaction by itself.
        """
        wall = time.time()
        free = or_(loops.c.owner.is_(None), loops.c.lease_until_wall < wall)
        due = (
            select(loops.c.system)
            .where(loops.c.system.in_(systems), loops.c.wake_at <= now, free)
            .order_by(loops.c.wake_at)
            .limit(1)
        )
        with database.read() as connection:  # most looks find nothing: they take no write lock
            if connection.execute(due).first() is None:
                return None
        with database.write() as connection:
            row = connection.execute(
                update(loops)
                .where(loops.c.system == due.scalar_subquery(), free)
                .values(owner=owner, lease_until_wall=wall + lease_s, fence=loops.c.fence + 1)
                .returning(loops.c.system, loops.c.phase, loops.c.body, loops.c.wake_at, loops.c.fence)
            ).first()
        if row is None:
            return None
        return cls(system=row.system, phase=row.phase, body=row.body, wake_at=row.wake_at, fence=row.fence, owner=owner)

    def renew(self, database: Database, *, lease_s: float = LEASE_S) -> bool:
        """Keep the lease during long work; False if it was lost."""
        with database.write() as connection:
            changed = connection.execute(
                update(loops).where(self._mine()).values(lease_until_wall=time.time() + lease_s)
            ).rowcount
        return bool(changed)

    def commit(self, connection: Connection, *, phase: str, body: str, wake_at: Micros) -> None:
        """Write the new phase and give the lease back, in the transaction of everything that was decided.

        Raises: Fenced if somebody else took over; the caller's transaction must then fail as a whole.
        """
        changed = connection.execute(
            update(loops)
            .where(self._mine())
            .values(phase=phase, body=body, wake_at=wake_at, owner=None, lease_until_wall=None)
        ).rowcount
        if not changed:
            raise Fenced(
                f"{self.owner} lost its lease on {self.system} (fence {self.fence}, phase {self.phase}, due {iso(self.wake_at)}): "
                f"another controller took over. Nothing of this look was written; the other one decides."
            )

    def _mine(self) -> ColumnElement[bool]:
        return and_(loops.c.system == self.system, loops.c.fence == self.fence, loops.c.owner == self.owner)


def next_wake(connection: Connection) -> Micros | None:
    """The earliest instant at which any system wants to be looked at."""
    found = connection.execute(select(loops.c.wake_at).order_by(loops.c.wake_at).limit(1)).scalar()
    return None if found is None else Micros(found)
