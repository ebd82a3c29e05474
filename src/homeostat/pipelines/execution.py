"""One run of a pipeline: each call of a step is answered from what was made before, or run and kept.

A step is keyed when it is called and run at once if its key is new; what it returns is read only when it is used. The
blob is written first, then one transaction holds the action with its lineage: a crash in between leaves an object
nobody names, and the rerun finds every action that was committed.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import insert

from homeostat.core.clock import Clock
from homeostat.core.digests import Digest, canonical_json
from homeostat.core.errors import StateError, StepFailed, UserError
from homeostat.core.ids import ActionId, new_id
from homeostat.pipelines import queries
from homeostat.pipelines.attempts import Made, perform
from homeostat.pipelines.child import perform_apart
from homeostat.pipelines.code_digest import code_digest
from homeostat.pipelines.handle import Handle
from homeostat.pipelines.observation import changes
from homeostat.pipelines.ports import TrackedRun
from homeostat.pipelines.records import Action, Observed, Stored
from homeostat.pipelines.rules import action_key
from homeostat.pipelines.steps import Step
from homeostat.pipelines.values import Values
from homeostat.store import lineage
from homeostat.store.db import Database
from homeostat.store.db.schema.pipelines import actions
from homeostat.store.lineage import Edge, node
from homeostat.store.objects import ObjectStore

_logger = logging.getLogger(__name__)

Progress = Callable[[Action], None]


class Execution:
    """Answers the calls of steps in one run. For one thread.

    Attributes:
        actions: what was called so far, in order.
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
        use_cache: bool,
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
        self._use_cache = use_cache
        self._progress = progress
        self._positions: dict[str, int] = {}
        # Repeated results are only noted: they wait for the next transaction, and a crash loses no work with them.
        self._waiting: list[tuple[Action, list[Edge]]] = []
        self.actions: list[Action] = []

    def call(self, step: Step[..., Any], arguments: dict[str, Any]) -> Any:
        """Answer a call: a handle, or a tuple of handles where the step returns a tuple of fixed length.

        Raises: StepFailed with the user's exception as its cause. WrongType if an argument does not fit.
        """
        begun = self._begin(step, arguments)
        made = self._made_before(begun.key) if self._use_cache else None
        if made is not None:
            action = msgspec.structs.replace(
                begun,
                status="cached",
                made_by=made.id,
                outputs=made.outputs,
                observed=made.observed,
                finished_wall=time.time(),
            )
            self._waiting.append((action, _window_edges(action)))
            self._note(action)
        else:
            action = self._execute(step, arguments, begun)
        return self._handles(step, action.outputs)

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            with self._database.write() as connection:
                connection.execute(insert(actions), [queries.action_row(action) for action, _ in self._waiting])
                for action, edges in self._waiting:
                    lineage.record(connection, action.at, edges)
            self._waiting.clear()

    def _begin(self, step: Step[..., Any], arguments: Mapping[str, Any]) -> Action:
        """The action of a call, before it is known what comes of it."""
        stored = {
            name: self._values.argument(value, step.hints.get(name, Any), f"Step {step.name}, parameter {name}")
            for name, value in arguments.items()
        }
        code = code_digest(step.function, self._root, step.hints.values())
        parts = self._objects.put(canonical_json(code.parts))
        variables = {name: os.environ.get(name, "") for name in step.env}
        position = self._positions.get(step.name, 0)
        self._positions[step.name] = position + 1
        at = self._clock.now()
        identity = ActionId(new_id("action", at))
        return Action(
            id=identity,
            run_id=self._run.id,
            pipeline=self._pipeline,
            step=step.name,
            position=position,
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

    def _made_before(self, key: Digest) -> Action | None:
        """An action that ran under this key, whose results are all still there and what it read is as it was."""
        with self._database.read() as connection:
            found = queries.made_under(connection, key)
        return next((made for made in found if self._stands(made)), None)

    def _stands(self, made: Action) -> bool:
        return all(map(self._values.is_complete, made.outputs)) and not changes(made.observed, self._root)

    def _execute(self, step: Step[..., Any], arguments: Mapping[str, Any], begun: Action) -> Action:
        try:
            made = self._attempt(step, arguments, begun)
        except Exception as error:
            line = f"{type(error).__name__}: {error}"
            failed = msgspec.structs.replace(begun, status="failed", error=line, finished_wall=time.time())
            self._commit(failed, [])
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
        action = msgspec.structs.replace(begun, outputs=made.outputs, observed=made.observed, finished_wall=time.time())
        self._commit(action, _edges(action))
        return action

    def _attempt(self, step: Step[..., Any], arguments: Mapping[str, Any], begun: Action) -> Made:
        """Try the step, and again as often as it declares."""
        for attempt in range(step.retries + 1):
            try:
                if step.timeout_us is None:
                    return perform(step, begun, arguments, self._values, self._run, self._root)
                return perform_apart(step, begun, arguments, self._values, self._run, self._root)
            except (UserError, StateError):
                raise  # trying again would not change it
            except Exception:
                if attempt == step.retries:
                    raise
        raise AssertionError("a step is tried at least once")

    def _handles(self, step: Step[..., Any], outputs: tuple[Stored, ...]) -> Any:
        hints = step.output_hints
        if hints is None:
            return self._handle(outputs[0], step.hints.get("return", Any))
        return tuple(self._handle(stored, hint) for stored, hint in zip(outputs, hints, strict=True))

    def _handle(self, stored: Stored, hint: Any) -> Handle:
        return Handle(stored, lambda wanted: self._values.load(wanted, hint))

    def _commit(self, action: Action, edges: list[Edge]) -> None:
        self._waiting.append((action, edges))
        self.flush()
        self._note(action)

    def _note(self, action: Action) -> None:
        self.actions.append(action)
        if self._progress is not None:
            self._progress(action)


def _edges(action: Action) -> list[Edge]:
    here = node("action", action.id)
    made = [Edge(leaf.node, here, "output") for stored in action.outputs for leaf in _leaves(stored)]
    used = [
        Edge(here, leaf.node, name)
        for name, stored in action.arguments.items()
        for leaf in _leaves(stored)
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
        for leaf in _leaves(stored)
        for origin in leaf.origin
    ]


def _leaves(stored: Stored) -> list[Stored]:
    if stored.codec in ("list", "tuple", "dict"):
        return [leaf for item in stored.items for leaf in _leaves(item)]
    return [stored]
