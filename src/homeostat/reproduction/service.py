"""Making a model version again, comparing, and keeping the verdict.

The recorded code is written out, the recorded packages are found or installed, and a process of its own runs the pipeline
offline with an empty cache. Then both runs are compared step by step.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from homeostat.capture.code import materialise
from homeostat.capture.environment import environment, read_environment
from homeostat.capture.hardware import variables
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest, canonical_json
from homeostat.core.errors import NotFound
from homeostat.loop import queries as loop_queries
from homeostat.pipelines import Candidate
from homeostat.pipelines import queries as pipeline_queries
from homeostat.pipelines.records import PipelineRun, Stored
from homeostat.registry import queries as registry_queries
from homeostat.registry.records import ModelVersion
from homeostat.reproduction.comparison import Record, compare, grade_of, read_record
from homeostat.reproduction.facts import ModelReproduced
from homeostat.reproduction.interpreters import Interpreter, interpreter
from homeostat.reproduction.offline import write_startup
from homeostat.reproduction.records import Outcome, Recipe, Reproduction
from homeostat.reproduction.rules import sentence
from homeostat.store import ledger, lineage
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects
from homeostat.workspace import HOME, Workspace

_LOOKED_BACK = 5  # trainings decided before the run, the last of which is nearly always the one
_NEWEST = 1000


def reproduce(
    workspace: Workspace, system: str, number: int, *, keep: Path | None = None, actor: str = "local"
) -> Reproduction:
    """Make a model version again from what is recorded of it, and keep how alike the two are.

    Args:
        keep: a folder to leave the new workspace in; None: it is deleted.

    Returns: the record; also an object, a lineage node `reproduction:<digest>` and a fact.
    Raises: NotFound if there is no such version, or the loop did not train it. CorruptObject if its code is damaged.
    """
    started = time.monotonic()
    with workspace.database.read() as connection:
        version = registry_queries.version(connection, system, number)
        recorded = read_record(connection, workspace.objects, version.run_id)
        ends = _window_ends(connection, recorded.run)
    folder = Path(tempfile.mkdtemp(prefix="homeostat-")) if keep is None else keep
    folder.mkdir(parents=True, exist_ok=True)
    try:
        code = materialise(recorded.run.code_tree, workspace.objects, folder / "code")
        present = read_environment(environment(workspace.objects), workspace.objects)
        python = interpreter(recorded.environment, present, folder / "environment")
        recipe = _recipe(workspace, version, recorded.run, code, ends)
        (folder / "recipe.json").write_bytes(msgspec.json.encode(recipe))
        outcome = _run(folder, code, python, recorded.variables)
        found = _found(code / HOME)
        differences = [*([] if found is None else compare(recorded, found)), *outcome.differences]
        grade = grade_of(recorded, found, outcome.probe)
        made = Reproduction(
            system=system,
            number=number,
            model=version.model,
            remade="" if found is None or found.model is None else found.model,
            run_id=version.run_id,
            grade=grade,
            differences=tuple(differences),
            probe=outcome.probe,
            environment=python.source,
            environment_why=python.why,
            error=outcome.error,
            sentence=sentence(version.name, grade, differences, outcome.error),
            took_s=round(time.monotonic() - started, 2),
        )
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    _keep(workspace, version, made, actor)
    return made


def latest(connection: Connection, system: str) -> dict[int, ModelReproduced]:
    """The newest reproduction of each version of a system that has one, by number; `reproduction` is its whole record."""
    kinds = (ModelReproduced.kind,)
    found: dict[int, ModelReproduced] = {}
    for entry in ledger.entries(connection, system=system, kinds=kinds, limit=_NEWEST, newest_first=True):
        fact = msgspec.json.decode(entry.body, type=ModelReproduced)
        found.setdefault(fact.number, fact)
    return found


def _window_ends(connection: Connection, run: PipelineRun) -> tuple[Micros, ...]:
    """When trainings were decided, the last before the run first: their windows ended then."""
    decided = loop_queries.read_decisions(connection, system=run.system, verdicts=("retrain",), limit=_NEWEST)
    return tuple(decision.at for decision in decided if decision.at <= run.started_at)[:_LOOKED_BACK]


def _recipe(
    workspace: Workspace, version: ModelVersion, run: PipelineRun, code: Path, ends: tuple[Micros, ...]
) -> Recipe:
    data, given = run.arguments.get("data"), run.arguments.get("arguments")
    candidate = run.result.get("candidate") if isinstance(run.result, dict) else None
    if data is None or given is None or not isinstance(candidate, Candidate):
        raise NotFound(
            f"Run {run.id} of {version.name} does not say what its pipeline was given: the loop did not train it. Only models "
            f"that it trained can be made again."
        )
    return Recipe(
        origin=str(workspace.root.resolve()),
        code=str(code),
        code_tree=run.code_tree,
        system=version.system,
        inputs=dict(zip(data.keys, map(_input, data.items), strict=True)),
        window_ends=ends,
        arguments=msgspec.msgpack.encode(workspace.pipelines.value(given)),
        model=version.model,
        holdout=candidate.holdout.blob,
        label=candidate.label,
    )


def _input(stored: Stored) -> tuple[int, Digest]:
    """Version number and digest of the rows of a window, from `dataset:flights@97` and `table:...`."""
    return int(stored.origin[0].rpartition("@")[2]), Digest(stored.node.partition(":")[2])


def _run(folder: Path, code: Path, python: Interpreter, recorded: Mapping[str, str]) -> Outcome:
    """The rebuilding process, to its end."""
    path = os.pathsep.join(filter(None, (str(write_startup(folder / "offline")), python.path)))
    ours = variables()
    inherited = {name: value for name, value in os.environ.items() if name not in ours and name != "PYTHONPATH"}
    done = subprocess.run(
        [python.python, "-m", "homeostat.reproduction", str(folder)],
        cwd=code,
        env={**inherited, **recorded, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    outcome = folder / "outcome.json"
    if outcome.is_file():
        return msgspec.json.decode(outcome.read_bytes(), type=Outcome)
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return Outcome(error=f"its process ended with exit code {done.returncode}: {last}")


def _found(home: Path) -> Record | None:
    """The run of the rebuilding process, if it came so far."""
    if not (home / "homeostat.db").is_file():
        return None
    database = Database(f"sqlite:///{home / 'homeostat.db'}")
    try:
        with database.read() as connection:
            run = next(iter(pipeline_queries.recent(connection, limit=1)), None)
            return None if run is None else read_record(connection, FileObjects(home / "objects"), run.id)
    finally:
        database.close()


def _keep(workspace: Workspace, version: ModelVersion, made: Reproduction, actor: str) -> None:
    """The record as an object, with a lineage node and a fact, in one transaction."""
    digest = workspace.objects.put(canonical_json(made))
    at = workspace.clock.now()
    fact = ModelReproduced(
        system=made.system,
        actor=actor,
        number=made.number,
        model=made.model,
        grade=made.grade,
        reproduction=digest,
        sentence=made.sentence,
    )
    with workspace.database.write() as connection:
        lineage.record(connection, at, [lineage.Edge(lineage.node("reproduction", digest), version.node, "of")])
        ledger.append(connection, at, fact)
