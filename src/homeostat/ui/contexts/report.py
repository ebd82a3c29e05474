"""The report on a year of one system."""

import msgspec

from homeostat.core.clock import Micros
from homeostat.ui.charts.records import Event
from homeostat.ui.contexts.shared import Pair
from homeostat.ui.contexts.systems import DecisionRow, Week


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number at the head of a report.

    Attributes:
        value: as it reads.
        name: what it is.
        note: what it is compared with.
    """

    value: str
    name: str
    note: str = ""


class Sabotage(msgspec.Struct, frozen=True, kw_only=True):
    """Something broken on purpose, and what the system did.

    Attributes:
        at: event time.
        deed: what was done to it.
        answer: what happened.
        has_held: whether the system did what it promises.
        figures: measurements.
    """

    at: Micros
    deed: str
    answer: str
    has_held: bool
    figures: tuple[Pair, ...] = ()


class ReportContext(msgspec.Struct, frozen=True, kw_only=True):
    """A year of one system, as one file that anybody can open.

    Attributes:
        title: of the report.
        headline: the result, in one sentence.
        summary: two or three sentences more.
        system: name.
        figures: numbers at the head.
        since: where the time axis begins.
        until: where it ends.
        weeks: performance by week, oldest first.
        auc_limit: floor of AUC among the setpoints, or None.
        brier_limit: ceiling of the Brier score among the setpoints, or None.
        events: for the timeline.
        sabotages: may be empty.
        decisions: those worth reading, oldest first.
        decisions_total: how many decisions there were in all.
        measured: how each figure was measured; name and text.
        provenance: versions, data, machine, command; name and value.
        made_wall: seconds since the epoch, of the machine that made it.
    """

    title: str
    headline: str
    summary: str
    system: str
    figures: tuple[Figure, ...]
    since: Micros
    until: Micros
    weeks: tuple[Week, ...]
    auc_limit: float | None
    brier_limit: float | None
    events: tuple[Event, ...]
    sabotages: tuple[Sabotage, ...]
    decisions: tuple[DecisionRow, ...]
    decisions_total: int
    measured: tuple[Pair, ...]
    provenance: tuple[Pair, ...]
    made_wall: float
