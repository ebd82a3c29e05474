"""Running pipelines, and telling why a step ran."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import insert, update

from homeostat.capture.environment import changed, read_environment
from homeostat.capture.surroundings import Surroundings, as_json, capture
from homeostat.core.clock import Clock
from homeostat.core.digests import Digest
from homeostat.core.errors import NotFound, WrongType
from homeostat.pipelines import queries
from homeostat.pipelines.code_digest import CodeDigest
from homeostat.pipelines.execution import Execution, Progress
from homeostat.pipelines.facts import PipelineFinished
from homeostat.pipelines.handle import Handle, replace_handles, stored_of
from homeostat.pipelines.ports import RunLog, TrackedRun
from homeostat.pipelines.records import Action, Change, PipelineRun, RunStatus, Stored, Why
from homeostat.pipelines.resources import Resources
from homeostat.pipelines.rules import explain, shown
from homeostat.pipelines.steps import Pipeline, answered_by
from homeostat.pipelines.values import Values
from homeostat.store import ledger
from homeostat.store.db import Database
from homeostat.store.db.schema.pipelines import pipeline_runs
from homeostat.store.objects import ObjectStore


class Pipelines:
    """Runs pipelines of one project. Safe for threads and processes: each run is on its own.

    Args:
        root: the project's folder.
        runs: where runs are tracked.
    """

    def __init__(self, database: Database, objects: ObjectStore, clock: Clock, root: Path, runs: RunLog) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock
        self._root = root
        self._runs = runs
        self._resources = Resources.of_this_machine()  # all runs of this process share them

    def run(
        self,
        pipeline: Pipeline,
        arguments: Mapping[str, Any],
        *,
        system: str = "",
        actor: str = "local",
        use_cache: bool = True,
        is_twice: bool = False,
        progress: Progress | None = None,
    ) -> PipelineRun:
        """Run a pipeline; steps that ran before on the same inputs, code and environment are not run again.

        Not part of a caller's transaction: each step commits by itself.

        Args:
            arguments: by parameter, datasets among them; a `Stored` is what an earlier run made.
            system: which system it trains, if any.
            use_cache: let what was kept answer; else every step runs.
            is_twice: run every step once more in a fresh process, and note in its action whether it made the same.
            progress: told of each action when it has run or was found.

        Returns: the run, with `Stored` in its result where a step made it; `value` reads one.
        Raises: StepFailed with the user's exception as its cause; a later run resumes behind the last step that ran.
            InvalidDeclaration or WrongType if the arguments do not fit. Whatever the pipeline's own code raises.
        """
        surroundings = capture(self._root, self._objects, entry=pipeline.path)
        values = self._values(surroundings.code)
        bound = pipeline.bind({name: _opened(value, values) for name, value in arguments.items()})
        kept = {
            name: values.argument(value, pipeline.hints.get(name, Any), f"Parameter {name}")
            for name, value in bound.items()
        }
        run = self._runs.start(
            pipeline.name,
            kind="pipeline",
            params={name: shown(stored) for name, stored in kept.items()},
            system=system,
            surroundings=as_json(surroundings),
        )
        record = self._started(pipeline, run, surroundings, arguments=kept, system=system, actor=actor)
        execution = self._execution(record, run, values, uses_cache=use_cache, is_twice=is_twice, progress=progress)
        try:
            with closing(execution), answered_by(execution, run):
                result = replace_handles(pipeline.function(**bound), stored_of)
                execution.settle()
            recorded = _recorded(pipeline, result)
        except BaseException as error:
            self._finish(record, run, execution, error=f"{type(error).__name__}: {error}")
            raise
        return self._finish(record, run, execution, result=result, recorded=recorded)

    def value(self, stored: Stored) -> Any:
        """Read a value that a step made.

        Raises: NotFound if its bytes are gone. CorruptObject if they are not what they were.
        """
        return self._values(Digest("")).load(stored)

    def why(self, step: str) -> Why:
        """Why a step ran in the newest run that has it: what differs from the run before.

        Of several calls in that run the first that was not repeated is explained.

        Raises: NotFound if the step never ran.
        """
        with self._database.read() as connection:
            calls = queries.latest_calls(connection, step)
            if not calls:
                raise NotFound(f"No step {step!r} has run yet. Run its pipeline: `homeostat run`.")
            action = _telling(calls)
            previous = queries.call_before(connection, action)
        return self._explained(action, previous)

    def why_each(self, run: PipelineRun) -> list[Why]:
        """Why each step of a run ran, or did not, in the order of their first calls; of several calls as `why`.

        Cost: for each step one query and what the code of two calls is made of.
        """
        calls: dict[str, list[Action]] = {}
        for action in run.actions:
            calls.setdefault(action.step, []).append(action)
        chosen = [_telling(of_step) for of_step in calls.values()]
        with self._database.read() as connection:
            before = [queries.call_before(connection, action) for action in chosen]
        return [self._explained(action, previous) for action, previous in zip(chosen, before, strict=True)]

    def _explained(self, action: Action, previous: Action | None) -> Why:
        if previous is None:
            return explain(action, self._code(action), None, None, [])
        return explain(action, self._code(action), previous, self._code(previous), self._packages(previous, action))

    def _execution(
        self,
        record: PipelineRun,
        run: TrackedRun,
        values: Values,
        *,
        uses_cache: bool,
        is_twice: bool,
        progress: Progress | None,
    ) -> Execution:
        return Execution(
            self._database,
            self._objects,
            self._clock,
            values,
            run,
            pipeline=record.pipeline,
            root=self._root,
            environment=record.environment,
            uses_cache=uses_cache,
            is_twice=is_twice,
            resources=self._resources,
            progress=progress,
        )

    def _values(self, code_tree: Digest) -> Values:
        return Values(self._objects, code_tree, self._root / ".homeostat" / "run" / "code")

    def _code(self, action: Action) -> CodeDigest:
        parts = msgspec.json.decode(self._objects.read(action.code), type=dict[str, str])
        return CodeDigest(digest=action.code, parts=parts)

    def _packages(self, previous: Action, action: Action) -> list[Change]:
        """What differs between two environments, package by package."""
        if previous.environment == action.environment:
            return []
        before, after = (read_environment(found.environment, self._objects) for found in (previous, action))
        return [Change(**change._asdict()) for change in changed(before, after)]

    def _started(
        self,
        pipeline: Pipeline,
        run: TrackedRun,
        surroundings: Surroundings,
        *,
        arguments: dict[str, Stored],
        system: str,
        actor: str,
    ) -> PipelineRun:
        record = PipelineRun(
            id=run.id,
            pipeline=pipeline.name,
            system=system,
            actor=actor,
            status="running",
            arguments=arguments,
            result=None,
            code_tree=surroundings.code,
            environment=surroundings.environment,
            error="",
            started_at=self._clock.now(),
            started_wall=time.time(),
            finished_wall=None,
            actions=(),
        )
        row = msgspec.structs.asdict(record)
        del row["actions"]
        row["arguments"] = msgspec.json.encode(arguments).decode()
        row["result"] = "null"
        with self._database.write() as connection:
            connection.execute(insert(pipeline_runs).values(row))
        return record

    def _finish(
        self,
        record: PipelineRun,
        run: TrackedRun,
        execution: Execution,
        *,
        result: Any = None,
        recorded: str = "null",
        error: str = "",
    ) -> PipelineRun:
        status: RunStatus = "failed" if error else "finished"
        finished = msgspec.structs.replace(
            record,
            status=status,
            result=result,
            error=error,
            finished_wall=time.time(),
            actions=tuple(execution.actions),
        )
        statuses = [action.status for action in finished.actions]
        fact = PipelineFinished(
            system=record.system,
            actor=record.actor,
            run_id=record.id,
            pipeline=record.pipeline,
            status=status,
            ran=statuses.count("ran"),
            cached=statuses.count("cached"),
            error=error,
        )
        with self._database.write() as connection:
            connection.execute(
                update(pipeline_runs)
                .where(pipeline_runs.c.id == record.id)
                .values(
                    status=status,
                    result=recorded,
                    error=error,
                    finished_wall=finished.finished_wall,
                )
            )
            ledger.append(connection, self._clock.now(), fact)
        self._keep_models(run, finished)
        run.finish(status, error or None)
        return finished

    def _keep_models(self, run: TrackedRun, finished: PipelineRun) -> None:
        """The models that the run's steps made, found or made anew, are its artifacts."""
        for action in finished.actions:
            for output in action.outputs:
                if output.codec == "model" and output.blob is not None:
                    again = f".{action.position}" if action.position else ""
                    run.artifact(f"{action.step}{again}.model", self._objects.read(output.blob))


def _telling(calls: Sequence[Action]) -> Action:
    """Of several calls of a step in a run the first that was not repeated."""
    return next((call for call in calls if call.status != "cached"), calls[0])


def _opened(value: Any, values: Values) -> Any:
    return Handle(value, values.load) if isinstance(value, Stored) else value


def _recorded(pipeline: Pipeline, result: Any) -> str:
    try:
        return msgspec.json.encode(result).decode()
    except TypeError as error:
        raise WrongType(
            f"Pipeline {pipeline.name} returned what cannot be recorded: {error}. Return a Candidate, results of steps, or "
            f"plain data."
        ) from error
