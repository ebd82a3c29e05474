"""Setpoints: what a system's model must hold to. Tagged structs, JSON both ways; `setpoint.py` makes them for users."""

from typing import Literal

import msgspec

from homeostat.core.clock import DAY

Loss = Literal["brier", "error_rate"]
# `ranking`: the share of pairs of a positive and a negative that the scores put in the wrong order, 1 − AUC.
PairedLoss = Literal["brier", "error_rate", "ranking"]
Distance = Literal["psi", "js", "ks", "w1"]


class Performance(msgspec.Struct, frozen=True, kw_only=True, tag="performance"):
    """The mean loss of the answers stays at or below `at_most`.

    Attributes:
        loss: `brier`, the squared error of the probability; `error_rate`, the share on the wrong side of one half.
        at_most: in (0, 1).
        label_delay_us: labels are complete this long after a prediction; younger predictions are not judged yet.
        window_us: how much of the past is judged: between one and two of these.
        false_alarms_per_year: expected alarms a year of a model that stands exactly at its setpoint.
        min_coverage: share of judged predictions that must have a label, else the state is unknown.
    """

    loss: Loss
    at_most: float
    label_delay_us: int
    window_us: int = 7 * DAY
    false_alarms_per_year: float = 1.0
    min_coverage: float = 0.5

    @property
    def name(self) -> str:
        return f"performance:{self.loss}"

    @property
    def limit(self) -> float:
        return self.at_most


class Drift(msgspec.Struct, frozen=True, kw_only=True, tag="drift"):
    """No column judged lies further than `at_most` from the reference.

    Attributes:
        columns: the ones judged, of the inputs and `score`; all if empty. The others are measured too.
    """

    distance: Distance
    at_most: float
    columns: tuple[str, ...] = ()
    window_us: int = 7 * DAY
    min_rows: int = 500

    @property
    def name(self) -> str:
        return f"drift:{self.distance}"

    @property
    def limit(self) -> float:
        return self.at_most


class Errors(msgspec.Struct, frozen=True, kw_only=True, tag="errors"):
    """The share of failed requests stays at or below `at_most`."""

    at_most: float
    window_us: int = 7 * DAY

    @property
    def name(self) -> str:
        return "errors"

    @property
    def limit(self) -> float:
        return self.at_most


class Latency(msgspec.Struct, frozen=True, kw_only=True, tag="latency"):
    """99 of 100 answers take `p99_ms` or less, measured in the gateway."""

    p99_ms: float
    window_us: int = 7 * DAY

    @property
    def name(self) -> str:
        return "latency"

    @property
    def limit(self) -> float:
        return self.p99_ms


class Age(msgspec.Struct, frozen=True, kw_only=True, tag="age"):
    """The champion was trained `at_most_us` ago or later, in event time."""

    at_most_us: int

    @property
    def name(self) -> str:
        return "age"

    @property
    def limit(self) -> float:
        """In days, as the reading is."""
        return self.at_most_us / DAY


Setpoint = Performance | Drift | Errors | Latency | Age
