"""Training a challenger and judging it: the long part of a look, before anything is written.

Training, scoring of the holdout and timing are steps of one pipeline run: a look that was cut off resumes behind the
last step that finished, and makes the same model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeostat.codec.models import describe
from homeostat.codec.tables import Dataset
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest
from homeostat.core.errors import InvalidDeclaration
from homeostat.loop.declaration import DataWindow
from homeostat.loop.evaluation import CHALLENGER, LABEL, as_evaluation, evaluate, latency, with_scores
from homeostat.loop.steps import Rooms, Situation
from homeostat.loop.system import System
from homeostat.pipelines.records import Candidate, Stored
from homeostat.pipelines.steps import Pipeline, current_run
from homeostat.registry.gate import LatencyGate, ReproducibleGate
from homeostat.registry.judge import judge
from homeostat.registry.metrics import Floats, measure, unmeasurable
from homeostat.registry.metrics import metric as metric_named
from homeostat.registry.records import GateReport
from homeostat.store.lineage import node

_METRICS = ("auc", "brier")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A challenger, what it was made of, and what its gates say.

    Attributes:
        data: lineage nodes of the dataset versions it saw.
        reference: rows that its inputs are compared with once it serves.
        metrics: of the challenger on the holdout.
    """

    model: Digest
    canonical: Digest
    run_id: str
    data: tuple[str, ...]
    code: Digest
    environment: Digest
    report: GateReport
    reference: Stored | None
    metrics: Mapping[str, float]


def train(rooms: Rooms, look: Situation) -> Trained:
    """Run the system's pipeline on the windows fixed when training was decided, and judge what comes out.

    Raises: StepFailed if user code raised. InvalidDeclaration if the pipeline returns no Candidate.
    """
    system, progress = look.system, look.progress
    windows = {
        name: rows_of(rooms, name, window, number=progress.inputs[name], until=progress.trained_until)
        for name, window in system.data.items()
    }
    run = rooms.pipelines.run(
        _trial(system),
        {
            "data": windows,
            "arguments": progress.arguments,
            "champion": _champion(rooms, system),
            "slices": list(system.slice_columns),
        },
        system=system.name,
        actor="controller",
    )
    candidate: Candidate = run.result["candidate"]
    timed: Stored | None = run.result["latency_ms"]
    is_to_be_reproducible = any(isinstance(gate, ReproducibleGate) for gate in system.gates)
    evaluation = as_evaluation(
        rooms.pipelines.value(run.result["scores"]),
        slices=system.slice_columns,
        latency_ms=None if timed is None else rooms.pipelines.value(timed),
        reproduced=rooms.reproductions.reproduce(run.id) if is_to_be_reproducible else None,
        trigger=progress.trigger,
        holdout=candidate.holdout.node,
    )
    return Trained(
        model=candidate.model.digest,
        canonical=describe(rooms.objects.read(candidate.model.digest)).canonical,
        run_id=run.id,
        data=tuple(node("dataset", f"{name}@{number}") for name, number in progress.inputs.items()),
        code=run.code_tree,
        environment=run.environment,
        report=judge(system.gates, evaluation),
        reference=run.result["reference"],
        metrics=measured(evaluation.labels, evaluation.challenger),
    )


def rows_of(rooms: Rooms, name: str, window: DataWindow, *, number: int, until: Micros) -> Dataset:
    """The rows of a version of a dataset that a window shows."""
    if not window.on:
        return rooms.datasets.read(rooms.datasets.version(name, number))
    return rooms.datasets.window(name, last_us=window.last_us, on=window.on, until=until, number=number)


def _trial(system: System) -> Pipeline:
    """The system's own pipeline, followed by the steps that its gates need."""
    is_timed = any(isinstance(gate, LatencyGate) for gate in system.gates)
    pipeline = system.training

    def trial(data: dict[str, Any], arguments: dict[str, Any], champion: Any, slices: list[str]) -> dict[str, Any]:
        candidate = pipeline(**data, **arguments)
        if not isinstance(candidate, Candidate):
            raise InvalidDeclaration(
                f"Pipeline {pipeline.path} returned a {type(candidate).__name__}; a system's pipeline returns "
                f"hs.Candidate(model=..., holdout=..., label=...)."
            )
        scores = evaluate(candidate.model, champion, candidate.holdout, candidate.label, slices)
        run = current_run()
        if run is not None:
            rows = scores.polars()
            run.log(None, **measured(rows[LABEL].to_numpy(), rows[CHALLENGER].to_numpy()))
        return {
            "candidate": candidate,
            "reference": None if candidate.reference is None else with_scores(candidate.model, candidate.reference),
            "scores": scores,
            "latency_ms": latency(candidate.model, candidate.holdout) if is_timed else None,
        }

    trial.__name__ = pipeline.name
    return Pipeline(trial)


def _champion(rooms: Rooms, system: System) -> Stored | None:
    version = rooms.registry.champion(None, system.name)
    if version is None:
        return None
    return Stored(codec="model", digest=version.model, blob=version.model, node=node("model", version.model))


def measured(labels: Floats, scores: Floats) -> dict[str, float]:
    """The metrics that these rows can carry, by name."""
    return {
        name: measure(metric_named(name), labels, scores).value
        for name in _METRICS
        if unmeasurable(metric_named(name), labels) is None
    }
