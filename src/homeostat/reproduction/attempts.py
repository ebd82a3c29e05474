"""One making: the recorded code written out, a process of its own, and what it left behind."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from homeostat.capture.code import materialise
from homeostat.capture.hardware import variables
from homeostat.pipelines import queries as pipeline_queries
from homeostat.reproduction.comparison import Record, read_record
from homeostat.reproduction.interpreters import Interpreter, link_package
from homeostat.reproduction.offline import isolated, write_startup
from homeostat.reproduction.records import Outcome, Recipe
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects, ObjectStore
from homeostat.workspace import HOME


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What a making came to: the new run, if it came so far, and what a run cannot hold."""

    found: Record | None
    outcome: Outcome


def attempt(
    folder: Path, recipe: Recipe, objects: ObjectStore, python: Interpreter, settings: Mapping[str, str]
) -> Attempt:
    """Make the model in a new `folder`, in a process that has the variables of `settings` and no network.

    Raises: NotFound or CorruptObject if the recorded code is gone or damaged.
    """
    folder.mkdir(parents=True)
    code = materialise(recipe.code_tree, objects, folder / "code")
    recipe = msgspec.structs.replace(recipe, code=str(code))
    (folder / "recipe.json").write_bytes(msgspec.json.encode(recipe))
    path = os.pathsep.join(map(str, (write_startup(folder / "offline"), link_package(folder / "package"))))
    ours = variables()
    inherited = {name: value for name, value in os.environ.items() if name not in ours and name != "PYTHONPATH"}
    done = subprocess.run(
        [*isolated(), python.python, "-m", "homeostat.reproduction", str(folder)],
        cwd=code,
        env={**inherited, **settings, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    outcome = folder / "outcome.json"
    if outcome.is_file():
        left = msgspec.json.decode(outcome.read_bytes(), type=Outcome)
    else:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        left = Outcome(error=f"its process ended with exit code {done.returncode}: {last}")
    return Attempt(found=_found(code), outcome=left)


def _found(code: Path) -> Record | None:
    """The run of the process, if it came so far."""
    home = code / HOME
    if not (home / "homeostat.db").is_file():
        return None
    database = Database(f"sqlite:///{home / 'homeostat.db'}")
    try:
        with database.read() as connection:
            run = next(iter(pipeline_queries.recent(connection, limit=1)), None)
            return None if run is None else read_record(connection, FileObjects(home / "objects"), code, run.id)
    finally:
        database.close()
