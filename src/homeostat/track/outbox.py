"""What a run has said and the database does not hold yet, and the threads that bring it there.

Saying costs an append to a deque. Twice a second one thread writes what was said to the spool, where `kill -9` cannot
reach it; another ships the spool, however long that takes. An absent database is said once in the log and tried again, ever
more rarely. Memory and disk stay bounded: what fits in neither is counted.
"""

import atexit
import logging
import os
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from homeostat.core.errors import HomeostatError
from homeostat.track.ports import Destination
from homeostat.track.records import Curve, Event
from homeostat.track.spool import Spool, frame

Said = Event | tuple[int, int | None, dict[str, float]]  # a metric call: at, step, values

PERIOD_S = 0.5
_LONGEST_WAIT_S = 30.0  # between two attempts to reach a database
LIMIT = 1_000_000  # calls in memory, some 200 MB, when not even the spool can be written
MOST_CHARACTERS = 256  # of a name or key, as the columns hold
_NO_STEP = 2**62  # nobody gets so far; what is beyond does not fit a column
_CALLS = 100_000  # of `log` in one frame of each metric
_SPOOL_BYTES = 64 * 1024 * 1024  # a spool so large is followed by another, and deleted once it is shipped
_SPOOLS = 64  # so many wait for a database at most: 4 GB
_logger = logging.getLogger("homeostat.track")


class Outbox:
    """Owns the spools of one run in this process. `said.append` may be called from any thread of it."""

    def __init__(
        self,
        destination: Destination,
        folder: Path,
        spool: Spool,
        next_steps: dict[str, int],
        at_exit: Callable[[], None],
        later: Callable[[], Event | None],
    ) -> None:
        """Begin with `spool`, which holds what the run began with.

        Args:
            folder: for further spools.
            next_steps: the step of the next point of a metric that has some already.
            at_exit: called if the process ends in good order before `close`.
            later: something to say that takes a while to find out.
        """
        self.dropped = 0
        self.said: deque[Said] = deque()
        self._destination = destination
        self._folder = folder
        self._spool = spool
        self._full: deque[Spool] = deque()
        self._unwritten: list[bytes] = []
        self._curves: dict[str, _Staged | None] = {key: _Staged(key, step) for key, step in next_steps.items()}
        self._trouble = ""
        self._writing = threading.Lock()
        self._shipping = threading.Lock()
        self._is_closing = threading.Event()
        self._is_home: bool | None = None  # once closed: whether all of it got there
        self._process = os.getpid()
        self._at_exit = at_exit
        self._later = later
        atexit.register(at_exit)
        run = spool.run_id
        self._threads = [
            threading.Thread(target=work, name=f"homeostat-{name}-{run}", daemon=True)
            for name, work in (("write", self._keep_writing), ("ship", self._keep_shipping))
        ]
        for thread in self._threads:
            thread.start()

    def flush(self) -> bool:
        """Bring everything to where it goes now, if that can be done.

        Returns: whether it is there. Does nothing in a forked child: the spools are its parent's; nor after `close`.
        """
        if self._is_home is not None:
            return self._is_home
        if os.getpid() != self._process:
            return False
        try:
            self._write()
            return self._ship()
        except Exception as error:  # noqa: BLE001  the database's errors; training goes on whatever breaks here
            self._warn(error)
        return False

    def close(self, last: Callable[[], Event]) -> None:
        """Say the last word, bring it home if that can be done now, and stop. Else the spools stay for recovery."""
        self._is_closing.set()
        atexit.unregister(self._at_exit)
        if os.getpid() != self._process:
            return
        for thread in self._threads:
            thread.join()
        with self._writing:
            self._encode()  # first, so that the last word knows what was dropped
        self.said.append(last())
        self._is_home = self.flush()
        for spool in self._full:
            spool.close(delete=False)
        self._spool.close(delete=self._is_home)

    def _keep_writing(self) -> None:
        while not self._is_closing.wait(PERIOD_S):
            try:
                self._write()
            except Exception as error:  # noqa: BLE001  kept in memory for the next time
                self._warn(error)

    def _keep_shipping(self) -> None:
        wait_s = 0.0
        later: Callable[[], Event | None] | None = self._later
        while not self._is_closing.wait(wait_s):
            try:
                self._ship()
                wait_s = PERIOD_S
            except Exception as error:  # noqa: BLE001  kept in the spool for the next time
                self._warn(error)
                wait_s = min(max(PERIOD_S, 2 * wait_s), _LONGEST_WAIT_S)
            if later is not None:
                self._find_out(later)
                later = None
        if later is not None:
            self._find_out(later)

    def _find_out(self, later: Callable[[], Event | None]) -> None:
        try:
            found = later()
        except Exception as error:  # noqa: BLE001  a run without its surroundings is a run
            _logger.warning(
                "What surrounds run %s is not known: %s: %s", self._spool.run_id, type(error).__name__, error
            )
            return
        if found is not None:
            self.said.append(found)

    def _ship(self) -> bool:
        with self._shipping:
            while True:
                with self._writing:
                    is_full = bool(self._full)
                    spool = self._full[0] if is_full else self._spool
                if not self._destination.ship(spool):
                    return False
                self._trouble = ""
                if not is_full:
                    return True
                self._full.popleft().close(delete=True)

    def _write(self) -> None:
        """Move what was said to the spool; what cannot be written stays and is written first the next time."""
        with self._writing:
            while self.said or self._unwritten:
                if self._spool.size_bytes > _SPOOL_BYTES:
                    if len(self._full) >= _SPOOLS:
                        raise HomeostatError(f"{_SPOOLS} files of {_SPOOL_BYTES >> 20} MB wait already")
                    following = Spool.create(self._folder, self._spool.run_id)
                    self._full.append(self._spool)
                    self._spool = following
                self._encode()
                if self._unwritten:
                    self._spool.append(b"".join(self._unwritten))
                    self._unwritten.clear()

    def _encode(self) -> None:
        for event in self._drain():
            try:
                self._unwritten.append(frame(event))
            except (TypeError, ValueError):
                self._drop(event)

    def _drain(self) -> Iterable[Event]:
        """What was said, up to a number of calls: words in their order, then the points of each metric in theirs."""
        words: list[Event] = []
        curves = self._curves
        take = self.said.popleft
        for _ in range(min(len(self.said), _CALLS)):
            said = take()
            if not isinstance(said, tuple):
                words.append(said)
                continue
            at, step, values = said
            if step is not None and type(step) is not int:
                step = _whole(step)
            for key, value in values.items():
                curve = curves.get(key) or self._curve(key)
                if curve is None or (step is not None and not -_NO_STEP < step < _NO_STEP):
                    self._drop((key, step))
                    continue
                here = curve.next_step if step is None else step
                curve.next_step = here + 1
                curve.steps.append(here)
                curve.at.append(at)
                curve.values.append(value)
        return [*words, *(curve.take() for curve in curves.values() if curve is not None and curve.steps)]

    def _curve(self, key: str) -> "_Staged | None":
        curve = _Staged(key, 0) if 0 < len(key) <= MOST_CHARACTERS else None
        self._curves[key] = curve
        return curve

    def _drop(self, what: object) -> None:
        self.dropped += 1
        _logger.warning("Run %s cannot keep this, it was dropped: %.200r", self._spool.run_id, what)

    def _warn(self, error: Exception) -> None:
        """Once, until it is over or another one comes."""
        trouble = f"{type(error).__name__}: {error}"
        if trouble != self._trouble:
            _logger.warning(
                "Run %s cannot be recorded now (%s). Nothing is lost: it is tried again, and kept in %s.",
                self._spool.run_id,
                trouble,
                self._spool.path,
            )
        self._trouble = trouble


class _Staged:
    """Points of a metric on their way into a frame."""

    __slots__ = ("at", "key", "next_step", "steps", "values")

    def __init__(self, key: str, next_step: int) -> None:
        self.key = key
        self.next_step = next_step
        self._clear()

    def take(self) -> Curve:
        columns = (("q", self.steps), ("q", self.at), ("d", self.values))
        steps, at, values = (array(code, column).tobytes() for code, column in columns)
        self._clear()
        return Curve(key=self.key, steps=steps, at=at, values=values)

    def _clear(self) -> None:
        self.steps: list[int] = []
        self.at: list[int] = []
        self.values: list[float] = []


def _whole(step: Any) -> int:
    """A scalar of numpy or torch as Python's; what is no number, as one that does not fit."""
    try:
        return int(step)
    except (TypeError, ValueError):
        return _NO_STEP
