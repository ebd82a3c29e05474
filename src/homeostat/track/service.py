"""Starting runs in a database, going on with them, and bringing home those whose process died.

Neither `start` nor `finish` may be called inside a write transaction of the same thread: both ship in one of their own.
"""

import getpass
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.exc import IntegrityError, NoResultFound

from homeostat.core.clock import Clock
from homeostat.core.digests import Digest
from homeostat.core.ids import RunId, check_name, new_id
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects, ObjectStore
from homeostat.track import experiments, queries
from homeostat.track.recording import open_run
from homeostat.track.records import DEFAULT_EXPERIMENT_NAME, Resumed, Started
from homeostat.track.run import Beginning, Run, begin_with, contents, flat_params, word
from homeostat.track.shipping import bury, mark_killed, receive, ship
from homeostat.track.spool import Spool, run_of, spools, spools_of

ModelEncoder = Callable[[Any, Any, Digest], bytes]

_logger = logging.getLogger("homeostat.track")


class Runs:
    """Starts runs and brings home those whose process died. Safe for threads and processes. A `ports.Destination`."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        clock: Clock,
        spool: Path,
        *,
        encode_model: ModelEncoder,
    ) -> None:
        """Args: as `ports.Destination`, and
        spool: folder of this machine for what is on its way to the database.
        """
        self.folder = spool
        self.objects = objects
        self.encode_model = encode_model
        self._database = database
        self._clock = clock

    def start(
        self,
        name: str,
        *,
        kind: str = "run",
        system: str = "",
        experiment: str = DEFAULT_EXPERIMENT_NAME,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        surroundings: Mapping[str, Any] | None = None,
        parent: str | None = None,
    ) -> Run:
        """Open a run. It is in the database when this returns, if that can be reached.

        Args:
            kind: `run` for one by hand, `pipeline`, or what the caller calls it.
            experiment: its name; it is made if there is none.
            surroundings: what was captured at the start (JSON-like); `code` and `environment` are digests.
            parent: id of the run this one is part of.
        Raises: UserError for a name that cannot be one. ResourceError if the spool cannot be written.
        """
        now = self._clock.now()
        started = Started(
            id=RunId(new_id("run", now)),
            at=now,
            name=word("run", name),
            kind=check_name("kind", kind),
            system=check_name("system", system) if system else "",
            parent=parent or "",
            surroundings=msgspec.to_builtins(dict(surroundings or {})),
            experiment=word("experiment", experiment),
            user=getpass.getuser(),
        )
        said, flat = begin_with(params or {}, tags or {})
        first = (started, *said)
        begins = Beginning(id=started.id, name=name, first=first, params=flat, experiment=started.experiment)
        run = Run(self, self.folder, self._clock, begins)
        run.flush()
        return run

    def resume(self, run_id: str) -> Run:
        """Go on with a run, of this process or another, here or elsewhere.

        Raises: NotFound. UserError if it was deleted. ResourceError as `start`.
        """
        return Run(self, self.folder, self._clock, self.beginning(run_id))

    def beginning(self, run_id: str) -> Beginning:
        """What a run begins with that goes on with another.

        Raises: NotFound. UserError if it was deleted.
        """
        with self._database.read() as connection:
            record = open_run(connection, run_id)
            (known,) = queries.summaries(connection, [record])
            experiment = experiments.get(connection, record.experiment_id).name
        return Beginning(
            id=record.id,
            name=record.name,
            first=(Resumed(at=self._clock.now()),),
            params=dict(flat_params(known.params)),
            next_steps={metric.key: metric.step + 1 for metric in known.metrics},
            experiment=experiment,
        )

    def receive(self, spool_id: str, offset: int, raw: bytes) -> int:
        """Take frames of a client's spool: `shipping.receive`. Raises: BadData. UserError or NotFound if the run is gone."""
        return receive(self._database, spool_id, offset, raw)

    def mark_killed(self, run_id: str) -> bool:
        """End a client's run whose last process died; whether it was running."""
        return mark_killed(self._database, RunId(run_id), self._clock.now())

    def capture(self) -> Mapping[str, Any]:
        """As `ports.Destination`: who starts a run here says what surrounds it."""
        return {}

    def ship(self, spool: Spool) -> bool:
        """As `ports.Destination`."""
        ship(self._database, spool)
        return True

    def bring_home(self, folder: Path) -> tuple[int, list[RunId]]:
        """Take the runs of an offline folder into the database, and their objects into the store. Spools that are in are
        deleted; objects stay in the folder. After an interruption it goes on where it was.

        Returns: how many spools were taken, and the runs whose process died.
        Raises: NotFound if it is no such folder. CorruptObject naming what is damaged. DiskFull.
        """
        spool = spools_of(folder)
        there = FileObjects(folder / "objects")
        for digest in there.digests():
            if not self.objects.has(digest):
                there.check(digest)
                self.objects.put(contents(there.path(digest)))
        before = len(spools(spool))
        killed = self.recover(spool)
        return before - len(spools(spool)), killed

    def recover(self, folder: Path | None = None) -> list[RunId]:
        """Ship what dead processes left behind; runs that were open end as `killed`. Living ones are left alone.

        A spool that cannot be taken, such as one of a later version or of a run that was deleted for good, is said in the
        log and stays; it holds up no other.

        Args:
            folder: of spools from elsewhere; default: that of this machine.
        Returns: the runs that were found killed.
        """
        killed = []
        for path in spools(folder or self.folder):
            spool = Spool.adopt(path)
            if spool is None:
                continue
            others = [other for other in spools(path.parent) if run_of(other) == spool.run_id and other != path]
            is_shipped = False
            try:
                if bury(self._database, spool, self._clock.now(), is_last=not others):
                    killed.append(spool.run_id)
                is_shipped = True
            except (msgspec.MsgspecError, IntegrityError, NoResultFound) as error:
                _logger.warning(
                    "What run %s left in %s cannot be brought home (%s: %s). It stays there; to give it up delete that file.",
                    *(spool.run_id, path, type(error).__name__, error),
                )
            finally:
                spool.close(delete=is_shipped)
        return killed
