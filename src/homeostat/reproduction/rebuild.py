"""The fresh process of a reproduction: `python -m homeostat.reproduction FOLDER`.

Runs the system's pipeline as the recorded code declares it, on the recorded rows, in a workspace of its own with nothing in
its cache; whoever starts it has turned the network off. It only reads the project's stores. What it did stays in that workspace, where the
process that asked for it compares; what a run cannot hold is in `outcome.json`.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from homeostat.capture.code import files
from homeostat.codec.models import Model
from homeostat.codec.tables import Dataset, Table
from homeostat.core.digests import short
from homeostat.core.errors import CorruptObject, HomeostatError
from homeostat.loop.declaration import DataWindow
from homeostat.pipelines import Candidate, Pipeline, step
from homeostat.pipelines.records import Stored
from homeostat.registry.metrics import measure, metric, unmeasurable
from homeostat.reproduction.records import PROBE_ROWS, Difference, Kind, Outcome, Probe, Recipe
from homeostat.store.db.migrate import migrate
from homeostat.workspace import CONFIG_FILE, Config, Workspace

_METRICS = ("auc", "brier")


class Unfit(HomeostatError):
    """The run cannot begin: `difference` is what is not as recorded."""

    def __init__(self, kind: Kind, node: str, detail: str) -> None:
        super().__init__(detail)
        self.difference = Difference(kind=kind, node=node, recorded="", found="", detail=detail)


@step
def probe(recorded: Model, remade: Model, holdout: Table, label: str) -> dict[str, Any]:
    """Both models on the holdout: bits of the scores of its first rows, metrics on all that are labelled."""
    first = holdout.polars().head(PROBE_ROWS)
    scores = recorded.predict(first), remade.predict(first)
    rows = holdout.polars().filter(pl.col(label).is_not_null())
    labels = rows[label].cast(pl.Float64).to_numpy()
    metrics = [
        {
            name: measure(metric(name), labels, model.predict(rows)).value
            for name in _METRICS
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
    """Make the model again in a workspace in `recipe.code`; an error of ours is in the outcome. Raises: what the project's modules raise."""
    root = Path(recipe.code)
    try:
        config = msgspec.convert(tomllib.loads((root / CONFIG_FILE).read_text()), Config)
        with Workspace(root, Config(project=config.project)) as here, Workspace.open(Path(recipe.origin)) as origin:
            here.home.mkdir()
            migrate(here.database)
            return _run(recipe, here, origin)
    except Unfit as error:
        return Outcome(differences=(error.difference,), error=error.message)
    except HomeostatError as error:
        return Outcome(error=error.message)


def _run(recipe: Recipe, here: Workspace, origin: Workspace) -> Outcome:
    system = here.systems.get(recipe.system)
    if system is None:
        raise Unfit("code", CONFIG_FILE, f"the recorded code declares no system {recipe.system!r}")
    for digest in (recipe.model, recipe.code_tree, *files(recipe.code_tree, origin.objects).values()):
        here.objects.put(origin.objects.read(digest))
    holdout = None
    if recipe.holdout is not None:
        here.objects.put(origin.objects.read(recipe.holdout))
        holdout = Stored(codec="table", digest=recipe.holdout, blob=recipe.holdout)
    run = here.pipelines.run(
        _with_probe(system.pipeline),
        {
            "data": _inputs(recipe, system.data, origin),
            "arguments": msgspec.msgpack.decode(recipe.arguments),
            "recorded": Stored(codec="model", digest=recipe.model, blob=recipe.model),
            "holdout": holdout,
            "label": recipe.label,
        },
        system=recipe.system,
        actor="reproduction",
        use_cache=False,
    )
    return Outcome(probe=msgspec.convert(here.pipelines.value(run.result["probe"]), Probe))


def _with_probe(pipeline: Pipeline) -> Pipeline:
    """The system's pipeline, followed by the comparison with the recorded model on the recorded holdout."""

    def reproduction(
        data: dict[str, Any], arguments: dict[str, Any], recorded: Any, holdout: Any, label: str
    ) -> dict[str, Any]:
        candidate: Candidate = pipeline(**data, **arguments)
        rows = candidate.holdout if holdout is None else holdout
        return {"candidate": candidate, "probe": probe(recorded, candidate.model, rows, label)}

    return Pipeline(reproduction)


def _inputs(recipe: Recipe, windows: Mapping[str, DataWindow], origin: Workspace) -> dict[str, Dataset]:
    """The very rows the training saw, found by their digests.

    Raises: Unfit naming the dataset whose rows are damaged, or are not those.
    """
    found = {}
    for name, (number, digest) in recipe.inputs.items():
        dataset = f"dataset {name}@{number}"
        try:
            rows = _window(origin, name, number, windows[name], recipe, digest)
        except CorruptObject as error:
            raise Unfit("input", dataset, f"CorruptObject: {error.message}") from error
        if rows is None:
            raise Unfit("input", dataset, f"no window of it, as declared then, has the rows {short(digest)} of the run")
        found[name] = rows
    return found


def _window(
    origin: Workspace, name: str, number: int, window: DataWindow, recipe: Recipe, digest: str
) -> Dataset | None:
    version = origin.datasets.version(name, number)
    if not window.on:
        rows = origin.datasets.read(version)
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
