"""Starting runs and what a run can say.

Neither `start` nor `finish` may be called inside a write transaction of the same thread: both ship in one of their own.
"""

import logging
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from homeostat.core.clock import Clock
from homeostat.core.errors import NotFound, ResourceError, UserError
from homeostat.core.ids import RunId, check_name, new_id
from homeostat.store.db import Database
from homeostat.store.objects import ObjectStore
from homeostat.track.outbox import MOST_CHARACTERS, Outbox
from homeostat.track.records import ArtifactKept, Finished, Noted, ParamsSet, RunStatus, Started, Tagged
from homeostat.track.shipping import bury
from homeostat.track.spool import Spool, spools

_ENDINGS: dict[str, RunStatus] = {"finished": "finished", "failed": "failed"}
_CHUNK_BYTES = 1 << 20
_logger = logging.getLogger("homeostat.track")


class _First(NamedTuple):
    """What is known of a run when it starts."""

    started: Started
    params: ParamsSet
    tags: list[Tagged]


class Run:
    """One execution, open until `finish`. Any thread of the process that started it may log."""

    def __init__(self, database: Database, objects: ObjectStore, clock: Clock, spool: Spool, first: _First) -> None:
        self.id = spool.run_id
        self._objects = objects
        self._now = clock.now
        self._params = dict(first.params.params)
        self._is_open = True
        self._outbox = Outbox(database, spool, [first.started, first.params, *first.tags], self._abandon)
        self._say = self._outbox.say

    def log(self, step: int | None = None, **metrics: float) -> None:
        """Add a point to each metric. Never blocks and never raises: what is no number is dropped, counted and said.

        Args:
            step: without it each metric counts its own, from 0.
            metrics: values, NaN and infinities too; anything `float()` takes (an array or tensor of one element).
        """
        for value in metrics.values():
            # A float cannot change any more; a tensor can, before the thread gets to see it.
            if type(value) is not float:
                metrics = self._numbers(metrics)
                break
        if self._is_open:
            self._say((self._now(), step, metrics))
        else:
            _logger.warning("%s is finished: %s was not logged.", self.id, ", ".join(metrics))

    def params(self, **params: Any) -> None:
        """Set params. Nested dicts become dotted keys; each is written once.

        Raises: UserError if one has another value already.
        """
        flat = dict(_flat(params))
        for key, value in flat.items():
            known = self._params.setdefault(key, value)
            if known != value:
                raise UserError(
                    f"Param {key!r} of {self.id} is {known} and cannot become {value}: a run has one set of params. "
                    f"Start another run, or log what changes as a metric or tag."
                )
        self._check_open()
        self._say(ParamsSet(params=flat))

    def tag(self, key: str, value: str) -> None:
        """Set a tag; a later value replaces it."""
        self._check_open()
        self._say(Tagged(key=_word("tag", key), value=str(value)))

    def note(self, text: str) -> None:
        """Say in words what this run is about; a later note replaces it."""
        self._check_open()
        self._say(Noted(text=text))

    def artifact(self, name: str, source: str | Path | bytes) -> None:
        """Keep a file, or bytes, under `name`. The content is durable when this returns.

        Raises: NotFound if there is no such file. DiskFull if it does not fit.
        """
        self._check_open()
        content = source if isinstance(source, bytes) else _file(Path(source))
        digest = self._objects.put(content)
        size_bytes = self._objects.path(digest).stat().st_size
        self._say(ArtifactKept(name=_word("artifact", name), digest=digest, size_bytes=size_bytes))

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        """Close the run as `finished` or `failed` and wait until the database holds it, if it can be reached.

        Finishing twice changes nothing.

        Raises: UserError if `status` is another word.
        """
        ended = _ENDINGS.get(status)
        if ended is None:
            raise UserError(f"A run ends as 'finished' or 'failed', not as {status!r}.")
        if not self._is_open:
            return
        self._is_open = False
        self._outbox.close(
            lambda: Finished(at=self._now(), status=ended, error=error or "", dropped=self._outbox.dropped)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        else:
            self.finish("failed", "".join(traceback.format_exception(kind, error, trace)))

    def _abandon(self) -> None:
        self.finish("failed", "The program ended without finishing this run.")

    def _check_open(self) -> None:
        if not self._is_open:
            raise UserError(f"{self.id} is finished: nothing can be added. Start another run.")

    def _numbers(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        found = {}
        for key, value in metrics.items():
            try:
                found[key] = float(value)
            except (TypeError, ValueError, RuntimeError):  # torch raises RuntimeError for a tensor of several elements
                self._outbox.dropped += 1
                _logger.warning("Metric %r of %s is no number and was dropped: %.100r", key, self.id, value)
        return found


class Runs:
    """Starts runs and brings home those whose process died. Safe for threads and processes."""

    def __init__(self, database: Database, objects: ObjectStore, clock: Clock, spool: Path) -> None:
        """`spool`: folder of this machine for what is on its way to the database."""
        self._database = database
        self._objects = objects
        self._clock = clock
        self._folder = spool

    def start(
        self,
        name: str,
        *,
        kind: str = "run",
        system: str = "",
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        surroundings: Mapping[str, Any] | None = None,
        parent: str | None = None,
    ) -> Run:
        """Open a run. It is in the database when this returns, if that can be reached.

        Args:
            kind: `run` for one by hand, `pipeline`, or what the caller calls it.
            surroundings: what was captured at the start (JSON-like); `code` and `environment` are digests.
            parent: id of the run this one is part of.
        Raises: UserError for a name that cannot be one. ResourceError if the spool cannot be written.
        """
        now = self._clock.now()
        started = Started(
            id=RunId(new_id("run", now)),
            at=now,
            name=_word("run", name),
            kind=check_name("kind", kind),
            system=check_name("system", system) if system else "",
            parent=parent or "",
            surroundings=msgspec.to_builtins(dict(surroundings or {})),
        )
        first = _First(
            started,
            ParamsSet(params=dict(_flat(params or {}))),
            [Tagged(key=_word("tag", key), value=str(value)) for key, value in (tags or {}).items()],
        )
        try:
            spool = Spool.create(self._folder, started.id)
        except OSError as error:
            raise ResourceError(
                f"Run {name!r} cannot start: its spool in {self._folder} cannot be written ({error.strerror}). "
                f"Free some space there, or make the folder writable."
            ) from error
        return Run(self._database, self._objects, self._clock, spool, first)

    def recover(self) -> list[RunId]:
        """Ship what dead processes left behind; runs that were open end as `killed`. Living ones are left alone.

        Returns: the runs that were found killed.
        """
        killed = []
        for path in spools(self._folder):
            spool = Spool.adopt(path)
            if spool is None:
                continue
            is_shipped = False
            try:
                if bury(self._database, spool, self._clock.now()):
                    killed.append(spool.run_id)
                is_shipped = True
            finally:
                spool.close(delete=is_shipped)
        return killed


def _word(kind: str, text: str) -> str:
    if not 0 < len(text) <= MOST_CHARACTERS:
        raise UserError(
            f"{text[:40]!r} cannot name a {kind}: it has {len(text)} characters, 1 to {MOST_CHARACTERS} fit."
        )
    return text


def _flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys and JSON values."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield _word("param", f"{prefix}{key}"), msgspec.json.encode(value, enc_hook=_plain).decode()


def _plain(value: Any) -> Any:
    """A scalar of numpy or torch as Python's; anything else as its text."""
    return value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else repr(value)


def _file(path: Path) -> Iterator[bytes]:
    if not path.is_file():
        raise NotFound(f"There is no file {path} to keep as an artifact.")
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
