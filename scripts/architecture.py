#!/usr/bin/env python3
"""Draw which room imports which, from the import graph, in the order of the layers that import-linter holds.

scripts/architecture.py [FILE]   writes docs/architecture.svg unless told otherwise; the same sources give the same bytes.

A row imports the columns it has a dot in. Rooms of one floor share a band. No dot can lie left of the diagonal or
inside a band: that would be an import upwards, or between neighbours.
"""

import sys
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
CELL, LEFT, TOP, MARGIN = 26, 130, 110, 10

STYLE = """
  svg { background: #fff; font: 13px ui-sans-serif, system-ui, sans-serif; }
  text { fill: #1f2933; } .band { fill: #eef2f6; } .own { fill: #c9d3de; } .dot { fill: #2563a8; }
  line { stroke: #c9d3de; stroke-width: 0.5; }
  @media (prefers-color-scheme: dark) {
    svg { background: #14181d; } text { fill: #dde3ea; } .band { fill: #1d242c; } .own { fill: #3a4653; }
    .dot { fill: #6ea8e6; } line { stroke: #3a4653; }
  }
"""


def floors() -> list[list[str]]:
    """The layers contract, top floor first; rooms of one floor together."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(contract for contract in settings["contracts"] if contract["id"] == "layers")["layers"]
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def imports(rooms: list[str]) -> set[tuple[str, str]]:
    """(importer, imported) for rooms, imports inside functions and for types included."""
    graph = grimp.build_graph("homeostat", cache_dir=None)
    return {
        (one, other)
        for one in rooms
        for other in rooms
        if one != other
        and graph.direct_import_exists(importer=f"homeostat.{one}", imported=f"homeostat.{other}", as_packages=True)
    }


def drawn(storeys: list[list[str]], edges: set[tuple[str, str]]) -> str:
    """The picture as SVG."""
    rooms = [room for storey in storeys for room in storey]
    at = {room: number * CELL for number, room in enumerate(rooms)}
    side = len(rooms) * CELL
    width, height = LEFT + side + MARGIN, TOP + side + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        "<title>Which room of Homeostat imports which: every dot lies right of the diagonal</title>",
        f"<style>{STYLE}</style>",
    ]
    for storey in storeys[::2]:
        size = len(storey) * CELL
        lines.append(f'<rect class="band" x="0" y="{TOP + at[storey[0]]}" width="{LEFT + side}" height="{size}"/>')
    for room in rooms:
        x, y, middle = LEFT + at[room], TOP + at[room], CELL // 2
        lines += [
            f'<rect class="own" x="{x}" y="{y}" width="{CELL}" height="{CELL}"/>',
            f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{TOP + side}"/>',
            f'<text x="{LEFT - 8}" y="{y + middle + 4}" text-anchor="end">{room}</text>',
            f'<text transform="translate({x + middle + 4} {TOP - 8}) rotate(-90)">{room}</text>',
        ]
    for one, other in sorted(edges, key=lambda edge: (at[edge[0]], at[edge[1]])):
        x, y = LEFT + at[other] + CELL // 2, TOP + at[one] + CELL // 2
        lines.append(f'<circle class="dot" cx="{x}" cy="{y}" r="5"><title>{one} imports {other}</title></circle>')
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    storeys = floors()
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "architecture.svg"
    file.write_text(drawn(storeys, imports([room for storey in storeys for room in storey])))
