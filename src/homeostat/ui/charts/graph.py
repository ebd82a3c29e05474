"""A pipeline as a graph: steps in columns from left to right, each to the right of all it takes from."""

from collections import defaultdict
from collections.abc import Mapping

from markupsafe import Markup

from homeostat.ui.charts.records import Graph, GraphNode, NodeState
from homeostat.ui.charts.svg import element, picture

_WIDTH, _HEIGHT = 158.0, 46.0  # of a node
_GAP_X, _GAP_Y = 44.0, 18.0
_EDGE = 3.0  # room for outlines
_CHARACTERS = 16  # of a name, in the type it is set in
# Drawn in a square of 10 beside the name; a colour is never the only sign.
_SIGNS: dict[NodeState, str] = {
    "data": "M1.5 2.5H8.5M1.5 5H8.5M1.5 7.5H8.5",
    "ran": "M2.5 1.5L8 5L2.5 8.5Z",
    "cached": "M1.5 5.5L4 8L8.5 2.5",
    "failed": "M2 2L8 8M8 2L2 8",
    "plain": "M5 1.5L8.5 5L5 8.5L1.5 5Z",
}
STATE_NAMES: dict[NodeState, str] = {
    "data": "data",
    "ran": "ran",
    "cached": "reused",
    "failed": "failed",
    "plain": "made",
}


def graph(chart: Graph) -> Markup:
    """The picture, in its own size: wide ones are scrolled."""
    columns = _columns(chart)
    places = _places(chart, columns)
    width = max((x for x, _ in places.values()), default=0.0) + _WIDTH + _EDGE
    height = max((y for _, y in places.values()), default=0.0) + _HEIGHT + _EDGE
    critical = {node.name for node in chart.nodes if node.is_critical}
    lines = [
        _line(places[start], places[end], is_critical=start in critical and end in critical)
        for start, end in chart.links
    ]
    nodes = [_node(node, *places[node.name]) for node in chart.nodes]
    return picture(*lines, *nodes, width=width, height=height, label=chart.title, class_="graph", is_fixed=True)


def _columns(chart: Graph) -> Mapping[str, int]:
    """How many nodes stand one after the other before each."""
    before = defaultdict(list)
    for start, end in chart.links:
        before[end].append(start)
    found: dict[str, int] = {}
    for node in chart.nodes:
        found[node.name] = max((found[name] + 1 for name in before[node.name]), default=0)
    # Data stands beside the first step that takes it, not at the far left.
    for node in chart.nodes:
        if node.state == "data":
            found[node.name] = max(
                0, min((found[end] for start, end in chart.links if start == node.name), default=1) - 1
            )
    return found


def _places(chart: Graph, columns: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """Upper left corner of each node. In a column, nodes stand in the order of what they take from, to cross few lines."""
    by_column = defaultdict(list)
    for node in chart.nodes:
        by_column[columns[node.name]].append(node.name)
    tallest = max((len(names) for names in by_column.values()), default=0)
    rows: dict[str, float] = {}
    for column in sorted(by_column):
        names = by_column[column]
        wanted = {
            name: _middle([rows[start] for start, end in chart.links if end == name and start in rows])
            for name in names
        }
        first = (tallest - len(names)) / 2
        for index, name in enumerate(sorted(names, key=lambda name: wanted[name])):
            rows[name] = first + index
    return {
        name: (_EDGE + columns[name] * (_WIDTH + _GAP_X), _EDGE + row * (_HEIGHT + _GAP_Y))
        for name, row in rows.items()
    }


def _middle(rows: list[float]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _line(start: tuple[float, float], end: tuple[float, float], *, is_critical: bool) -> Markup:
    x, y = start[0] + _WIDTH, start[1] + _HEIGHT / 2
    to_x, to_y = end[0], end[1] + _HEIGHT / 2
    bend = min(_GAP_X, to_x - x) / 2
    turn = to_x - bend
    curve = f"M{x:.0f} {y:.0f}H{turn - bend:.0f}C{turn:.0f} {y:.0f} {turn:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
    return element("path", d=curve, class_="link critical" if is_critical else "link")


def _node(node: GraphNode, x: float, y: float) -> Markup:
    whole = node.label or node.name
    name = whole if len(whole) <= _CHARACTERS else f"{whole[: _CHARACTERS - 1]}…"
    parts = element(
        "g",
        element("title", f"{whole}: {STATE_NAMES[node.state]}, {node.detail}"),
        element("rect", width=_WIDTH, height=_HEIGHT, rx=6),
        element("path", d=_SIGNS[node.state], transform="translate(10 11)"),
        element("text", name, x=28, y=20),
        element("text", node.detail, x=28, y=36, class_="detail"),
        class_=f"node {node.state}{' critical' if node.is_critical else ''}",
        transform=f"translate({x:.0f} {y:.0f})",
    )
    return element("a", parts, href=node.href) if node.href else parts
