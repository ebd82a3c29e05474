"""What the monitor reports to the ledger: a setpoint's change of state."""

from typing import ClassVar

from homeostat.core.clock import Micros
from homeostat.core.facts import Fact


class SetpointBreached(Fact, frozen=True, kw_only=True):
    """A setpoint no longer holds. `onset_at` is where the change most likely began."""

    kind: ClassVar[str] = "setpoint-breached"

    setpoint: str
    value: float | None
    at_most: float
    onset_at: Micros
    sentence: str


class SetpointMet(Fact, frozen=True, kw_only=True):
    """A setpoint that was breached holds again."""

    kind: ClassVar[str] = "setpoint-met"

    setpoint: str
    value: float | None
    at_most: float
    sentence: str
