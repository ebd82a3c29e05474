"""Drift of inputs and score from a reference."""

from homeostat.core.clock import Micros
from homeostat.monitor.records import Reading
from homeostat.monitor.setpoints import Drift


def unjudged(system: str, setpoint: Drift, now: Micros, why: str) -> Reading:
    """A reading that says nothing, and why."""
    return Reading(
        system=system,
        setpoint=setpoint.name,
        kind="drift",
        at=now,
        value=None,
        low=None,
        high=None,
        at_most=setpoint.at_most,
        state="unknown",
        rows=0,
        sentence=why,
    )
