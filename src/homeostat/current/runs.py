"""Tracking from any script or notebook: `with hs.run("baseline", lr=0.1) as run: run.log(loss=0.3)`.

A run starts when its spool is there, in milliseconds. The database, and what opening it takes to import, is the business of a
thread. Inside a project a run goes to its workspace; elsewhere to `.homeostat/` in the current directory, as of a project without
a declaration; with `server=` to a server; with `offline=` to a folder, which `homeostat sync` brings home.
"""

import functools
import getpass
import importlib
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, ParamSpec, TypeVar, overload

from homeostat.configuration import HOME
from homeostat.core.clock import Clock, WallClock, Watermark
from homeostat.core.errors import UserError
from homeostat.core.ids import RunId, new_id
from homeostat.current.destinations import InProject, Offline, on_server, opened_project, project_or_folder
from homeostat.track.output import Output
from homeostat.track.ports import Destination
from homeostat.track.rank import this_rank
from homeostat.track.records import DEFAULT_EXPERIMENT_NAME, Started
from homeostat.track.run import Beginning, Run, begin_with, word
from homeostat.track.silent import SilentRun

Ranks = Literal["zero", "all"]
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

OFFLINE = "HOMEOSTAT_OFFLINE"  # folder of runs that are brought home later
SERVER = "HOMEOSTAT_SERVER"
EXPERIMENT = "HOMEOSTAT_EXPERIMENT"
_active: ContextVar[Run | None] = ContextVar("homeostat_active_run", default=None)
_open: list[Run] = []  # of this process, for threads: they do not inherit what a context holds


class _Chosen(NamedTuple):
    """What `run` was asked for; `is_silent`: this rank does not log."""

    name: str
    experiment: str
    id: str | None
    parent: str
    params: dict[str, Any]
    tags: dict[str, str]
    system_metrics: bool
    capture_output: bool
    is_silent: bool
    server: str
    offline: str | Path | None


class Tracked:
    """A run that begins when its block is entered, its function is called, or `start` is."""

    def __init__(self, chosen: _Chosen) -> None:
        self._chosen = chosen
        self._entered: list[tuple[Run, Any, list[Callable[[], None]]]] = []

    def start(self) -> Run:
        """Begin it now; it lasts until its `finish`, and is not the active run."""
        return _begun(self._chosen, {})

    def __enter__(self) -> Run:
        return self._enter({})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run, token, observers = self._entered.pop()
        try:
            for stop in reversed(observers):
                stop()
        finally:
            _active.reset(token)
            _open.remove(run)
            run.__exit__(kind, error, trace)

    def __call__(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """Make each call of `function` a run, whose params are the arguments that are plain values.

        Raises: UserError for a coroutine or generator function: its call is over before its work begins.
        """
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise UserError(
                f"A call of {function.__name__} is over before its work begins, so it cannot be a run. Track inside of it: "
                f"with hs.run({function.__name__!r}) as run: ..."
            )
        signature = inspect.signature(function)

        @functools.wraps(function)
        def tracked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            call = Tracked(self._chosen)  # of its own: calls in several threads do not end in turn
            call._enter({name: value for name, value in given.arguments.items() if _is_plain(value)})
            try:
                result = function(*args, **kwargs)
            except BaseException:
                call.__exit__(*sys.exc_info())
                raise
            call.__exit__(None, None, None)
            return result

        return tracked

    def _enter(self, params: dict[str, Any]) -> Run:
        run = _begun(self._chosen, params)
        self._entered.append((run, _active.set(run), _observers(run, self._chosen)))
        _open.append(run)
        return run


@overload
def run(name: Callable[Arguments, Result], /) -> Callable[Arguments, Result]: ...
@overload
def run(
    name: str = ...,
    /,
    *,
    experiment: str = ...,
    id: str | None = ...,
    parent: str | None = ...,
    params: Mapping[str, Any] | None = ...,
    tags: Mapping[str, str] | None = ...,
    system_metrics: bool = ...,
    capture_output: bool = ...,
    ranks: Ranks = ...,
    server: str = ...,
    offline: str | Path | None = ...,
    **more_params: Any,
) -> Tracked: ...
def run(
    name: str | Callable[..., Any] = "",
    /,
    *,
    experiment: str = "",
    id: str | None = None,  # noqa: A002  the word people look for
    parent: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    system_metrics: bool = True,
    capture_output: bool = False,
    ranks: Ranks = "zero",
    server: str = "",
    offline: str | Path | None = None,
    **more_params: Any,
) -> Any:
    """Track what happens in a block (`with hs.run("baseline", lr=0.1) as run:`) or in each call of a function (`@hs.run`).

    Args:
        name: for people; default: that of the script or function.
        experiment: where it belongs; default: that of the parent, the variable HOMEOSTAT_EXPERIMENT, or `Default`.
        id: of a run to go on with; its params stay as they are.
        parent: id of the run it is a part of; default: the run that is active here.
        params: those whose names are no names of Python, or taken by this function.
        system_metrics: sample CPU, memory, disk, network and GPU every 10 s.
        capture_output: keep what is printed, as the artifact `output.txt`.
        ranks: of a distributed training: `zero` lets only rank 0 log, `all` gives each rank a run of its own.
        server: address of a `homeostat server` to send it to; default: the variable HOMEOSTAT_SERVER. While it does not answer, what was
            said waits below `.homeostat/servers`.
        offline: folder to write to instead of a workspace; default: the variable HOMEOSTAT_OFFLINE.
        more_params: params.

    Returns: what begins when it is entered, called, or told to `start`.
    """
    if callable(name):
        return run(name.__name__)(name)
    if server and offline:
        raise UserError(f"A run goes to the server {server} or to the folder {offline}, not to both. Leave one out.")
    chosen = _Chosen(
        name=name,
        experiment=experiment or os.environ.get(EXPERIMENT, ""),
        id=id,
        parent=parent or "",
        params={**(params or {}), **more_params},
        tags=dict(tags or {}),
        system_metrics=system_metrics,
        capture_output=capture_output,
        is_silent=ranks == "zero" and this_rank().number > 0,
        server="" if offline else server or os.environ.get(SERVER, ""),
        offline=offline or (None if server else os.environ.get(OFFLINE)),
    )
    return Tracked(chosen)


def active_run() -> Run | None:
    """The run whose block is being executed here; in a thread of its own, the innermost one of the process."""
    return _active.get() or (_open[-1] if _open else None)


@contextmanager
def active(run: Run) -> Iterator[Run]:
    """Make a run that was started by other means the active one of this thread, for a block; it is not ended."""
    token = _active.set(run)
    try:
        yield run
    finally:
        _active.reset(token)


def log(step: int | None = None, **metrics: float) -> None:
    """Log to the active run, as `Run.log`.

    Raises: UserError if there is none.
    """
    here = active_run()
    if here is None:
        raise UserError("No run is active here. Begin one: with hs.run('baseline') as run: ...")
    here.log(step, **metrics)


def _begun(chosen: _Chosen, arguments: Mapping[str, Any]) -> Run:
    """The run of this rank: a new one, one that goes on, or one that is silent."""
    rank = this_rank()
    around = _active.get()
    name = chosen.name or Path(sys.argv[0] or "notebook").stem or "notebook"
    inherited = None if around is None else around.experiment
    experiment = chosen.experiment or inherited or DEFAULT_EXPERIMENT_NAME
    if chosen.is_silent:
        has_node = chosen.system_metrics and rank.is_first_of_node
        of_node = chosen._replace(name=f"{name}/node-{rank.node}", experiment=experiment, params={}, tags=rank.tags)
        return SilentRun(name, _started(of_node, kind="node") if has_node else None)
    if chosen.id is not None:
        return _resumed(chosen, chosen.id)
    return _started(
        chosen._replace(
            name=f"{name}/rank-{rank.number}" if rank.size > 1 and rank.number else name,
            experiment=experiment,
            parent=chosen.parent or (around.id if around is not None else ""),
            params={**chosen.params, **arguments},
            tags={**rank.tags, **chosen.tags},
        ),
        kind="run",
    )


def _started(chosen: _Chosen, *, kind: str) -> Run:
    destination, folder, clock = _destination(chosen)
    now = clock.now()
    started = Started(
        id=RunId(new_id("run", now)),
        at=now,
        name=word("run", chosen.name),
        kind=kind,
        system="",
        parent=chosen.parent,
        surroundings={},
        experiment=chosen.experiment,
        user=getpass.getuser(),
        source=sys.argv[0],
    )
    first, flat = begin_with(chosen.params, chosen.tags)
    begins = Beginning(
        id=started.id,
        name=started.name,
        first=(started, *first),
        params=flat,
        experiment=started.experiment,
        is_captured=True,
    )
    return Run(destination, folder, clock, begins)


def _destination(chosen: _Chosen) -> tuple[Destination, Path, Clock]:
    if chosen.offline:
        away = Offline(Path(chosen.offline).expanduser().resolve())
        return away, away.spool, WallClock()
    root, is_declared = project_or_folder(Path.cwd())
    if chosen.server:
        there = on_server(chosen.server, root / HOME)
        return there, there.spool, WallClock()
    project = InProject(root, is_declared=is_declared)
    # In a replay time is told by the project's watermark.
    clock: Clock = Watermark(project.home / "watermark") if project.is_replay else WallClock()
    return project, project.home / "spool", clock


def _resumed(chosen: _Chosen, run_id: str) -> Run:
    if chosen.offline:
        raise UserError(
            f"Run {run_id} cannot go on offline: what it said before is in a database. Leave out `offline`."
        )
    root, is_declared = project_or_folder(Path.cwd())
    if chosen.server:
        there = on_server(chosen.server, root / HOME)
        return Run(there, there.spool, WallClock(), there.beginning(run_id))
    return opened_project(InProject(root, is_declared=is_declared)).runs.resume(run_id)


def _observers(begun: Run, chosen: _Chosen) -> list[Callable[[], None]]:
    """What watches a run from outside, each by what ends it."""
    found: list[Callable[[], None]] = []
    watched = begun.node if isinstance(begun, SilentRun) else begun
    if watched is None:
        return found
    if chosen.system_metrics and this_rank().is_first_of_node:
        stop = threading.Event()

        def sample() -> None:
            # psutil is imported in this thread.
            importlib.import_module("homeostat.track.system_metrics").sample(watched, stop)

        threading.Thread(target=sample, name=f"homeostat-system-{watched.id}", daemon=True).start()
        found.append(stop.set)
    if chosen.capture_output and not isinstance(begun, SilentRun):
        found.append(Output(begun).stop)
    return found


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
