"""Judging versions that clients registered: scored on labelled rows by the worker that would serve them, before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from homeostat.codec import tables
from homeostat.codec.signatures import Signature
from homeostat.codec.tables import Table
from homeostat.core.digests import Digest
from homeostat.core.errors import BadData, MissingColumn, WrongType
from homeostat.loop.evaluation import LATENCY_SAMPLE, as_evaluation, side_by_side
from homeostat.loop.steps import Rooms, Situation
from homeostat.loop.training import measured, rows_of
from homeostat.pipelines.records import Stored
from homeostat.registry import queries as registry_queries
from homeostat.registry.gate import LatencyGate
from homeostat.registry.judge import judge
from homeostat.registry.metrics import Floats
from homeostat.registry.records import GateReport, ModelVersion
from homeostat.serve.preparing import prepare
from homeostat.serve.scoring import Scoring, scoring
from homeostat.store.lineage import node

TRIGGER = "registered"


@dataclass(frozen=True, kw_only=True)
class Assessed:
    """A registered version and what its gates say; further as `training.Trained`."""

    version: ModelVersion
    report: GateReport
    reference: Stored
    metrics: Mapping[str, float]


def assess(rooms: Rooms, look: Situation, number: int, label: str) -> Assessed:
    """Score a version, and the champion, on the labelled rows of the system's data, and judge it.

    Raises: BadData, MissingColumn or WrongType if the rows do not fit. Unavailable, StepFailed or CorruptObject if a model cannot be
        run.
    """
    system = look.system
    name, window = next(iter(system.data.items()))
    dataset = rooms.datasets.version(name)
    rows = _labelled(rows_of(rooms, name, window, number=dataset.number, until=look.now), label, name)
    with rooms.database.read() as connection:
        version = registry_queries.version(connection, system.name, number)
        champion = registry_queries.champion(connection, system.name)
    is_timed = any(isinstance(gate, LatencyGate) for gate in system.gates)
    with scoring(prepare(version.model, rooms.objects, rooms.folder)) as model:
        asked = _fitted(rows, label, model.signature)
        scores = model.scores(asked)
        latency_ms = model.latency_ms(asked, LATENCY_SAMPLE) if is_timed else None
        reference = _reference(model, asked, scores)
    evaluation = as_evaluation(
        side_by_side(
            rows, label, system.slice_columns, scores, _champion_scores(rooms, champion, version, rows, label)
        ),
        slices=system.slice_columns,
        latency_ms=latency_ms,
        reproduced=None,
        trigger=TRIGGER,
        holdout=node("dataset", f"{name}@{dataset.number}"),
    )
    return Assessed(
        version=version,
        report=judge(system.gates, evaluation),
        reference=_kept(rooms, reference),
        metrics=measured(evaluation.labels, evaluation.challenger),
    )


def _labelled(table: Table, label: str, dataset: str) -> pl.DataFrame:
    frame = table.polars()
    if label not in frame.columns:
        raise MissingColumn(
            f"Dataset {dataset!r} has no column {label!r} to judge by; it has {', '.join(frame.columns)}."
        )
    rows = frame.filter(pl.col(label).is_not_null())
    if rows.is_empty():
        raise BadData(
            f"No row of dataset {dataset!r} in the declared window has a value of {label!r}: there is nothing to judge by."
        )
    try:
        return rows.with_columns(pl.col(label).cast(pl.Float64))
    except pl.exceptions.PolarsError as error:
        raise WrongType(
            f"Column {label!r} of dataset {dataset!r} cannot be a label, which is a number: {error}"
        ) from error


def _fitted(rows: pl.DataFrame, label: str, signature: Signature) -> pl.DataFrame:
    """The rows as the model is asked: without the label; columns that it knows only by their places take them in order."""
    inputs = rows.drop(label)
    places = [str(place) for place in range(len(signature.columns))]
    if signature.names != places or set(places) <= set(inputs.columns):
        return inputs
    if inputs.width != len(places):
        raise MissingColumn(
            f"The model takes {len(places)} columns by their places; beside the label there are {inputs.width}: "
            f"{', '.join(inputs.columns)}. Log it with a signature that names them."
        )
    return inputs.rename(dict(zip(inputs.columns, places, strict=True)))


def _champion_scores(
    rooms: Rooms, champion: ModelVersion | None, version: ModelVersion, rows: pl.DataFrame, label: str
) -> Floats | None:
    if champion is None or champion.number == version.number:
        return None
    with scoring(prepare(champion.model, rooms.objects, rooms.folder)) as model:
        return model.scores(_fitted(rows, label, model.signature))


def _reference(model: Scoring, asked: pl.DataFrame, scores: Floats) -> Table:
    """What later inputs are compared with: the columns the model needs, and its scores."""
    needed: Sequence[str] = [column.name for column in model.signature.columns if column.type not in ("json", "row")]
    return Table.of(
        asked.select(name for name in needed if name in asked.columns).with_columns(pl.Series("score", scores))
    )


def _kept(rooms: Rooms, table: Table) -> Stored:
    blob: Digest = rooms.objects.put(tables.encode(table))
    return Stored(codec="table", digest=table.digest, blob=blob, node=node("table", table.digest))
