"""One run of a pipeline: each call of a step is answered from what was made before, or run and kept.

A step is keyed when it is called and run at once if its key is new; what it returns is read only when it is used. A step
with a process is keyed as soon as what it depends on is there, and runs beside the pipeline until its result is used. The
blob is written first, then one transaction holds the action with its lineage: a crash in between leaves an object
nobody names, and the rerun finds every action that was committed.
"""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import insert

from homeostat.core.clock import Clock
from homeostat.core.digests import Digest, canonical_json
from homeostat.core.errors import StateError, StepFailed, UserError
from homeostat.core.ids import ActionId, new_id
from homeostat.pipelines import queries
from homeostat.pipelines.attempts import Made
from homeostat.pipelines.code_digest import code_digest
from homeostat.pipelines.executors import Executor, Inline, Task
from homeostat.pipelines.handle import Handle
from homeostat.pipelines.observation import has_changed, with_edited
from homeostat.pipelines.ports import TrackedRun
from homeostat.pipelines.processes import AT_ONCE, Processes
from homeostat.pipelines.records import Action, Observed, Stored
from homeostat.pipelines.resources import Resources
from homeostat.pipelines.rules import action_key
from homeostat.pipelines.steps import Step, Where
from homeostat.pipelines.values import Values
from homeostat.store import lineage
from homeostat.store.db import Database
from homeostat.store.db.schema.pipelines import actions
from homeostat.store.lineage import Edge, node
from homeostat.store.objects import ObjectStore

_logger = logging.getLogger(__name__)

Progress = Callable[[Action], None]


class _Call(NamedTuple):
    """A call of a step.

    Attributes:
        position: which call of this step, from 0.
        number: which call of any step.
    """

    step: Step[..., Any]
    arguments: Mapping[str, Any]
    position: int
    number: int


class Execution:
    """Answers the calls of steps in one run. Steps are called from one thread; those with a process run beside it.

    Args:
        uses_cache: whether a call may be answered by what was made before.
        is_twice: whether each step runs a second time, in a fresh process, to see if it makes the same.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        clock: Clock,
        values: Values,
        run: TrackedRun,
        *,
        pipeline: str,
        root: Path,
        environment: Digest,
        uses_cache: bool,
        is_twice: bool,
        resources: Resources,
        progress: Progress | None,
    ) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock
        self._values = values
        self._run = run
        self._pipeline = pipeline
        self._root = root
        self._environment = environment
        self._uses_cache = uses_cache
        self._is_twice = is_twice
        self._progress = progress
        self._processes = Processes(values, run, root, resources)
        self._executors: dict[str, Executor] = {"inline": Inline(values, run, root), "process": self._processes}
        self._pool = ThreadPoolExecutor(AT_ONCE, "homeostat-call")  # waits for what a step depends on, and for the step
        self._pending: list[Future[Action]] = []
        self._apart: set[ActionId] = set()
        self._is_closed = False
        self._positions: Counter[str] = Counter()
        self._expected: dict[Digest, list[Action]] | None = None
        self._lock = threading.RLock()  # of what follows
        # Repeated results are only noted: they wait for the next transaction, and a crash loses no work with them.
        self._waiting: list[tuple[Action, list[Edge]]] = []
        self._actions: dict[int, Action] = {}

    @property
    def actions(self) -> list[Action]:
        """What was called and came to an end, in the order of the calls."""
        return [self._actions[number] for number in sorted(self._actions)]

    def call(self, step: Step[..., Any], arguments: dict[str, Any]) -> Any:
        """Answer a call: a handle, or a tuple of handles where the step returns a tuple of fixed length.

        A step with a process is waited for when its handle is used.

        Raises: StepFailed with the user's exception as its cause. WrongType if an argument does not fit.
        """
        position = self._positions[step.name]
        call = _Call(step, arguments, position, self._positions.total())
        self._positions[step.name] += 1
        if step.executor == "inline":
            action = self._answer(call)
            return self._handles(step, lambda at: action.outputs[at])
        future = self._pool.submit(self._answer, call)
        self._pending.append(future)
        return self._handles(step, lambda at: lambda: future.result().outputs[at])

    def settle(self) -> None:
        """Wait for every step. Raises: StepFailed of the first that failed."""
        wait(self._pending)
        for future in self._pending:
            future.result()

    def close(self) -> None:
        """Stop what still goes on and write what waits."""
        self._is_closed = True
        for future in self._pending:
            future.cancel()
        for action in tuple(self._apart):
            self._processes.cancel(action)
        self._pool.shutdown()
        self._processes.close()
        self._flush()

    def _answer(self, call: _Call) -> Action:
        begun, arguments = self._begin(call)
        made = self._made_before(begun.key) if self._uses_cache else None
        if made is None:
            return self._execute(Task(call.step, begun, arguments), call.number)
        action = msgspec.structs.replace(
            begun,
            status="cached",
            made_by=made.id,
            outputs=made.outputs,
            observed=made.observed,
            finished_wall=time.time(),
        )
        action = self._repeated(Task(call.step, begun, arguments), action)
        with self._lock:
            self._waiting.append((action, _window_edges(action)))
            self._note(action, call.number)
        return action

    def _flush(self) -> None:
        with self._lock:
            if self._waiting:
                with self._database.write() as connection:
                    connection.execute(insert(actions), [queries.action_row(action) for action, _ in self._waiting])
                    for action, edges in self._waiting:
                        lineage.record(connection, action.at, edges)
                self._waiting.clear()

    def _begin(self, call: _Call) -> tuple[Action, dict[str, Any]]:
        """The action of a call, before it is known what comes of it, and the arguments with the columns it is given."""
        step, arguments = call.step, dict(call.arguments)
        stored = {
            name: self._values.argument(value, step.hints.get(name, Any), f"Step {step.name}, parameter {name}")
            for name, value in arguments.items()
        }
        for name in step.columns:
            arguments[name] = step.chosen(
                name, self._values.live(stored[name], arguments[name], step.hints.get(name, Any))
            )
            stored[name] = self._values.projected(stored[name], arguments[name])
        code = code_digest(step.function, self._root, step.hints.values())
        parts = self._objects.put(canonical_json(code.parts))
        variables = {name: os.environ.get(name, "") for name in step.env}
        at = self._clock.now()
        identity = ActionId(new_id("action", at))
        action = Action(
            id=identity,
            run_id=self._run.id,
            pipeline=self._pipeline,
            step=step.name,
            position=call.position,
            key=action_key(
                step.name,
                cpu=step.cpu,
                code=code.digest,
                arguments=stored,
                environment=self._environment,
                variables=variables,
            ),
            status="ran",
            made_by=identity,
            outputs=(),
            arguments=stored,
            code=parts,
            environment=self._environment,
            variables=variables,
            observed=Observed(),
            error="",
            at=at,
            started_wall=time.time(),
            finished_wall=0.0,
        )
        return action, arguments

    def _made_before(self, key: Digest) -> Action | None:
        """An action that ran under this key, whose results are all still there and what it read is as it was."""
        for made in self._expectations().get(key, ()):
            if self._stands(made):
                return made
        with self._database.read() as connection:
            found = queries.made_under(connection, key)
        return next((made for made in found if self._stands(made)), None)

    def _expectations(self) -> dict[Digest, list[Action]]:
        """What answered the run before, read at once: a run that repeats it asks the database no more."""
        with self._lock:
            if self._expected is None:
                self._expected = {}
                with self._database.read() as connection:
                    for made in queries.made_for_run_before(connection, self._pipeline, self._run.id):
                        self._expected.setdefault(made.key, []).append(made)
            return self._expected

    def _stands(self, made: Action) -> bool:
        return all(map(self._values.is_complete, made.outputs)) and not has_changed(made.observed, self._root)

    def _execute(self, task: Task, number: int) -> Action:
        step, begun = task.step, task.begun
        try:
            made = self._attempt(task)
        except CancelledError:
            raise  # another step failed, or somebody interrupted the run: nothing came of this one
        except Exception as error:
            line = f"{type(error).__name__}: {error}"
            failed = msgspec.structs.replace(begun, status="failed", error=line, finished_wall=time.time())
            self._commit(failed, [], number)
            raise StepFailed(
                f"Step {step.name} failed in run {self._run.id}: {line}. What ran before it is kept: mend the step and run "
                f"the pipeline again."
            ) from error
        if made.observed.sockets:
            _logger.warning(
                "Step %s connected to %s: its result depends on the outside, and is kept until its inputs change.",
                step.name,
                ", ".join(made.observed.sockets),
            )
        observed = with_edited(made.observed, self._root)
        action = msgspec.structs.replace(begun, outputs=made.outputs, observed=observed, finished_wall=time.time())
        action = self._repeated(task, action)
        self._commit(action, _edges(action), number)
        return action

    def _attempt(self, task: Task) -> Made:
        """Try the step, and again as often as it declares."""
        for attempt in range(task.step.retries + 1):
            try:
                return self._tried(task, task.step.executor)
            except (UserError, StateError, CancelledError):
                raise  # trying again would not change it
            except Exception:
                if attempt == task.step.retries:
                    raise
        raise AssertionError("a step is tried at least once")

    def _tried(self, task: Task, executor: Where) -> Made:
        if executor == "inline":
            return self._executors[executor].submit(task).result()
        self._apart.add(task.begun.id)
        try:
            if self._is_closed:
                raise CancelledError
            return self._executors[executor].submit(task).result()
        finally:
            self._apart.discard(task.begun.id)

    def _repeated(self, task: Task, action: Action) -> Action:
        """The action, with what came of a second time in another process, if somebody asked for it."""
        if not self._is_twice:
            return action
        again = msgspec.structs.replace(task.begun, id=ActionId(new_id("action", task.begun.at)))
        try:
            outputs = self._tried(task._replace(begun=again), "process").outputs
        except CancelledError:
            raise
        except Exception:
            _logger.exception("Step %s failed when it ran a second time.", task.step.name)
            return msgspec.structs.replace(action, repeated="differs")
        pairs = zip(action.outputs, outputs, strict=True)
        same = all(self._values.is_alike(*pair) for pair in pairs)
        return msgspec.structs.replace(action, repeated="same" if same else "differs")

    def _handles(self, step: Step[..., Any], output: Callable[[int], Stored | Callable[[], Stored]]) -> Any:
        hints = step.output_hints
        if hints is None:
            return self._handle(output(0), step.hints.get("return", Any))
        return tuple(self._handle(output(at), hint) for at, hint in enumerate(hints))

    def _handle(self, stored: Stored | Callable[[], Stored], hint: Any) -> Handle:
        return Handle(stored, lambda wanted: self._values.load(wanted, hint))

    def _commit(self, action: Action, edges: list[Edge], number: int) -> None:
        with self._lock:
            self._waiting.append((action, edges))
            self._flush()
            self._note(action, number)

    def _note(self, action: Action, number: int) -> None:
        self._actions[number] = action
        if self._progress is not None:
            self._progress(action)


def _edges(action: Action) -> list[Edge]:
    here = node("action", action.id)
    made = [Edge(leaf.node, here, "output") for stored in action.outputs for leaf in stored.leaves()]
    used = [
        Edge(here, leaf.node, name)
        for name, stored in action.arguments.items()
        for leaf in stored.leaves()
        if leaf.node
    ]
    code = Edge(here, node("code", action.code), "code")
    environment = Edge(here, node("environment", action.environment), "environment")
    return [*made, *used, *_window_edges(action), code, environment]


def _window_edges(action: Action) -> list[Edge]:
    """Rows came from the datasets they are a window of; true of a repeated result as well."""
    return [
        Edge(leaf.node, origin, "window")
        for stored in action.arguments.values()
        for leaf in stored.leaves()
        for origin in leaf.origin
    ]
