"""What a run came from and what came of it, as a graph that fits a page."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from sqlalchemy import Connection

from homeostat.core.digests import short
from homeostat.registry import logged
from homeostat.store import lineage
from homeostat.store.lineage import Edge, node
from homeostat.track import queries
from homeostat.track.records import RunDetail
from homeostat.ui.charts.records import Graph, GraphNode, NodeState
from homeostat.ui.contexts import RunLineage
from homeostat.ui.reading.run.inputs import version_of

_NODES = 40  # of a picture
_WALKED = 100  # nodes each way, beyond which nobody counts
_KINDS = {
    "model-version": "model version",
    "source": "source",
    "dataset": "dataset",
    "table": "rows",
    "action": "step",
    "code": "code",
    "environment": "packages",
    "model": "model",
    "report": "gates",
    "approval": "approval",
    "deployment": "deployment",
    "run": "run",
    "decision": "decision",
    "input": "dataset",
}
_DATA = frozenset({"source", "dataset", "table", "input"})


def tab(connection: Connection, detail: RunDetail) -> RunLineage:
    """The tab of this name."""
    here = node("run", detail.run.id)
    edges = [
        *_foreign(here, detail),
        *lineage.upstream(connection, here, most=_WALKED),
        *lineage.downstream(connection, here, most=_WALKED),
    ]
    nearest = _nearest(here, edges)
    shown = set(nearest[:_NODES])
    links = list(dict.fromkeys((edge.parent, edge.child) for edge in edges if {edge.parent, edge.child} <= shown))
    runs = {name.partition(":")[2] for name in shown if name.startswith("run:")}
    names = {f"run:{run.id}": run.name for run in queries.records(connection, sorted(runs))}
    models = [name.partition(":")[2] for name in shown if name.startswith("model:")]
    names |= {f"model:{model.id}": model.name for model in logged.read(connection, models)}
    nodes = tuple(_node(name, here, detail, names) for name in _ordered(nearest[:_NODES], links))
    title = f"What {detail.run.name} came from, and what came of it"
    return RunLineage(
        graph=Graph(title=title, nodes=nodes, links=tuple(links)),
        more=len(nearest) - len(shown),
        is_cut=len(nearest) > _WALKED,
    )


def _foreign(here: str, detail: RunDetail) -> Iterable[Edge]:
    """Data that is not ours has no node in the graph of the store: the run alone says that it read it."""
    for used in detail.inputs:
        if used.source_type != "homeostat":
            yield Edge(here, node("input", f"{used.name} {version_of(used)}".strip()), "input")
    for output in detail.outputs:
        yield Edge(node("model", output.model_id), here, "model")


def _nearest(here: str, edges: Sequence[Edge]) -> list[str]:
    """Every node, by how many edges it is away."""
    beside: dict[str, list[str]] = {}
    for edge in edges:
        beside.setdefault(edge.child, []).append(edge.parent)
        beside.setdefault(edge.parent, []).append(edge.child)
    found, frontier = {here: None}, [here]
    while frontier:
        frontier = [
            name for name in dict.fromkeys(n for at in frontier for n in beside.get(at, [])) if name not in found
        ]
        found.update(dict.fromkeys(frontier))
    return list(found)


def _ordered(names: Sequence[str], links: Sequence[tuple[str, str]]) -> list[str]:
    """Each after those it came from."""
    waits = {name: {start for start, end in links if end == name} for name in names}
    done: dict[str, None] = {}
    while len(done) < len(waits):
        ready = [name for name in waits if name not in done and waits[name] <= done.keys()]
        # A loop is no lineage; should rows say so nevertheless, the picture is drawn all the same.
        done.update(dict.fromkeys(ready or [name for name in waits if name not in done][:1]))
    return list(done)


def _node(name: str, here: str, detail: RunDetail, names: dict[str, str]) -> GraphNode:
    kind, _, key = name.partition(":")
    label = names.get(name) or (short(key) if len(key) == 64 and "@" not in key else key)
    state: NodeState = "ran" if name == here else "data" if kind in _DATA else "plain"
    return GraphNode(
        name=name,
        label=label,
        state=state,
        detail="this run" if name == here else _KINDS.get(kind, kind),
        is_critical=name == here,
        href=_href(kind, key, detail),
    )


def _href(kind: str, key: str, detail: RunDetail) -> str:
    name, _, number = key.rpartition("@")
    if kind == "model" and any(output.model_id == key for output in detail.outputs):
        return f"/runs/{quote(detail.run.id)}?tab=artifacts"
    if kind == "run":
        return f"/runs/{quote(key)}"
    if kind in {"code", "environment"} and key == getattr(detail.run, kind):
        return f"/runs/{quote(detail.run.id)}?tab={kind}"
    if name and number.isdecimal():
        if kind == "dataset":
            return f"/data/{quote(name)}/{number}"
        if kind == "model-version":
            return f"/models/{quote(name)}/{number}"
        if kind == "deployment":
            return f"/systems/{quote(name)}"
    return ""
