"""One look at one system: claim it, see what is so, decide, and commit everything in one transaction.

Whatever happens in the middle, the rows of the last commit stand; the next look starts from them. A look that lost
its lease commits nothing. So a controller can be killed at any statement, and two can run at once.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection

from homeostat.core.clock import Clock, Micros
from homeostat.core.errors import Fenced
from homeostat.loop import queries
from homeostat.loop.facts import SystemDeclared
from homeostat.loop.lease import LEASE_S, Claim
from homeostat.loop.phases import proceed
from homeostat.loop.records import Progress
from homeostat.loop.steps import Move, Rooms, Situation, Step
from homeostat.loop.system import System
from homeostat.monitor.records import Reading
from homeostat.store import ledger
from homeostat.store.db import Database

log = logging.getLogger(__name__)


class Controller:
    """Looks at systems when they are due. Any number may run on one workspace; one thread each."""

    def __init__(
        self, database: Database, clock: Clock, rooms: Rooms, systems: Mapping[str, System], owner: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._rooms = rooms
        self._systems = systems
        self._owner = owner

    def declare(self) -> None:
        """Store the declarations of the systems it looks after. A transaction by itself."""
        now = self._clock.now()
        with self._database.write() as connection:
            for system in self._systems.values():
                declaration = system.declaration
                if queries.declare(connection, declaration, now):
                    ledger.append(connection, now, SystemDeclared(system=system.name, digest=declaration.digest))

    def look(self) -> bool:
        """Look at the system that has waited longest among those due; False if none is due."""
        claim = Claim.take(self._database, self._owner, tuple(self._systems), self._clock.now())
        if claim is None:
            return False
        # The instant of the look is the one it was due at or, in live operation, later: everything below sees one time.
        now = self._clock.now()
        with self._kept(claim):
            try:
                self._commit(claim, now, self._move(claim, now))
            except Fenced as error:
                log.warning("%s", error)
            except Exception as error:
                log.exception("Looking at %s in phase %s failed", claim.system, claim.phase)
                self._park(claim, now, error)
        return True

    def _move(self, claim: Claim, now: Micros) -> Move:
        system = self._systems[claim.system]
        with self._database.read() as connection:
            asked = queries.asked(connection, system.name)
        progress = msgspec.json.decode(claim.body, type=Progress)
        monitor = self._rooms.monitor
        labels = monitor.ingest(system.name).labels
        readings = monitor.read(
            system.name,
            tuple(system.setpoints),
            now=now,
            champion_since=progress.champion_since or None,
            champion_trained_at=progress.champion_data_until or None,
        )
        situation = Situation(
            system=system,
            now=now,
            phase=claim.phase,
            progress=msgspec.structs.replace(progress, breach_since=_breach_since(progress, readings, now)),
            asked=asked,
            labels=labels,
            readings=tuple(readings),
        )
        move = proceed(self._rooms, situation)

        def move_and_record(connection: Connection) -> Step:
            monitor.record(connection, readings)
            step = move(connection)
            # What was asked for since the look began set a wake_at that this commit would overwrite.
            is_asked = queries.asked(connection, system.name) is not None
            return replace(step, wake_at=now) if is_asked else step

        return move_and_record

    def _commit(self, claim: Claim, now: Micros, move: Move) -> None:
        with self._database.write() as connection:
            step = move(connection)
            claim.commit(
                connection,
                phase=step.phase,
                body=msgspec.json.encode(step.progress).decode(),
                wake_at=step.wake_at,
            )
            queries.write_decision(
                connection,
                system=claim.system,
                at=now,
                verdict=step.verdict,
                phase=claim.phase,
                sentence=step.sentence,
                evidence=step.evidence,
                fence=claim.fence,
            )
            ledger.append(connection, now, *step.facts)

    def _park(self, claim: Claim, now: Micros, error: Exception) -> None:
        """A look that fails is written down where people see it, and tried again at the next regular look."""
        step = Step(
            phase=claim.phase,
            progress=msgspec.json.decode(claim.body, type=Progress),
            wake_at=Micros(now + self._systems[claim.system].look_every_us),
            verdict="failed",
            sentence=f"The look itself failed and changed nothing: {error}",
            evidence={"error": type(error).__name__},
        )
        with contextlib.suppress(Fenced):
            self._commit(claim, now, lambda _: step)

    @contextlib.contextmanager
    def _kept(self, claim: Claim) -> Iterator[None]:
        """Renew the lease from a thread while the block runs: a training may take longer than a lease."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(LEASE_S / 3):
                if not claim.renew(self._database):
                    return

        thread = threading.Thread(target=renew, name=f"lease-{claim.system}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _breach_since(progress: Progress, readings: Sequence[Reading], now: Micros) -> Micros | None:
    """Since when performance is beyond its setpoint, or None if it is not."""
    if not any(reading.kind == "performance" and reading.state == "breach" for reading in readings):
        return None
    return now if progress.breach_since is None else progress.breach_since
