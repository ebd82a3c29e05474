"""Pure decisions: what differs, and which grade that is."""

from collections.abc import Callable, Mapping, Sequence

from homeostat.capture.environment import Environment, changed
from homeostat.capture.hardware import Hardware
from homeostat.core.digests import Digest, short
from homeostat.pipelines.records import Action, Change, Stored
from homeostat.pipelines.rules import differences, shown
from homeostat.reproduction.records import METRIC_TOLERANCE, Difference, Grade, Kind, Probe

# Of the recorded run's and of the new one's: each lies in a store of its own.
Parts = Callable[[Digest, Digest], tuple[Mapping[str, str], Mapping[str, str]]]
Identity = Callable[[Stored, Stored], tuple[Digest, Digest]]
Detail = Callable[[Stored, Stored], str]

_MEANING = {
    "A": "byte for byte the same estimator",
    "B": "the same model by its canonical hash; only the bytes of its file differ",
    "C": "other parameters, but the same scores to the bit on the probe rows",
    "D": f"other scores, but the same metrics within {METRIC_TOLERANCE:g}",
    "F": "it diverged",
}


def grade(*, same_bytes: bool, same_canonical: bool, probe: Probe) -> Grade:
    """How alike two models are. One that answers otherwise is not the same, whatever its bytes say."""
    if probe.equal:
        return "A" if same_bytes else "B" if same_canonical else "C"
    shared = probe.recorded.keys() & probe.remade.keys()
    if shared and all(abs(probe.recorded[name] - probe.remade[name]) <= METRIC_TOLERANCE for name in shared):
        return "D"
    return "F"


def sentence(name: str, found: Grade, differences: Sequence[Difference], error: str) -> str:
    """A reproduction in plain words."""
    if error:
        text = f"{name} could not be made again (F): {error}"
    else:
        text = f"{name} was made again, grade {found}: {_MEANING[found]}."
    if not differences or found == "A":
        return text
    first = differences[0]
    values = f": {first.recorded or 'nothing'} → {first.found or 'nothing'}" if first.recorded or first.found else ""
    detail = f" ({first.detail})" if first.detail else ""
    return f"{text} First difference: {first.kind} {first.node}{values}{detail}."


def environment_differences(recorded: Environment, found: Environment) -> list[Difference]:
    """Interpreter, platform and packages that are not as recorded."""
    return [
        Difference(kind="environment", node=change.name, recorded=change.before, found=change.after)
        for change in changed(recorded, found)
    ]


def hardware_differences(recorded: Hardware, found: Hardware) -> list[Difference]:
    """What of another machine can change the last bits."""
    machines = [{"cpu": one.cpu, "cores": str(one.cores_usable)} for one in (recorded, found)]
    return _as("hardware", differences("", *machines))


def step_differences(
    recorded: Sequence[Action], found: Sequence[Action], *, parts: Parts, identity: Identity, detail: Detail
) -> list[Difference]:
    """What differs step by step, in the order of the calls, up to and including the first that diverged.

    Args:
        found: actions of the new run; those recorded beyond them were the loop's own.
        parts: the parts of a step's code, by its digest.
        identity: of a value, whatever code tree its file names.
        detail: what to say of two values that differ.
    """
    before = {(action.step, action.position): action for action in recorded}
    told: list[Difference] = []
    for action in found:
        past = before.get((action.step, action.position))
        if past is None:
            told.append(Difference(kind="output", node=action.step, recorded="", found="a call that was not there"))
            return told
        told += _as("code", differences("", *parts(past.code, action.code)), f" of {action.step}")
        told += _as("code", differences("", past.variables, action.variables), f" read by {action.step}")
        diverged = [
            Difference(
                kind="input",
                node=f"{name} of {action.step}",
                recorded=shown(past.arguments[name]) if name in past.arguments else "",
                found=shown(stored),
            )
            for name, stored in action.arguments.items()
            if name not in past.arguments or not _equal(identity(past.arguments[name], stored))
        ]
        if action.status == "failed":
            diverged.append(Difference(kind="output", node=action.step, recorded="", found="", detail=action.error))
        diverged += [
            Difference(
                kind="output", node=action.step, recorded=shown(one), found=shown(other), detail=detail(one, other)
            )
            for one, other in zip(past.outputs, action.outputs, strict=False)
            if not _equal(identity(one, other))
        ]
        if diverged:
            return [*told, *diverged]
    return told


def changed_columns(recorded: Mapping[str, Digest], found: Mapping[str, Digest]) -> str:
    """Columns of two tables that do not hold the same, in words."""
    names = [change.name for change in differences("", recorded, found)]
    return f"columns {', '.join(names[:5])}{' and more' if len(names) > 5 else ''} differ" if names else ""


def changed_model(recorded: Digest, found: Digest) -> str:
    """Two models by their canonical hashes, in words."""
    if recorded == found:
        return "the bytes of the file differ, the model does not"
    return f"canonical hash {short(recorded)} → {short(found)}"


def _equal(pair: tuple[Digest, Digest]) -> bool:
    return pair[0] == pair[1]


def _as(kind: Kind, changes: Sequence[Change], where: str = "") -> list[Difference]:
    return [
        Difference(kind=kind, node=f"{change.name}{where}", recorded=change.before, found=change.after)
        for change in changes
    ]
