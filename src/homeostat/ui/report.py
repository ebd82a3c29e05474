"""The report: one HTML file that anybody can open, mail or print. No scripts, no requests."""

from markupsafe import Markup
from msgspec.structs import replace

from homeostat.ui.assets import STATIC
from homeostat.ui.contexts import DecisionRow, ReportContext
from homeostat.ui.render import environment


def report(context: ReportContext) -> str:
    """The whole file as text; write it as UTF-8."""
    style = Markup((STATIC / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file, shipped beside
    return environment().get_template("report.html").render(report=_unlinked(context), style=style)


def _unlinked(context: ReportContext) -> ReportContext:
    """Without links to pages: the file is read where no server is."""
    events = tuple(replace(event, href="") for event in context.events)
    return replace(context, events=events, decisions=tuple(_unlinked_decision(one) for one in context.decisions))


def _unlinked_decision(decision: DecisionRow) -> DecisionRow:
    evidence = tuple(replace(pair, href="") for pair in decision.evidence)
    return replace(decision, href="", evidence=evidence)
