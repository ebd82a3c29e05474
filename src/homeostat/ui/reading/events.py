"""What happened to a system, from the ledger."""

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection

from homeostat.core.clock import Micros
from homeostat.data.facts import AppendBlocked
from homeostat.loop.declaration import Declaration
from homeostat.loop.facts import RolledBack, TrainingDecided
from homeostat.monitor.facts import SetpointBreached, SetpointMet
from homeostat.registry.facts import ApprovalGranted, GatesJudged, ModelPromoted, ModelRejected
from homeostat.serve.facts import Deployed
from homeostat.store import ledger
from homeostat.store.ledger import Entry
from homeostat.ui.charts.records import Event, EventKind

_FACTS = (
    TrainingDecided,
    GatesJudged,
    ModelRejected,
    ModelPromoted,
    RolledBack,
    ApprovalGranted,
    SetpointBreached,
    SetpointMet,
    Deployed,
)
_NEWEST = 2000  # facts of a system that its timeline looks back on: years


def history_of(connection: Connection, declared: Declaration) -> tuple[Event, ...]:
    """The events of a system, oldest first."""
    kinds = [fact.kind for fact in _FACTS]
    found = ledger.entries(connection, system=declared.name, kinds=kinds, limit=_NEWEST, newest_first=True)[::-1]
    events = [
        *(event for entry in found for event in _instant(entry)),
        *_breaches(found),
        *_trials(found),
        *_blocks(connection, declared),
    ]
    return tuple(sorted(events, key=lambda event: event.at))


def trials_of(connection: Connection, system: str, number: int) -> tuple[Event, ...]:
    """Where one version served, oldest first."""
    found = ledger.entries(connection, system=system, kinds=[Deployed.kind], limit=_NEWEST, newest_first=True)[::-1]
    return tuple(_stays(found, number))


def _instant(entry: Entry) -> Iterator[Event]:
    model = f"/models/{entry.system}"
    if entry.kind == TrainingDecided.kind:
        decided = msgspec.json.decode(entry.body, type=TrainingDecided)
        yield Event(at=entry.at, kind="retrain", label=f"Training: {decided.sentence}")
    elif entry.kind == GatesJudged.kind:
        judged = msgspec.json.decode(entry.body, type=GatesJudged)
        if judged.failed:
            label = f"v{judged.number} stopped by its gates: {', '.join(judged.failed)}"
            yield Event(at=entry.at, kind="rejected", label=label, href=f"{model}/{judged.number}")
    elif entry.kind == ModelPromoted.kind:
        promoted = msgspec.json.decode(entry.body, type=ModelPromoted)
        if not promoted.is_return:  # a return is told by the roll-back that caused it
            label = f"v{promoted.number} is {promoted.alias}"
            yield Event(at=entry.at, kind="deploy", label=label, href=f"{model}/{promoted.number}")
    elif entry.kind == RolledBack.kind:
        rolled = msgspec.json.decode(entry.body, type=RolledBack)
        label = f"v{rolled.version} rolled back to v{rolled.champion}: {rolled.sentence}"
        yield Event(at=entry.at, kind="rollback", label=label, href=f"{model}/{rolled.version}")
    elif entry.kind == ApprovalGranted.kind:
        granted = msgspec.json.decode(entry.body, type=ApprovalGranted)
        label = f"v{granted.number} approved by {granted.actor}"
        yield Event(at=entry.at, kind="approval", label=label, href=f"{model}/{granted.number}")


def _breaches(found: list[Entry]) -> Iterator[Event]:
    """From each breach to the fact that its setpoint holds again; what lasts has no end."""
    open_at: dict[str, tuple[Micros, str]] = {}
    for entry in found:
        if entry.kind == SetpointBreached.kind:
            breached = msgspec.json.decode(entry.body, type=SetpointBreached)
            open_at.setdefault(breached.setpoint, (entry.at, f"{breached.setpoint}: {breached.sentence}"))
        elif entry.kind == SetpointMet.kind:
            met = msgspec.json.decode(entry.body, type=SetpointMet)
            if met.setpoint in open_at:
                at, sentence = open_at.pop(met.setpoint)
                yield Event(at=at, until=entry.at, kind="breach", label=sentence)
    for at, sentence in open_at.values():
        yield Event(at=at, kind="breach", label=sentence)


def _trials(found: list[Entry]) -> Iterator[Event]:
    """Shadow and canary of each challenger: one event for each, whatever number of shares it had."""
    for stay in _stays(found, None):
        if stay.kind != "deploy":
            yield stay


def _stays(found: list[Entry], number: int | None) -> Iterator[Event]:
    """How long each version had the same part in the deployments; of one version, or of all."""
    begun: dict[tuple[int, EventKind], tuple[Micros, int]] = {}
    deployed = [entry for entry in found if entry.kind == Deployed.kind]
    for entry in deployed:
        body = msgspec.json.decode(entry.body, type=Deployed)
        parts: set[tuple[int, EventKind]] = {
            (arm.version, "deploy" if arm.role == "champion" else "canary" if arm.weight else "shadow")
            for arm in body.arms
            if number is None or arm.version == number
        }
        for part in [part for part in begun if part not in parts]:
            yield _stay(entry.system, part, begun.pop(part), entry.at)
        for part in parts:
            begun.setdefault(part, (entry.at, body.generation))
    for part, start in begun.items():
        yield _stay(deployed[-1].system, part, start, None)


def _stay(system: str, part: tuple[int, EventKind], begun: tuple[Micros, int], until: Micros | None) -> Event:
    version, kind = part
    names = {"deploy": "champion", "canary": "in canary", "shadow": "in the shadow"}
    label = f"v{version} {names[kind]} from deployment {begun[1]}"
    return Event(at=begun[0], until=until, kind=kind, label=label, href=f"/models/{system}/{version}")


def _blocks(connection: Connection, declared: Declaration) -> Iterator[Event]:
    for entry in ledger.entries(connection, kinds=[AppendBlocked.kind], limit=_NEWEST, newest_first=True):
        blocked = msgspec.json.decode(entry.body, type=AppendBlocked)
        if blocked.dataset in declared.data:
            label = f"{blocked.rows:,} rows for {blocked.dataset} blocked: {blocked.reason}"
            yield Event(at=entry.at, kind="blocked", label=label, href=f"/data/{blocked.dataset}")
