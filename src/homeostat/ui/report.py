"""The report: one HTML file that anybody can open, mail or print. No scripts, no requests."""

from markupsafe import Markup

from homeostat.ui.assets import STATIC
from homeostat.ui.contexts import ReportContext
from homeostat.ui.render import environment


def report(context: ReportContext) -> str:
    """The whole file as text; write it as UTF-8."""
    style = Markup((STATIC / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file, shipped beside
    return environment().get_template("report.html").render(report=context, style=style)
