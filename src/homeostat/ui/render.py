"""From a context to HTML. Templates are strict: an unknown name is an error, every value is escaped."""

from functools import cache
from pathlib import Path

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from homeostat.core.clock import moment
from homeostat.core.durations import spoken
from homeostat.ui import figures, formats
from homeostat.ui.assets import asset_url, has_bundle
from homeostat.ui.charts.compared import compared_curves, parallel_axes, scatter, weight_bar
from homeostat.ui.charts.curves import axis_text, curve_chart
from homeostat.ui.charts.gauge import gauge
from homeostat.ui.charts.graph import STATE_NAMES, graph
from homeostat.ui.charts.line import line_chart
from homeostat.ui.charts.records import NARROW, WIDE
from homeostat.ui.charts.small import histogram_pair, share_bar, sparkline
from homeostat.ui.charts.timeline import KIND_NAMES, icon, icon_shapes, timeline
from homeostat.ui.contexts import Context

_TEMPLATES = Path(__file__).parent / "templates"


def render(page: Context) -> str:
    """The whole page as HTML."""
    return environment().get_template(page.template).render(page=page)


@cache
def environment() -> Environment:
    """The templates with every filter and chart they may use."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in (
        "number",
        "figure",
        "measure",
        "between",
        "percent",
        "count",
        "plural",
        "day",
        "exact",
        "ago",
        "size",
        "took",
    ):
        made.filters[name] = getattr(formats, name)
    made.filters["spoken"] = spoken
    made.filters["machine_time"] = lambda at: moment(at).isoformat()
    made.filters["payload"] = payload
    made.filters["zip_with"] = zip
    made.globals.update(
        figures=figures,
        line_chart=line_chart,
        curve_chart=curve_chart,
        axis_text=axis_text,
        timeline=timeline,
        gauge=gauge,
        sparkline=sparkline,
        histogram_pair=histogram_pair,
        share_bar=share_bar,
        graph=graph,
        compared_curves=compared_curves,
        parallel_axes=parallel_axes,
        scatter=scatter,
        weight_bar=weight_bar,
        node_names=STATE_NAMES,
        icon=icon,
        icon_shapes=icon_shapes,
        kind_names=KIND_NAMES,
        wide=WIDE,
        narrow=NARROW,
        asset_url=asset_url,
        has_bundle=has_bundle,
    )
    return made


def payload(value: object) -> Markup:
    """JSON for a script element: nothing in it can end the element or open another."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - escaped
