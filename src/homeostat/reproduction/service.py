"""Making a model again, comparing, and keeping the verdict.

The recorded packages are installed, the recorded code is written out, and a process of its own runs the pipeline offline
with an empty cache. Then both runs are compared step by step. On demand it is made once more for each factor that is
known to change the last bits, with that factor alone changed: what then comes out otherwise depends on it.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from homeostat.capture.environment import environment, read_environment
from homeostat.capture.hardware import hardware
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest, canonical_json
from homeostat.core.errors import AlreadyExists, NotFound
from homeostat.core.ids import split_numbered
from homeostat.loop import queries as loop_queries
from homeostat.pipelines import queries as pipeline_queries
from homeostat.pipelines.records import PipelineRun, Stored
from homeostat.registry import queries as registry_queries
from homeostat.reproduction.attempts import Attempt, attempt
from homeostat.reproduction.comparison import Record, compare, compare_steps, grade_of, read_record
from homeostat.reproduction.facts import ModelReproduced
from homeostat.reproduction.interpreters import Interpreter, interpreter
from homeostat.reproduction.records import Factor, Flip, Recipe, Reproduction
from homeostat.reproduction.rules import cause, flipped, pinned, sentence
from homeostat.store import ledger, lineage
from homeostat.workspace import Workspace

_LOOKED_BACK = 5  # trainings decided before the run, the last of which is nearly always the one
_NEWEST = 1000


class Subject(NamedTuple):
    """What is to be made again: a version, or the model of a run that is none."""

    name: str
    system: str
    number: int
    run_id: str
    node: str


def reproduce(
    workspace: Workspace,
    model: str,
    *,
    same_environment: bool = False,
    flips: Sequence[Factor] = (),
    keep: Path | None = None,
    actor: str = "local",
) -> Reproduction:
    """Make a model again from what is recorded of it, and keep how alike the two are.

    Args:
        model: a version, such as `late-flights@3`, or the id of a run whose pipeline made a model.
        same_environment: run on the packages of this process instead of installing the recorded ones.
        flips: factors to change, one at a time, to see what the model depends on. Each makes it once more.
        keep: a new folder to leave the workspaces in, one for each making; None: they are deleted.

    Returns: the record; also an object, a lineage node `reproduction:<digest>` and a fact.
    Raises: NotFound if there is no such model, or its run does not say what it was made of. CorruptObject if its code is
        damaged. AlreadyExists if there is something in the folder to keep.
    """
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise AlreadyExists(f"{keep} holds something already; nothing was touched. Name a new directory: --keep DIR")
    started = time.monotonic()
    with workspace.database.read() as connection:
        subject = _subject(connection, model)
        recorded = read_record(connection, workspace.objects, workspace.root, subject.run_id)
        recipe = _recipe(workspace, subject, recorded, _window_ends(connection, recorded.run))
    present = read_environment(environment(workspace.objects), workspace.objects)
    python = interpreter(
        recorded.environment, present, recorded.surroundings.sources, same_environment=same_environment
    )
    settings = {**pinned(recorded.hardware, hardware()), **recorded.surroundings.variables}
    with _folder(keep) as folder:
        again = attempt(folder / "again", recipe, workspace.objects, python, settings)
        differences = [*([] if again.found is None else compare(recorded, again.found)), *again.outcome.differences]
        grade = grade_of(recorded, again.found, again.outcome)
        making = _Making(folder, recipe, workspace, python, settings, recorded)
        turned = tuple(making.flip(factor) for factor in flips)
        is_repeatable = not flips or grade in ("A", "B") or making.repeats(again)
        made = Reproduction(
            name=subject.name,
            system=subject.system,
            number=subject.number,
            model=recipe.model,
            remade=(again.found.model if again.found else None) or "",
            run_id=subject.run_id,
            grade=grade,
            differences=tuple(differences),
            probe=again.outcome.probe,
            environment=python.source,
            environment_why=python.why,
            error=again.outcome.error,
            sentence=sentence(subject.name, grade, differences, again.outcome.error),
            took_s=round(time.monotonic() - started, 2),
            flips=turned,
            cause=cause(grade, turned, is_repeatable=is_repeatable),
        )
    _keep(workspace, subject, made, actor)
    return made


class _Making(NamedTuple):
    """What further makings of one model share."""

    folder: Path
    recipe: Recipe
    workspace: Workspace
    python: Interpreter
    settings: Mapping[str, str]
    recorded: Record

    def flip(self, factor: Factor) -> Flip:
        """Make it with one factor changed."""
        changed = flipped(factor, self.recorded.hardware, self.settings)
        other = self._attempt(factor, {**self.settings, **changed})
        steps = [] if other.found is None else compare_steps(self.recorded, other.found)
        return Flip(
            factor=factor,
            variables=changed,
            grade=grade_of(self.recorded, other.found, other.outcome),
            first=steps[0] if steps else None,
            error=other.outcome.error,
        )

    def repeats(self, first: Attempt) -> bool:
        """Whether it comes out as in the first making when nothing is changed."""
        second = self._attempt("unchanged", self.settings)
        return (
            first.found is not None and second.found is not None and not compare_steps(first.found, second.found)
        ) or first.outcome.error == second.outcome.error != ""

    def _attempt(self, name: str, settings: Mapping[str, str]) -> Attempt:
        return attempt(self.folder / name, self.recipe, self.workspace.objects, self.python, settings)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="homeostat-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _subject(connection: Connection, model: str) -> Subject:
    if "@" not in model:
        run = pipeline_queries.get(connection, model)
        return Subject(run.id, run.system, 0, run.id, lineage.node("run", run.id))
    system, number = split_numbered(model, kind="model version", owner="system", example="late-flights@3")
    version = registry_queries.version(connection, system, number)
    return Subject(version.name, system, number, version.run_id, version.node)


def _window_ends(connection: Connection, run: PipelineRun) -> tuple[Micros, ...]:
    """When trainings were decided, the last before the run first: their windows ended then."""
    if not run.system:
        return ()
    decided = loop_queries.read_decisions(connection, system=run.system, verdicts=("retrain",), limit=_NEWEST)
    return tuple(decision.at for decision in decided if decision.at <= run.started_at)[:_LOOKED_BACK]


def _recipe(workspace: Workspace, subject: Subject, recorded: Record, ends: tuple[Micros, ...]) -> Recipe:
    run, model, candidate = recorded.run, recorded.model, recorded.candidate
    if model is None:
        raise NotFound(
            f"Run {run.id} of pipeline {run.pipeline} ({run.status}) made no model, so there is none to make again. Give a run "
            f"whose pipeline returned a model, or a version: homeostat models"
        )
    inputs, arguments = run.arguments, msgspec.msgpack.encode({})
    data, given = inputs.get("data"), inputs.get("arguments")
    if run.system and data is not None and given is not None:  # as the loop trains
        inputs = dict(zip(data.keys, data.items, strict=True))
        arguments = msgspec.msgpack.encode(workspace.pipelines.value(given))
    elif not recorded.surroundings.entry:
        raise NotFound(
            f"Run {run.id} of {subject.name} does not say which function ran, so it cannot be run again: it is older than "
            f"that record. Run its pipeline again: homeostat run"
        )
    return Recipe(
        origin=str(workspace.root.resolve()),
        code="",
        code_tree=run.code_tree,
        system=run.system,
        entry=recorded.surroundings.entry,
        inputs=inputs,
        arguments=arguments,
        window_ends=ends,
        model=model,
        holdout=candidate.holdout.blob if candidate and isinstance(candidate.holdout, Stored) else None,
        label=candidate.label if candidate else "",
        generators=recorded.surroundings.generators,
    )


def _keep(workspace: Workspace, subject: Subject, made: Reproduction, actor: str) -> None:
    """The record as an object, with its place in the lineage and a fact, in one transaction."""
    digest: Digest = workspace.objects.put(canonical_json(made))
    at = workspace.clock.now()
    node = lineage.node("reproduction", digest)
    fact = ModelReproduced(
        system=made.system,
        actor=actor,
        number=made.number,
        run_id=made.run_id,
        model=made.model,
        grade=made.grade,
        reproduction=digest,
        sentence=made.sentence,
    )
    edges = [lineage.Edge(node, subject.node, "of"), lineage.Edge(node, lineage.node("model", made.model), "of")]
    with workspace.database.write() as connection:
        lineage.record(connection, at, edges)
        ledger.append(connection, at, fact)
