"""The fresh process of a reproduction: `python -m homeostat.reproduction FOLDER`.

Runs the pipeline as the recorded code declares it, on the recorded rows, in a workspace of its own with nothing in its
cache; whoever starts it has turned the network off. It only reads the project's stores. What it did stays in that
workspace, where the process that asked for it compares; what a run cannot hold is in `outcome.json`.
"""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from homeostat.capture import generators
from homeostat.capture.code import files
from homeostat.codec.models import Model
from homeostat.codec.tables import Dataset, Table
from homeostat.configuration import CONFIG_FILE, Config, read_config
from homeostat.core.digests import short
from homeostat.core.errors import CorruptObject, HomeostatError, NotFound
from homeostat.loop.declaration import DataWindow
from homeostat.pipelines.records import Candidate, Stored
from homeostat.pipelines.steps import Pipeline, step
from homeostat.registry.metrics import measure, metric, unmeasurable
from homeostat.reproduction.records import PROBE_ROWS, Difference, Kind, Outcome, Probe, Recipe
from homeostat.store.db.migrate import migrate
from homeostat.workspace import Workspace

_METRICS = {"classifier": ("auc", "brier"), "regressor": ("mae", "rmse")}
_WHOLE = DataWindow()


class Unfit(Exception):
    """The run cannot begin: `difference` is what is not as recorded. Never leaves this module."""

    def __init__(self, kind: Kind, node: str, detail: str) -> None:
        super().__init__(detail)
        self.difference = Difference(kind=kind, node=node, recorded="", found="", detail=detail)


@step
def compare_with_recorded(recorded: Model, remade: Model, holdout: Table, label: str) -> dict[str, Any]:
    """Both models on the holdout: bits of the scores of its first rows, metrics on all that are labelled."""
    first = holdout.polars().head(PROBE_ROWS)
    scores = recorded.predict(first), remade.predict(first)
    rows = holdout.polars().filter(pl.col(label).is_not_null())
    labels = rows[label].cast(pl.Float64).to_numpy()
    metrics = [
        {
            name: measure(metric(name), labels, model.predict(rows)).value
            for name in _METRICS[recorded.kind]
            if unmeasurable(metric(name), labels) is None
        }
        for model in (recorded, remade)
    ]
    return {
        "rows": len(first),
        "equal": scores[0].tobytes() == scores[1].tobytes(),
        "largest_difference": float(np.abs(scores[0] - scores[1]).max(initial=0.0)),
        "recorded": metrics[0],
        "remade": metrics[1],
    }


def rebuild(recipe: Recipe) -> Outcome:
    """Make the model again in a workspace in `recipe.code`; an error of ours is in the outcome.

    Raises: what the project's modules raise.
    """
    root = Path(recipe.code)
    try:
        config = read_config(root / CONFIG_FILE)
        with Workspace(root, Config(project=config.project)) as here, Workspace.open(Path(recipe.origin)) as origin:
            here.home.mkdir()
            migrate(here.database)
            return _run(recipe, here, origin)
    except Unfit as error:
        return Outcome(differences=(error.difference,), error=str(error))
    except HomeostatError as error:
        return Outcome(error=error.message)


def _run(recipe: Recipe, here: Workspace, origin: Workspace) -> Outcome:
    pipeline, windows = _declared(recipe, here)
    for digest in (recipe.model, recipe.code_tree, *files(recipe.code_tree, origin.objects).values()):
        here.objects.put(origin.objects.read(digest))
    holdout = None
    if recipe.holdout is not None:
        here.objects.put(origin.objects.read(recipe.holdout))
        holdout = Stored(codec="table", digest=recipe.holdout, blob=recipe.holdout)
    arguments = {
        name: _argument(stored, windows.get(name, _WHOLE), recipe, origin) for name, stored in recipe.inputs.items()
    }
    given = {
        "arguments": arguments | msgspec.msgpack.decode(recipe.arguments),
        "recorded": Stored(codec="model", digest=recipe.model, blob=recipe.model),
        "holdout": holdout,
        "label": recipe.label,
    }
    if recipe.generators:
        generators.restore(origin.objects.read(recipe.generators))
    run = here.pipelines.run(_with_probe(pipeline), given, system=recipe.system, actor="reproduction", use_cache=False)
    found = run.result["probe"]
    return Outcome(probe=None if found is None else msgspec.convert(here.pipelines.value(found), Probe))


def _declared(recipe: Recipe, here: Workspace) -> tuple[Pipeline, Mapping[str, DataWindow]]:
    """The pipeline as the recorded code has it, and the windows it is trained on. Raises: Unfit if it is not there."""
    if recipe.system:
        system = here.systems.get(recipe.system)
        if system is None:
            raise Unfit("code", CONFIG_FILE, f"the recorded code declares no system {recipe.system!r}")
        return system.training, system.data
    sys.path.insert(0, str(here.root))
    module, _, name = recipe.entry.partition(":")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        raise Unfit("code", recipe.entry, f"the recorded code has no such module: {error}") from error
    if not isinstance(found, Pipeline):
        raise Unfit("code", recipe.entry, "the recorded code has no such pipeline")
    return found, {}


def _with_probe(pipeline: Pipeline) -> Pipeline:
    """The pipeline, followed by the comparison with the recorded model on the recorded holdout, if it has one."""

    def reproduction(arguments: dict[str, Any], recorded: Any, holdout: Any, label: str) -> dict[str, Any]:
        result = pipeline(**pipeline.bind(arguments))
        found = None
        if isinstance(result, Candidate) and label:
            rows = result.holdout if holdout is None else holdout
            found = compare_with_recorded(recorded, result.model, rows, label)
        return {"result": result, "probe": found}

    return Pipeline(reproduction)


def _argument(stored: Stored, window: DataWindow, recipe: Recipe, origin: Workspace) -> Any:
    """The very value the pipeline was given; rows of a dataset are found by their digest.

    Raises: Unfit naming the dataset whose rows are damaged, or are not those.
    """
    if not stored.origin:
        if stored.codec in ("list", "tuple"):
            return [_argument(item, window, recipe, origin) for item in stored.items]
        if stored.codec == "dict":
            pairs = zip(stored.keys, stored.items, strict=True)
            return {key: _argument(item, window, recipe, origin) for key, item in pairs}
        return origin.pipelines.value(stored)
    name, _, number = stored.origin[0].partition(":")[2].rpartition("@")
    digest = stored.node.partition(":")[2]
    dataset = f"dataset {name}@{number}"
    try:
        rows = _rows(origin, name, int(number), window, recipe, digest)
    except (CorruptObject, NotFound) as error:
        raise Unfit("input", dataset, f"{type(error).__name__}: {error.message}") from error
    if rows is None:
        what = "no window of it, as declared then, has" if window.on else "as a whole it has not"
        raise Unfit("input", dataset, f"{what} the rows {short(digest)} of the run")
    return rows


def _rows(origin: Workspace, name: str, number: int, window: DataWindow, recipe: Recipe, digest: str) -> Dataset | None:
    if not window.on:
        rows = origin.datasets.read(origin.datasets.version(name, number))
        return rows if rows.digest == digest else None
    for until in recipe.window_ends:
        rows = origin.datasets.window(name, last_us=window.last_us, on=window.on, until=until, number=number)
        if rows.digest == digest:
            return rows
    return None


def main(folder: Path) -> None:
    """Read the recipe, rebuild, leave the outcome."""
    recipe = msgspec.json.decode((folder / "recipe.json").read_bytes(), type=Recipe)
    outcome = rebuild(recipe)
    (folder / "outcome.json").write_bytes(msgspec.json.encode(outcome))
