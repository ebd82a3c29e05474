"""Everything a page shows, one frozen context for each page. Templates read these and nothing else.

A context holds values, not text in a format: the same context is rendered as HTML, encoded as JSON by the API,
and drawn into the report. Sentences are made where the facts are known.
"""

from typing import ClassVar, Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.ui.charts.records import Direction, Event, Role, State

Phase = Literal["idle", "training", "approval", "shadow", "canary"]
GateStatus = Literal["passed", "failed", "waived", "pending", "not_applicable"]
ApprovalStatus = Literal["not_needed", "requested", "granted", "denied", "void"]
RunStatus = Literal["running", "finished", "failed", "killed"]


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Base of page contexts.

    Attributes:
        template: file in `templates/`.
        project: name of the workspace's project.
        now: event time of the workspace when the page was read.
        is_replay: event time is a replay's, not the wall's.
    """

    template: ClassVar[str]

    project: str
    now: Micros
    is_replay: bool = False


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A named value, already text: a parameter, a figure of evidence, a digest of provenance.

    Attributes:
        name: what it is.
        value: as it reads.
        href: page of the object, or empty.
        is_digest: shown short and in monospace, whole on copy.
    """

    name: str
    value: str
    href: str = ""
    is_digest: bool = False


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


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A gate's judgement of one model version.

    Attributes:
        name: as declared.
        status: passed, failed, waived, pending or not applicable.
        value: measured, or None.
        low: lower end of its interval, or None.
        high: upper end, or None.
        needed: the requirement, in words.
        rows: it was judged on.
        sentence: the judgement.
    """

    name: str
    status: GateStatus
    needed: str
    sentence: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int = 0


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A model version in the registry.

    Attributes:
        system: it belongs to.
        number: of the version.
        digest: of its bytes.
        aliases: names that point at it now, such as `champion`.
        status: such as candidate, champion, retired, rejected.
        created_at: when it was registered.
        metrics: on its holdout.
        gates_passed: gates that passed or were waived.
        gates_total: gates that apply.
        approval: where its approval stands.
        trigger: why it was trained.
    """

    system: str
    number: int
    digest: str
    aliases: tuple[str, ...]
    status: str
    created_at: Micros
    metrics: tuple[Pair, ...] = ()
    gates_passed: int = 0
    gates_total: int = 0
    approval: ApprovalStatus = "not_needed"
    trigger: str = ""


class ModelsPage(Context, frozen=True, kw_only=True):
    """Which models are there, and which may ship?

    Attributes:
        sentence: champions and what waits.
        models: newest first.
        systems: names to filter by.
        system: filter that stands, or empty.
        older: cursor of the next page, or None at the end.
    """

    template: ClassVar[str] = "models.html"

    sentence: str
    models: tuple[ModelRow, ...]
    systems: tuple[str, ...]
    system: str = ""
    older: int | None = None


class ModelPage(Context, frozen=True, kw_only=True):
    """Can I trust this model, may it ship?

    Attributes:
        sentence: the answer.
        model: the version.
        gates: its gate report; empty before it was judged.
        approval_sentence: who approved what and when, or what is waited for; empty if none is needed.
        provenance: run, data, code, environment.
        history: where it served.
    """

    template: ClassVar[str] = "model.html"

    sentence: str
    model: ModelRow
    gates: tuple[Gate, ...]
    approval_sentence: str
    provenance: tuple[Pair, ...]
    history: tuple[Event, ...]


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """An append that a contract blocked, or rows it put in quarantine.

    Attributes:
        id: of the block.
        dataset: it was meant for.
        at: when.
        source: where the rows came from.
        rows: in quarantine.
        is_whole: the whole append was blocked, not only some rows.
        resolved: how it was resolved, or empty while it is open.
        sentence: what was observed and what was expected.
        findings: the expectations that failed.
    """

    id: str
    dataset: str
    at: Micros
    source: str
    rows: int
    is_whole: bool
    resolved: str
    sentence: str
    findings: tuple["Finding", ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """An expectation of a contract that did not hold.

    Attributes:
        expectation: what was expected, in words.
        column: it concerns, or empty for the whole append.
        observed: what was there.
        expected: what should have been.
        severity: `block` or `warn`.
        rows: failing rows; 0 for an expectation of the whole append.
    """

    expectation: str
    column: str
    observed: str
    expected: str
    severity: str
    rows: int = 0


class DatasetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset and its latest version.

    Attributes:
        name: of the dataset.
        version: the latest number.
        id: content id of the latest version.
        rows: of the latest version.
        columns: how many.
        changed_at: when the latest version was made.
        has_contract: appends are validated.
        open_blocks: blocked appends that nobody resolved.
    """

    name: str
    version: int
    id: str
    rows: int
    columns: int
    changed_at: Micros
    has_contract: bool
    open_blocks: int


class DataPage(Context, frozen=True, kw_only=True):
    """Which data is there, and is it sound?

    Attributes:
        sentence: the answer.
        state: breach while a block is open.
        datasets: by name.
        blocks: the latest, open ones first.
    """

    template: ClassVar[str] = "data.html"

    sentence: str
    state: State
    datasets: tuple[DatasetRow, ...]
    blocks: tuple[Block, ...]


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a dataset.

    Attributes:
        number: of the version.
        id: content id.
        rows: in all.
        rows_added: since the version before.
        created_at: when.
        source: where the new rows came from.
    """

    number: int
    id: str
    rows: int
    rows_added: int
    created_at: Micros
    source: str


class DatasetPage(Context, frozen=True, kw_only=True):
    """What changed in this dataset, is it sound?

    Attributes:
        sentence: the answer.
        dataset: and its latest version.
        schema: columns and their types.
        versions: newest first.
        blocks: newest first.
        older: cursor of the next page of versions, or None at the end.
    """

    template: ClassVar[str] = "dataset.html"

    sentence: str
    dataset: DatasetRow
    schema: tuple[Pair, ...]
    versions: tuple[VersionRow, ...]
    blocks: tuple[Block, ...]
    older: int | None = None


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run.

    Attributes:
        id: of the run.
        name: given by its author.
        kind: `run`, `pipeline` or another.
        status: running, finished, failed or killed.
        system: it belongs to, or empty.
        started_at: when it began.
        finished_at: when it ended, or None.
        metrics: the latest value of the leading metrics.
    """

    id: str
    name: str
    kind: str
    status: RunStatus
    system: str
    started_at: Micros
    finished_at: Micros | None
    metrics: tuple[Pair, ...] = ()


class RunsPage(Context, frozen=True, kw_only=True):
    """What was tried, and how did it end?

    Attributes:
        sentence: the answer.
        runs: newest first.
        systems: names to filter by.
        system: filter that stands, or empty.
        older: cursor of the next page, or None at the end.
    """

    template: ClassVar[str] = "runs.html"

    sentence: str
    runs: tuple[RunRow, ...]
    systems: tuple[str, ...]
    system: str = ""
    older: str | None = None


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a run over its steps.

    Attributes:
        name: of the metric.
        last: its latest value.
        values: (points,) thinned for the page, oldest first.
        points: how many were logged.
    """

    name: str
    last: float
    values: tuple[float, ...]
    points: int


class RunPage(Context, frozen=True, kw_only=True):
    """What did this run do, and what came of it?

    Attributes:
        sentence: the answer.
        run: its row.
        params: what it was given.
        curves: what it logged.
        artifacts: what it kept; the value is the size.
        provenance: code, environment, data.
        error: what went wrong, or empty.
    """

    template: ClassVar[str] = "run.html"

    sentence: str
    run: RunRow
    params: tuple[Pair, ...]
    curves: tuple[Curve, ...]
    artifacts: tuple[Pair, ...]
    provenance: tuple[Pair, ...]
    error: str = ""


class ErrorPage(Context, frozen=True, kw_only=True):
    """What went wrong, why, and what to do next.

    Attributes:
        status: of HTTP.
        code: stable name of the error.
        message: what, why, what next.
    """

    template: ClassVar[str] = "error.html"

    status: int
    code: str
    message: str


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
