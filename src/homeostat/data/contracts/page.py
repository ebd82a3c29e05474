"""The report of a contract as one HTML file that anybody can open, mail or print: no scripts, no requests."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import jinja2
import numpy as np

from homeostat.data.contracts.profile import ColumnProfile, Profile, overlay
from homeostat.data.contracts.report import Report
from homeostat.stats.histogram import Categories, Counts, Numbers

_BARS = 40
_WIDTH, _HEIGHT = 240.0, 60.0


class Bar(NamedTuple):
    """A bar of a chart, in its units: from the left, width, and the heights of live rows and of the reference."""

    x: float
    width: float
    live: float
    reference: float
    label: str


class Chart(NamedTuple):
    """A column's values beside the reference's."""

    name: str
    rows: int
    nulls: int
    distinct: int
    low: str
    high: str
    bars: tuple[Bar, ...]
    psi: float | None


def page(report: Report, live: Profile, reference: Profile | None) -> str:
    """The whole file as text; write it as UTF-8.

    Args:
        live: the profile of the rows that the report speaks of.
        reference: of what they are compared with, drawn as an outline; None if there is nothing.
    """
    charts = [
        chart(name, column, None if reference is None else reference.columns.get(name))
        for name, column in live.columns.items()
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    template = environment.get_template("report.html")
    return template.render(report=report, charts=charts, width=_WIDTH, height=_HEIGHT)


def chart(name: str, live: ColumnProfile, reference: ColumnProfile | None) -> Chart:
    """A column's values, beside those of the reference if there is one."""
    known = reference if reference is not None and reference.rows else live
    laid = overlay(known, live) if known.histogram is None or known.histogram.counts else None
    comparable = laid is not None and bool(laid.reference.sum()) and bool(laid.live.sum()) and known is not live
    return Chart(
        name=name,
        rows=live.rows,
        nulls=live.nulls,
        distinct=live.distinct,
        low="" if live.low is None else f"{live.low:g}",
        high="" if live.high is None else f"{live.high:g}",
        bars=() if laid is None else _bars(laid.cells, laid.live, laid.reference, is_compared=known is not live),
        psi=laid.distance().psi if comparable and laid is not None else None,
    )


def _bars(cells: Numbers | Categories, live: Counts, reference: Counts, *, is_compared: bool) -> tuple[Bar, ...]:
    if isinstance(cells, Categories):
        order = np.argsort(-(live + reference)[: len(cells.levels)], kind="stable")[:_BARS]
        labels, parts = [cells.levels[index] for index in order], [(live[index], reference[index]) for index in order]
    else:
        labels, parts = _rebinned(cells, live, reference)
    totals = max(1, int(live.sum())), max(1, int(reference.sum()))
    shares = [(part[0] / totals[0], part[1] / totals[1] if is_compared else 0.0) for part in parts]
    most = max((max(share) for share in shares), default=0.0) or 1.0
    width = _WIDTH / max(1, len(shares))
    return tuple(
        Bar(index * width, width, _HEIGHT * share[0] / most, _HEIGHT * share[1] / most, f"{label}: {share[0]:.1%}")
        for index, (label, share) in enumerate(zip(labels, shares, strict=True))
    )


def _rebinned(cells: Numbers, live: Counts, reference: Counts) -> tuple[list[str], list[tuple[int, int]]]:
    """Counts over equal widths of the reference's middle 98 %; what lies beyond counts at the ends."""
    edges = np.array(cells.edges)
    within = edges[len(edges) // 100 : len(edges) - len(edges) // 100]
    bins = np.linspace(within[0], within[-1], _BARS + 1)
    middles = np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2, edges[-1:]])
    at = np.clip(np.searchsorted(bins, middles, side="right") - 1, 0, _BARS - 1)
    counts = [np.bincount(at, weights=side[: cells.ordered], minlength=_BARS).astype(int) for side in (live, reference)]
    labels = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(bins)]
    return labels, list(zip(counts[0].tolist(), counts[1].tolist(), strict=True))
