"""What runs read and made: inputs and outputs of many runs at once, and the datasets of experiments.

In the caller's transaction.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import BindParameter, Connection, String, bindparam, cast, select

from homeostat.store.db.schema.track import input_datasets, run_inputs, run_outputs, runs
from homeostat.track.records import DatasetInput, ModelOutput

_IDS = 500  # bound in one statement
_DESCRIBED = ("name", "digest", "source_type", "source", "schema", "profile")
# Made once: to build such a statement takes longer than to run it.
_THESE: BindParameter[str] = bindparam("ids", expanding=True)
_DATASETS = (
    select(run_inputs.c.run_id, run_inputs.c.tags, *(input_datasets.c[name] for name in _DESCRIBED))
    .join(input_datasets, cast(input_datasets.c.id, String) == run_inputs.c.key)
    .where(run_inputs.c.run_id.in_(_THESE), run_inputs.c.kind == "dataset")
    .order_by(input_datasets.c.id)
)
_MODELS = (
    select(run_inputs.c.run_id, run_inputs.c.key)
    .where(run_inputs.c.run_id.in_(_THESE), run_inputs.c.kind == "model")
    .order_by(run_inputs.c.key)
)
_OUTPUTS = (
    select(run_outputs.c.run_id, run_outputs.c.key, run_outputs.c.step)
    .where(run_outputs.c.run_id.in_(_THESE), run_outputs.c.kind == "model")
    .order_by(run_outputs.c.step, run_outputs.c.key)
)


class Usage(NamedTuple):
    """Of one run."""

    datasets: list[DatasetInput]
    models: list[str]
    outputs: list[ModelOutput]


class DatasetSummary(NamedTuple):
    experiment_id: int
    name: str
    digest: str
    context: str


def of_runs(connection: Connection, run_ids: Sequence[str]) -> dict[str, Usage]:
    """Inputs and outputs by run; runs without any are left out. Cost: three queries for 500 runs."""
    found: dict[str, Usage] = {}
    for first in range(0, len(run_ids), _IDS):
        these = {"ids": run_ids[first : first + _IDS]}
        for run_id, tags, *described in connection.execute(_DATASETS, these).all():
            dataset = dict(zip(_DESCRIBED, described, strict=True))
            _of(found, run_id).datasets.append(DatasetInput(**dataset, tags=msgspec.json.decode(tags)))
        for run_id, key in connection.execute(_MODELS, these).all():
            _of(found, run_id).models.append(key)
        for run_id, key, step in connection.execute(_OUTPUTS, these).all():
            _of(found, run_id).outputs.append(ModelOutput(model_id=key, step=step))
    return found


def datasets_of(connection: Connection, experiment_ids: Sequence[int], *, limit: int = 1000) -> list[DatasetSummary]:
    """The datasets that living runs of some experiments read, each with what for."""
    query = (
        select(input_datasets.c.experiment_id, input_datasets.c.name, input_datasets.c.digest, run_inputs.c.context)
        .join(run_inputs, cast(input_datasets.c.id, String) == run_inputs.c.key)
        .join(runs, runs.c.id == run_inputs.c.run_id)
        .where(
            run_inputs.c.kind == "dataset",
            input_datasets.c.experiment_id.in_(list(experiment_ids)),
            runs.c.deleted_at.is_(None),
        )
        .distinct()
        .order_by(input_datasets.c.experiment_id, input_datasets.c.name, input_datasets.c.digest, run_inputs.c.context)
        .limit(limit)
    )
    return [DatasetSummary(*row) for row in connection.execute(query)]


def _of(found: dict[str, Usage], run_id: str) -> Usage:
    return found.setdefault(run_id, Usage([], [], []))
