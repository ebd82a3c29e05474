"""What the monitor says: readings of setpoints, paired evidence for a rollout, what was ingested, weekly figures."""

from typing import Any, Literal

import msgspec

from homeostat.core.clock import Micros

State = Literal["met", "breach", "unknown"]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A setpoint, read at an instant.

    Attributes:
        setpoint: its name, such as `performance:brier`; one of a kind within a system.
        kind: `performance`, `drift`, `errors`, `latency` or `age`.
        value: the figure compared with `at_most`, in the unit of the setpoint (age: days); None if there is none yet.
        low, high: what the value may be; None where the rows bound it on no side.
        state: whole interval beyond the setpoint = breach; inside = met; else unknown.
        rows: rows the value rests on.
        coverage: share of the judged predictions that have a label; None where labels play no part.
        evidence: further figures by kind.
        sentence: the reading in words, for people.
    """

    system: str
    setpoint: str
    kind: str
    at: Micros
    value: float | None
    low: float | None
    high: float | None
    at_most: float
    state: State
    rows: int
    coverage: float | None = None
    evidence: dict[str, Any] = {}
    sentence: str


class PairedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Loss of the challenger minus loss of the champion on the same labelled rows: below zero, the challenger is better.

    Attributes:
        n: rows compared: scored by both and labelled.
        mean: mean difference, in [−1, 1]; None when n is 0.
        low, high: confidence sequence of the mean difference, valid however often it is looked at.
        coverage: labelled share of the rows that both scored; None when there are none.
        challenger_loss, champion_loss: mean losses on these rows.
        alpha: the chance that the interval ever misses.
    """

    n: int
    mean: float | None
    low: float
    high: float
    coverage: float | None
    challenger_loss: float | None
    champion_loss: float | None
    alpha: float


class Ingested(msgspec.Struct, frozen=True, kw_only=True):
    """What has been read of a system's observation log since its beginning.

    Attributes:
        predictions: answered rows, each id once.
        labels: predictions that have a label.
        duplicates: labels that said again what was known, and ids answered again.
        revisions: labels that said something else than was known.
        orphans: labelled ids whose prediction has not been read yet.
        invalid: labels outside [0, 1], which were not used.
        latest_at: event time of the newest prediction; None before the first.
    """

    predictions: int = 0
    labels: int = 0
    duplicates: int = 0
    revisions: int = 0
    orphans: int = 0
    invalid: int = 0
    latest_at: Micros | None = None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the predictions of one week or day, each scored by the arm that answered it.

    Intervals are of 95 % for one look; None where there are too few labels, or only one class (AUC).
    `mean_score` is of the finite scores.
    `versions` counts the predictions of each answering model version.
    """

    start_at: Micros
    predictions: int
    labels: int
    mean_score: float | None
    base_rate: float | None = None
    brier: float | None = None
    brier_low: float | None = None
    brier_high: float | None = None
    log_loss: float | None = None
    auc: float | None = None
    auc_low: float | None = None
    auc_high: float | None = None
    versions: dict[int, int]

    @property
    def coverage(self) -> float:
        """Labelled share of the predictions."""
        return self.labels / self.predictions


class Drifted(msgspec.Struct, frozen=True, kw_only=True):
    """How far a feature lay from its reference, in a kept reading."""

    at: Micros
    feature: str
    distance: float
    is_significant: bool
