"""A system as a control loop, and its decisions."""

from typing import ClassVar, Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.ui.charts.records import Direction, Event, Role, State
from homeostat.ui.contexts.shared import Context, Pair

Phase = Literal["idle", "training", "approval", "shadow", "canary"]


class SetpointReading(msgspec.Struct, frozen=True, kw_only=True):
    """A setpoint and where the system stands against it.

    Attributes:
        name: as declared, such as `brier`.
        limit: the declared value; shares for percent.
        direction: on which side of the limit is well.
        state: met, breach, or unknown while the evidence cannot tell.
        value: the measurement, or None while there is none.
        low: lower end of its confidence band, or None.
        high: upper end of its confidence band, or None.
        unit: text after a value; `%` for shares.
        decimals: how many are meaningful.
        rows: how many observations the value stands on.
        rows_noun: what the observations are, such as `label`; empty where there are none (age).
        since: when the state began, or None.
        is_estimated: estimated without labels.
        sentence: what the state rests on.
        history: recent values, oldest first, for a sparkline; may be empty.
    """

    name: str
    limit: float
    direction: Direction
    state: State
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    decimals: int = 3
    rows: int = 0
    rows_noun: str = "row"
    since: Micros | None = None
    is_estimated: bool = False
    sentence: str = ""
    history: tuple[float, ...] = ()


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """A model version that serves now.

    Attributes:
        role: champion, challenger, canary or shadow.
        version: number in the registry.
        weight: share of the traffic it answers.
    """

    role: Role
    version: int
    weight: float


class SystemCard(msgspec.Struct, frozen=True, kw_only=True):
    """A system on the overview.

    Attributes:
        name: of the system.
        sentence: how it stands, in one sentence.
        detail: what more there is to say, or empty.
        phase: of the control loop.
        phase_since: when the phase began.
        setpoints: the readings in the order of the declaration.
        arms: what serves now; empty before the first deployment.
        last_decision: one line, or empty.
        last_decision_at: when, or None.
    """

    name: str
    sentence: str
    phase: Phase
    detail: str = ""
    phase_since: Micros | None = None
    setpoints: tuple[SetpointReading, ...] = ()
    arms: tuple[Arm, ...] = ()
    last_decision: str = ""
    last_decision_at: Micros | None = None


class OverviewPage(Context, frozen=True, kw_only=True):
    """Are my models all right?

    Attributes:
        sentence: the answer.
        state: the worst state of all systems.
        systems: all systems, those in breach first.
    """

    template: ClassVar[str] = "overview.html"

    sentence: str
    state: State
    systems: tuple[SystemCard, ...]


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """How a system performed on the predictions of one week.

    Attributes:
        start: first instant of the week.
        predictions: answered rows.
        labels: of them, rows whose label has come.
        auc: area under the ROC curve of the answering arms, or None without enough labels.
        auc_low: lower end of its 95 % interval.
        auc_high: upper end.
        brier: mean squared error of the probabilities.
        brier_low: lower end of its 95 % interval.
        brier_high: upper end.
        static_auc: of the first model, never retrained, on the same rows; None if it was not scored.
        static_brier: the same for its Brier score.
        versions: numbers of the versions that answered.
    """

    start: Micros
    predictions: int
    labels: int
    auc: float | None = None
    auc_low: float | None = None
    auc_high: float | None = None
    brier: float | None = None
    brier_low: float | None = None
    brier_high: float | None = None
    static_auc: float | None = None
    static_brier: float | None = None
    versions: tuple[int, ...] = ()


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict rests on: the statistic, its band, and the bound it is held against.

    Attributes:
        question: in words.
        statistic: what is measured.
        value: of the statistic, or None.
        low: lower end of its band, or None.
        high: upper end, or None.
        limit: the bound.
        direction: on which side of the bound is well.
        samples: observations it stands on.
        verdict: in words.
        state: of the question.
        decimals: how many are meaningful.
    """

    question: str
    statistic: str
    value: float | None
    low: float | None
    high: float | None
    limit: float
    direction: Direction
    samples: int
    verdict: str
    state: State
    decimals: int = 4


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A decision of the control loop, also the decision to do nothing.

    Attributes:
        id: in the ledger.
        at: event time.
        system: it concerns.
        kind: such as `retrain`, `hold`, `promote`, `roll-back`.
        sentence: what was decided and why.
        actor: controller or a person.
        evidence: figures it rests on.
        href: page of what came of it, or empty.
        times: how often in a row it was decided so; `at` is the last time.
    """

    id: int
    at: Micros
    system: str
    kind: str
    sentence: str
    times: int = 1
    actor: str = "controller"
    evidence: tuple[Pair, ...] = ()
    href: str = ""


class SystemPage(Context, frozen=True, kw_only=True):
    """How does this system stand, and how did it come here?

    Attributes:
        card: name, sentence, phase, setpoints and arms.
        generation: of the deployment that serves now; 0 before the first.
        weeks: performance by week of prediction, oldest first.
        auc_limit: floor of AUC among the setpoints, or None.
        brier_limit: ceiling of the Brier score among the setpoints, or None.
        events: for the timeline.
        since: where the time axis of the page begins.
        rollout: evidence of the rollout that runs, or None.
        decisions: the latest, newest first.
    """

    template: ClassVar[str] = "system.html"

    card: SystemCard
    generation: int
    weeks: tuple[Week, ...]
    auc_limit: float | None
    brier_limit: float | None
    events: tuple[Event, ...]
    since: Micros
    rollout: Evidence | None
    decisions: tuple[DecisionRow, ...]


class DecisionsPage(Context, frozen=True, kw_only=True):
    """Why did it, or did it not?

    Attributes:
        sentence: the latest decision that changed something.
        detail: why, or empty.
        decisions: newest first; the same quiet decision many times in a row is one.
        systems: names to filter by.
        kinds: kinds to filter by.
        system: filter that stands, or empty.
        kind: filter that stands, or empty.
        older: cursor of the next page, or None at the end.
    """

    template: ClassVar[str] = "decisions.html"

    sentence: str
    decisions: tuple[DecisionRow, ...]
    systems: tuple[str, ...]
    kinds: tuple[str, ...]
    detail: str = ""
    system: str = ""
    kind: str = ""
    older: int | None = None
