"""The runs that a run can be held against, and the one it is held against when nobody chose."""

from collections.abc import Sequence

from sqlalchemy import Connection

from homeostat.track import around, queries
from homeostat.track.records import RunDetail, RunRecord
from homeostat.ui.contexts import OtherRun

_OFFERED = 30


def found(connection: Connection, run: RunRecord) -> list[RunRecord]:
    """Others of its experiment and kind; those of its name first, then those that began before it, then the nearest."""
    near = around.neighbours(connection, run, limit=_OFFERED)
    return sorted(
        near,
        key=lambda other: (
            other.name != run.name,
            other.started_at > run.started_at,
            abs(other.started_at - run.started_at),
        ),
    )


def before(run: RunRecord, others: Sequence[RunRecord]) -> str:
    """The newest finished run of its name before it, else of its experiment; empty if there is none."""
    earlier = [other for other in others if other.started_at <= run.started_at and other.status == "finished"]
    return str(earlier[0].id) if earlier else ""


def called(other: RunRecord, run: RunRecord) -> str:
    """What another run is called in a sentence about `run`."""
    is_earlier = other.started_at <= run.started_at
    if other.name == run.name:
        return "the run before" if is_earlier else "a later run of the same name"
    return f"{other.name} before it" if is_earlier else other.name


def chosen(connection: Connection, run: RunRecord, others: Sequence[RunRecord], asked: str) -> RunDetail | None:
    """The run that is asked for, or the one before; None if there is none.

    Raises: NotFound if the one that is asked for is not there.
    """
    run_id = asked or before(run, others)
    return queries.get(connection, run_id) if run_id and run_id != run.id else None


def rows(run: RunRecord, others: Sequence[RunRecord], against: RunRecord | None) -> tuple[OtherRun, ...]:
    """What a picker offers, the chosen one included."""
    listed = list(others[:_OFFERED])
    if against is not None and all(other.id != against.id for other in listed):
        listed.insert(0, against)
    previous = before(run, others)
    return tuple(
        OtherRun(
            id=other.id,
            name=other.name,
            started_at=other.started_at,
            note="the run before" if other.id == previous else "",
        )
        for other in listed
    )
