"""Lineage for people: from one prediction back to its sources, and from a dataset version forward to what it touched."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import pyarrow.compute as pc
from sqlalchemy import Connection

from homeostat.core.clock import iso, micros
from homeostat.core.digests import short
from homeostat.core.ids import split_numbered
from homeostat.data.catalog import queries as data_queries
from homeostat.pipelines import queries as pipeline_queries
from homeostat.pipelines.records import Action
from homeostat.registry import queries as registry_queries
from homeostat.registry.records import ModelVersion
from homeostat.store import lineage
from homeostat.store.lineage import Edge, node
from homeostat.workspace import Workspace


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link of a chain.

    Attributes:
        what: the kind of thing, such as `model version`.
        node: its lineage node, or empty where it has none.
        detail: what there is to say of it, in words.
    """

    what: str
    node: str
    detail: str


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction and where it came from, nearest first."""

    prediction: dict[str, Any]
    links: tuple[Link, ...]


class Impact(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset version touched.

    Attributes:
        later_versions: versions of the same dataset that hold its rows.
        models: model versions trained on it, or on a later version that holds its rows.
        trained_on_it: of those, the ones trained on exactly this version.
        deployments: generations that served one of them, by system.
        predictions: answers of those model versions, by model version.
    """

    dataset: str
    version: int
    later_versions: int
    models: tuple[str, ...]
    trained_on_it: tuple[str, ...]
    deployments: tuple[str, ...]
    predictions: dict[str, int]


def trace(workspace: Workspace, prediction_id: str) -> Trace:
    """Follow a prediction back to its sources.

    Raises: InvalidName if the id is none. NotFound if there is no such prediction.
    """
    row = workspace.log.find(prediction_id)
    system = prediction_id.split(":", maxsplit=1)[0]
    number, generation = row["version"], row["generation"]
    with workspace.database.read() as connection:
        links = [
            Link(
                what="arm and generation",
                node=node("deployment", f"{system}@{generation}"),
                detail=f"answered by the {row['role']} with a share of {row['propensity']:.0%}, generation {generation}",
            ),
            *_of_version(connection, system, number),
        ]
    seen = {name: _plain(value) for name, value in row.items()}
    return Trace(prediction=seen, links=tuple(links))


def _of_version(connection: Connection, system: str, number: int) -> Iterable[Link]:
    card = registry_queries.version(connection, system, number)
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in card.metrics.items())
    yield Link(what="model version", node=card.node, detail=f"{card.name}, {card.status}, on its holdout {metrics}")
    for judged in registry_queries.reports(connection, system, number):
        results = ", ".join(f"{result.gate} {result.status.replace('_', ' ')}" for result in judged.report.results)
        yield Link(what="gates", node=node("report", judged.digest), detail=results)
    for approval in registry_queries.approvals_of(connection, system, number):
        detail = f"{approval.status} by {approval.decided_by or approval.reviewer}: {approval.why}"
        yield Link(what="approval", node=node("approval", approval.id), detail=detail)
    for waiver in registry_queries.waivers_of(connection, system, number):
        yield Link(what="waiver", node="", detail=f"gate {waiver.gate} waived by {waiver.waived_by}: {waiver.why}")
    model = node("model", card.model)
    yield Link(
        what="model", node=model, detail=f"file {short(card.model)}, canonical {short(card.canonical) or 'not known'}"
    )
    if card.source:
        yield Link(what="run", node=node("run", card.run_id) if card.run_id else "", detail=_registered(card))
        return
    run = pipeline_queries.get(connection, card.run_id)
    for action in run.actions:
        if card.model in (output.digest for output in action.outputs):
            yield from _of_action(action)
    yield Link(
        what="code tree", node=node("code", card.code), detail=f"the whole project as it was: {short(card.code)}"
    )
    for name in card.data:
        yield from _of_data(connection, name)


def _registered(card: ModelVersion) -> str:
    by = f" by {card.created_by}" if card.created_by else ""
    return f"an MLflow client registered it{by} from {card.run_id or 'no run'}: {card.source}"


def _of_action(action: Action) -> Iterable[Link]:
    took = f"ran in {action.finished_wall - action.started_wall:.2f} s"
    how = "had run before on the same inputs" if action.status == "cached" else took
    yield Link(
        what="training action",
        node=node("action", action.made_by),
        detail=f"step {action.step} of {action.pipeline}, {how}, run {action.run_id}",
    )
    yield Link(what="code", node=node("code", action.code), detail=f"the step and all it calls: {short(action.code)}")
    yield Link(
        what="environment",
        node=node("environment", action.environment),
        detail=f"every package: {short(action.environment)}",
    )


def _of_data(connection: Connection, name: str) -> Iterable[Link]:
    dataset, number = name.split(":", 1)[1].split("@")
    version = data_queries.by_number(connection, dataset, int(number))
    if version is None:
        return
    yield Link(
        what="table version",
        node=name,
        detail=f"{dataset}@{number}: {version.rows:,} rows, id {short(version.id)}, of {iso(version.created_at)}",
    )
    sources = [edge.parent.split(":", 1)[1] for edge in lineage.upstream(connection, name) if edge.role == "source"]
    span = f"{sources[-1]} to {sources[0]} ({len(sources)} deliveries)" if len(sources) > 1 else "".join(sources)
    yield Link(what="source", node=node("source", sources[0]) if sources else "", detail=span or "not named")


def impact(workspace: Workspace, dataset: str, number: int) -> Impact:
    """Follow a dataset version forward.

    Raises: NotFound if there is no such version.
    """
    version = workspace.datasets.version(dataset, number)
    with workspace.database.read() as connection:
        edges = lineage.downstream(connection, version.node)
    models = _children(edges, "model-version")
    return Impact(
        dataset=dataset,
        version=number,
        later_versions=_later_versions(edges, dataset, number),
        models=tuple(models),
        trained_on_it=tuple(
            edge.child.split(":", 1)[1] for edge in edges if edge.parent == version.node and edge.role == "data"
        ),
        deployments=tuple(_children(edges, "deployment")),
        predictions=_answers(workspace, models),
    )


def parse_version(text: str) -> tuple[str, int]:
    """Dataset and number of `flights@12`.

    Raises: InvalidName if it is not of that form.
    """
    return split_numbered(text, kind="dataset version", owner="dataset", example="flights@12")


def _children(edges: Iterable[Edge], kind: str) -> list[str]:
    """Keys of the nodes of a kind that something was made into, by number."""
    found = {edge.child.split(":", 1)[1] for edge in edges if edge.child.startswith(f"{kind}:")}
    return sorted(found, key=lambda key: (key.rpartition("@")[0], int(key.rpartition("@")[2])))


def _later_versions(edges: Iterable[Edge], dataset: str, number: int) -> int:
    """Versions made from this one; not itself, nor other datasets, which are reached where they hold the same rows."""
    keys = [key.rpartition("@") for key in _children(edges, "dataset")]
    return sum(name == dataset and int(version) > number for name, _, version in keys)


def _answers(workspace: Workspace, models: Iterable[str]) -> dict[str, int]:
    """How many predictions each of these model versions answered."""
    counted: dict[str, int] = {}
    names = set(models)
    for system in sorted({name.rpartition("@")[0] for name in names}):
        rows, _ = workspace.log.predictions(system, "")
        for found in pc.value_counts(rows["version"]).to_pylist():
            name = f"{system}@{found['values']}"
            if name in names:
                counted[name] = found["counts"]
    return counted


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return msgspec.json.decode(value)  # a JSON column of the log
    return iso(micros(value)) if isinstance(value, datetime) else value
