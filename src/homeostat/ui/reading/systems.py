"""Systems as control loops: their setpoints, arms, history and rollout."""

from collections.abc import Sequence

from sqlalchemy import Connection

from homeostat.core.clock import DAY, Micros
from homeostat.loop import queries as loop
from homeostat.loop.declaration import Declaration
from homeostat.loop.records import LoopRow
from homeostat.monitor import queries as monitor
from homeostat.monitor.records import Figures, Reading
from homeostat.monitor.setpoints import Performance, Setpoint
from homeostat.ui import formats
from homeostat.ui.charts.records import Event, Role, State
from homeostat.ui.contexts import Arm, Evidence, OverviewPage, SetpointReading, SystemCard, SystemPage, Week
from homeostat.ui.reading import decisions
from homeostat.ui.reading.events import history_of
from homeostat.ui.reading.here import Here

_HISTORY = 60  # kept readings of a setpoint: about as many as a sparkline has room for
_LATEST_DECISIONS = 8
_EVENTS = 150  # more would not fit into the budget of a page, nor be told apart

# name on the page, unit, decimals, what its rows are
_KINDS: dict[str, tuple[str, str, int, str]] = {
    "performance": ("", "", 3, "label"),
    "drift": ("drift", "", 2, "row"),
    "errors": ("errors", "%", 2, "request"),
    "latency": ("latency p99", "ms", 0, "request"),
    "age": ("age", "d", 1, ""),
}
_PHASES = {
    "idle": "",
    "training": "a training is on",
    "approval": "challenger v{} waits for an approval",
    "shadow": "challenger v{} is scored in the shadow",
    "canary": "challenger v{} is in canary",
}


def overview(connection: Connection, here: Here) -> OverviewPage:
    cards = [_card(connection, here, declared) for declared in loop.declarations(connection)]
    cards.sort(key=lambda card: _RANK[_state(card)])
    states = [_state(card) for card in cards]
    return OverviewPage(
        **here.frame,
        sentence=_overview_sentence(cards),
        state=min(states, key=_RANK.__getitem__, default="unknown"),
        systems=tuple(cards),
    )


def page(connection: Connection, here: Here, name: str) -> SystemPage:
    """Raises: NotFound listing the systems there are."""
    declared = loop.declaration(connection, name)
    weeks = tuple(_week(figures) for figures in monitor.figures(connection, name))
    events = history_of(connection, declared)
    deployment = here.deployments.desired(name)
    limits = {setpoint.loss: setpoint.at_most for setpoint in declared.setpoints if isinstance(setpoint, Performance)}
    since = _since_when(here, weeks, events)
    return SystemPage(
        **here.frame,
        card=_card(connection, here, declared),
        generation=deployment.generation if deployment else 0,
        weeks=tuple(week for week in weeks if week.start >= since),
        auc_limit=None,
        brier_limit=limits.get("brier"),
        events=events[-_EVENTS:],
        since=since,
        rollout=_rollout(connection, declared),
        decisions=decisions.latest(connection, name, _LATEST_DECISIONS),
    )


def _since_when(here: Here, weeks: Sequence[Week], events: Sequence[Event]) -> Micros:
    """The beginning, or where the events that fit on a page begin; at least a week back."""
    if len(events) > _EVENTS:
        return events[-_EVENTS].at
    starts = [week.start for week in weeks] + [event.at for event in events]
    return Micros(min([*starts, here.now - 7 * DAY]))


_RANK: dict[State, int] = {"breach": 0, "unknown": 1, "met": 2}


def _state(card: SystemCard) -> State:
    """The worst state of a system's setpoints."""
    return min((reading.state for reading in card.setpoints), key=_RANK.__getitem__, default="unknown")


def _overview_sentence(cards: Sequence[SystemCard]) -> str:
    if not cards:
        return "No system is declared yet."
    ill = [card.name for card in cards if _state(card) == "breach"]
    if ill:
        return f"{len(ill)} of {formats.plural(len(cards), 'system')} in breach: {', '.join(ill)}."
    unsure = [card.name for card in cards if _state(card) == "unknown"]
    if unsure:
        return f"No setpoint is known to be breached; not all is known yet of {', '.join(unsure)}."
    return "Every setpoint holds." if len(cards) > 1 else f"{cards[0].name} holds every setpoint."


def _card(connection: Connection, here: Here, declared: Declaration) -> SystemCard:
    known = {reading.setpoint: reading for reading in monitor.latest_readings(connection, declared.name)}
    setpoints = tuple(
        _setpoint(connection, declared.name, setpoint, known.get(setpoint.name)) for setpoint in declared.setpoints
    )
    row = loop.row(connection, declared.name)
    last = decisions.latest(connection, declared.name, 1)
    return SystemCard(
        name=declared.name,
        sentence=_sentence(declared.name, setpoints, row),
        detail=" ".join(reading.sentence for reading in setpoints if reading.state == "breach"),
        phase=row.phase if row else "idle",
        phase_since=row.progress.stage_at if row and row.phase in {"shadow", "canary"} else None,
        setpoints=setpoints,
        arms=_arms(here, declared.name),
        last_decision=last[0].sentence if last else "",
        last_decision_at=last[0].at if last else None,
    )


def _sentence(name: str, setpoints: Sequence[SetpointReading], row: LoopRow | None) -> str:
    held = sum(reading.state == "met" for reading in setpoints)
    if setpoints and all(reading.state == "unknown" for reading in setpoints):
        return f"{name}: nothing is known yet of its {formats.plural(len(setpoints), 'setpoint')}."
    parts = [f"{name} holds {held} of {formats.plural(len(setpoints), 'setpoint')}"]
    ill = [reading.name for reading in setpoints if reading.state == "breach"]
    unknown = sum(reading.state == "unknown" for reading in setpoints)
    if ill:
        parts.append(f"{', '.join(ill)} in breach")
    if unknown:
        parts.append(f"{unknown} unknown yet")
    if row and _PHASES[row.phase]:
        parts.append(_PHASES[row.phase].format(row.progress.challenger))
    return "; ".join(parts) + "."


def _setpoint(connection: Connection, system: str, setpoint: Setpoint, reading: Reading | None) -> SetpointReading:
    kind = type(setpoint).__struct_config__.tag
    name, unit, decimals, noun = _KINDS[str(kind)]
    shown = name or setpoint.name.partition(":")[2]
    if reading is None:
        return SetpointReading(
            name=shown,
            limit=setpoint.limit,
            direction="at_most",
            state="unknown",
            unit=unit,
            decimals=decimals,
            rows_noun=noun,
            sentence="It was not read yet.",
        )
    # An age is known exactly; whether errors keep their limit is counted, and their band speaks of requests to come.
    has_band = reading.low != reading.high and reading.kind != "errors"
    kept = monitor.reading_history(connection, system, setpoint.name, limit=_HISTORY)
    return SetpointReading(
        name=shown,
        limit=reading.at_most,
        direction="at_most",
        state=reading.state,
        value=reading.value,
        low=reading.low if has_band else None,
        high=reading.high if has_band else None,
        unit=unit,
        decimals=decimals,
        rows=reading.rows,
        rows_noun=noun,
        since=_since(kept),
        sentence=reading.sentence,
        history=tuple(one.value for one in kept if one.value is not None),
    )


def _since(kept: Sequence[Reading]) -> Micros | None:
    """When the present state began; None if it is older than what was read."""
    began = None
    for reading in reversed(kept):
        if reading.state != kept[-1].state:
            return began
        began = reading.at
    return began if len(kept) < _HISTORY else None


def _arms(here: Here, system: str) -> tuple[Arm, ...]:
    deployment = here.deployments.desired(system)
    if deployment is None:
        return ()
    return tuple(
        Arm(role=_role(arm.role, arm.weight), version=arm.version, weight=arm.weight) for arm in deployment.arms
    )


def _role(role: str, weight: float) -> Role:
    if role == "champion":
        return "champion"
    return "canary" if weight else "shadow"


def _week(figures: Figures) -> Week:
    return Week(
        start=figures.start_at,
        predictions=figures.predictions,
        labels=figures.labels,
        auc=figures.auc,
        auc_low=figures.auc_low,
        auc_high=figures.auc_high,
        brier=figures.brier,
        brier_low=figures.brier_low,
        brier_high=figures.brier_high,
        versions=tuple(sorted(figures.versions)),
    )


def _rollout(connection: Connection, declared: Declaration) -> Evidence | None:
    """The evidence that the controller last judged, while a rollout is on."""
    row = loop.row(connection, declared.name)
    if row is None or row.phase not in {"shadow", "canary"} or row.progress.challenger is None:
        return None
    judged = loop.read_decisions(connection, system=declared.name, verdicts=("hold", "advance"), limit=1)
    if not judged or judged[0].at < row.progress.rollout_at or "paired" not in judged[0].evidence:
        return None
    paired, margin = judged[0].evidence["paired"], declared.rollout.margin
    has_labels = paired["n"] > 0
    return Evidence(
        question=f"Is challenger v{row.progress.challenger} worse than champion v{row.progress.champion}?",
        statistic="Difference of losses",
        value=paired["mean"],
        low=paired["low"] if has_labels else None,
        high=paired["high"] if has_labels else None,
        limit=margin,
        direction="at_most",
        samples=paired["n"],
        verdict=judged[0].sentence,
        state=_verdict(paired["low"], paired["high"], margin),
    )


def _verdict(low: float, high: float, margin: float) -> State:
    """Worse once the whole band lies above zero, not worse once it lies below the margin, else open."""
    if low > 0:
        return "breach"
    return "met" if high <= margin else "unknown"
