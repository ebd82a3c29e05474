"""What a run has said and the database does not hold yet, and the thread that brings it there.

Saying costs an append to a deque. Twice a second the thread writes what was said to the spool and ships the spool.
A full disk or an absent database is said once in the log and tried again; memory stays bounded, and what did not fit is counted.
"""

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy.exc import SQLAlchemyError

from homeostat.core.errors import HomeostatError
from homeostat.store.db import Database
from homeostat.track.records import Event, Points
from homeostat.track.shipping import ship
from homeostat.track.spool import Spool, frame

Said = Event | tuple[int, int | None, dict[str, float]]  # a metric call: at, step, values

PERIOD_S = 0.5
_LIMIT = 1_000_000  # calls in memory, some 200 MB, when not even the spool can be written
MOST_CHARACTERS = 256  # of a name or key, as the columns hold
_NO_STEP = 2**62  # nobody gets so far; what is beyond does not fit a column
_FRAME_POINTS = 10_000  # points in one frame of the spool
_logger = logging.getLogger("homeostat.track")


class Outbox:
    """Owns the spool of one run. `say` may be called from any thread of the process that made it."""

    def __init__(self, database: Database, spool: Spool, first: Sequence[Event], at_exit: Callable[[], None]) -> None:
        """Say `first` and bring it into the database, if that can be reached.

        Args:
            at_exit: called if the process ends in good order before `close`.
        """
        self.dropped = 0
        self._database = database
        self._spool = spool
        self._said: deque[Said] = deque(first)
        self._unwritten = bytearray()
        self._next_step: dict[str, int] = {}
        self._trouble = ""
        self._lock = threading.Lock()
        self._is_closing = threading.Event()
        self._process = os.getpid()
        self._at_exit = at_exit
        self.flush()
        atexit.register(at_exit)
        self._thread = threading.Thread(target=self._work, name=f"homeostat-{spool.run_id}", daemon=True)
        self._thread.start()

    def say(self, said: Said) -> None:
        """Queue it. Never blocks, never raises."""
        if len(self._said) < _LIMIT:
            self._said.append(said)
        else:
            self.dropped += 1

    def flush(self) -> bool:
        """Bring everything into the database now, if that can be done.

        Returns: whether it is there. Does nothing in a forked child: the spool is its parent's.
        """
        if os.getpid() != self._process:
            return False
        with self._lock:
            try:
                self._write()
                ship(self._database, self._spool)
            except (OSError, SQLAlchemyError, HomeostatError) as error:
                self._warn(f"{type(error).__name__}: {error}")
                return False
            self._trouble = ""
            return True

    def close(self, last: Callable[[], Event]) -> None:
        """Say the last word, bring it home if that can be done now, and stop. Else the spool stays for `recover`."""
        self._is_closing.set()
        atexit.unregister(self._at_exit)
        if os.getpid() != self._process:
            return
        self._thread.join()
        self._encode()  # first, so that the last word knows what was dropped
        self._said.append(last())
        self._spool.close(delete=self.flush())

    def _work(self) -> None:
        while not self._is_closing.wait(PERIOD_S):
            try:
                self.flush()
            except Exception:
                # Training goes on whatever breaks here; what is in memory and in the spool is kept for `close`.
                _logger.exception("Run %s cannot be recorded.", self._spool.run_id)

    def _write(self) -> None:
        """Move what was said to the spool; what cannot be written stays and is written first the next time."""
        if self._unwritten:
            self._spool.append(self._unwritten)
            self._unwritten = bytearray()
        self._encode()
        if self._unwritten:
            self._spool.append(self._unwritten)
            self._unwritten = bytearray()

    def _encode(self) -> None:
        for event in self._events():
            try:
                self._unwritten += frame(event)
            except (TypeError, ValueError):
                self._drop(event)

    def _events(self) -> Iterator[Event]:
        points: list[tuple[str, int, int, float]] = []
        for _ in range(len(self._said)):
            said = self._said.popleft()
            if isinstance(said, tuple):
                points += self._numbered(*said)
                if len(points) < _FRAME_POINTS:
                    continue
            if points:
                yield Points(points=points)
                points = []
            if not isinstance(said, tuple):
                yield said
        if points:
            yield Points(points=points)

    def _numbered(self, at: int, step: int | None, values: dict[str, float]) -> Iterator[tuple[str, int, int, float]]:
        """A point without a step takes the one after the last of its metric, from 0."""
        for key, value in values.items():
            try:
                here = self._next_step.get(key, 0) if step is None else int(step)
            except (TypeError, ValueError):
                here = _NO_STEP
            if abs(here) >= _NO_STEP or not 0 < len(key) <= MOST_CHARACTERS:
                self._drop((key, step))
            else:
                self._next_step[key] = here + 1
                yield key, here, at, value

    def _drop(self, what: object) -> None:
        self.dropped += 1
        _logger.warning("Run %s cannot keep this, it was dropped: %.200r", self._spool.run_id, what)

    def _warn(self, trouble: str) -> None:
        """Once, until it is over or another one comes."""
        if trouble != self._trouble:
            _logger.warning(
                "Run %s cannot be recorded now (%s). Nothing is lost: it is tried again, and kept in %s.",
                self._spool.run_id,
                trouble,
                self._spool.path,
            )
        self._trouble = trouble
