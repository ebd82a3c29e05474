"""Pure decisions: what differs, and which grade that is."""

from collections.abc import Callable, Mapping, Sequence

from homeostat.capture.environment import Environment, changed
from homeostat.capture.hardware import Hardware, ThreadPool
from homeostat.capture.surroundings import Surroundings
from homeostat.core.digests import Digest, short
from homeostat.pipelines.records import Action, Change, Stored
from homeostat.pipelines.rules import differences, shown
from homeostat.reproduction.records import METRIC_TOLERANCE, Difference, Factor, Flip, Grade, Kind, Probe

# Of the recorded run's and of the new one's: each lies in a store of its own.
Parts = Callable[[Digest, Digest], tuple[Mapping[str, str], Mapping[str, str]]]
Identity = Callable[[Stored, Stored], tuple[Digest, Digest]]
Detail = Callable[[Stored, Stored], str]
State = Callable[[str], str]

_SAME = ("A", "B", "C")
_OPENBLAS = "openblas"
CORETYPE = "OPENBLAS_CORETYPE"
# By the names that threadpoolctl gives the libraries.
THREAD_VARIABLES = {
    _OPENBLAS: "OPENBLAS_NUM_THREADS",
    "mkl": "MKL_NUM_THREADS",
    "blis": "BLIS_NUM_THREADS",
    "openmp": "OMP_NUM_THREADS",
}

_MEANING = {
    "A": "byte for byte the same estimator",
    "B": "the same model by its canonical hash; only the bytes of its file differ",
    "C": "other parameters, but the same scores to the bit on the probe rows",
    "D": f"other scores, but the same metrics within {METRIC_TOLERANCE:g}",
    "F": "it diverged",
}


def grade(*, same_bytes: bool, same_canonical: bool, probe: Probe | None) -> Grade:
    """How alike two models are. One that answers otherwise is not the same, whatever its bytes say.

    Without rows to answer (`probe` is None) only the same bytes or the same canonical hash prove anything.
    """
    if probe is None:
        return "A" if same_bytes else "B" if same_canonical else "F"
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
    return f"{text} First difference: {told(differences[0])}."


def told(difference: Difference) -> str:
    """A difference in plain words, without a full stop."""
    values = ""
    if difference.recorded or difference.found:
        values = f": {difference.recorded or 'nothing'} → {difference.found or 'nothing'}"
    return f"{difference.kind} {difference.node}{values}" + (f" ({difference.detail})" if difference.detail else "")


def cause(found: Grade, flips: Sequence[Flip], *, is_repeatable: bool) -> str:
    """What the model depends on, as the flips say.

    Args:
        found: grade of the first making, with nothing changed.
        is_repeatable: whether a second one with nothing changed came out as the first did.
    """
    if not flips:
        return ""
    if not is_repeatable:
        return "With nothing changed it comes out otherwise each time: a generator without a seed, the time, or a race."
    same = [flip.factor for flip in flips if flip.grade in _SAME]
    other = [flip for flip in flips if flip.grade not in _SAME]
    if found in _SAME:
        causes = [f"{flip.factor} (grade {flip.grade}, from the {_place(flip)} on)" for flip in other]
        depends = f"It depends on {' and '.join(causes)}." if causes else ""
        rest = f"It does not depend on {' or '.join(same)}." if same else ""
        return f"{depends} {rest}".strip()
    if same:
        return f"It comes out the same with another choice of {', '.join(same)}: that is what was different."
    return f"None of {', '.join(flip.factor for flip in flips)} explains the difference."


def _place(flip: Flip) -> str:
    return "start" if flip.first is None else f"{flip.first.kind} of {flip.first.node}"


def pinned(recorded: Hardware, present: Hardware) -> dict[str, str]:
    """Variables that make the numerics of another machine those of the recorded one, as far as this one can.

    The number of threads where the machines differ in cores; the kernels of BLAS where this CPU has all the
    instruction sets for them (on one that lacks some the process would die).
    """
    found = {}
    before, after = _pools(recorded), _pools(present)
    if recorded.cores_usable != present.cores_usable:
        for library, pool in before.items():
            if library in THREAD_VARIABLES:
                found[THREAD_VARIABLES[library]] = str(pool.threads)
    kernels = [pools[_OPENBLAS].architecture if _OPENBLAS in pools else "" for pools in (before, after)]
    can_run_them = bool(recorded.flags) and set(recorded.flags) <= set(present.flags)
    if all(kernels) and kernels[0] != kernels[1] and can_run_them:
        found[CORETYPE] = kernels[0]
    return found


def flipped(factor: Factor, recorded: Hardware, variables: Mapping[str, str]) -> dict[str, str]:
    """Variables that change one factor and nothing else."""
    if factor == "hash-seed":
        return {"PYTHONHASHSEED": "2" if variables.get("PYTHONHASHSEED") == "1" else "1"}
    pools = _pools(recorded)
    if factor == "threads":
        used = {name: pools[name].threads if name in pools else recorded.cores_usable for name in THREAD_VARIABLES}
        return {THREAD_VARIABLES[name]: "1" if threads > 1 else "2" for name, threads in used.items()}
    # Both run on any x86-64 CPU that wheels are made for; the first does without AVX.
    now = pools[_OPENBLAS].architecture.upper() if _OPENBLAS in pools else ""
    return {CORETYPE: "Haswell" if now == "NEHALEM" else "Nehalem"}


def environment_differences(recorded: Environment, found: Environment) -> list[Difference]:
    """Interpreter, platform and packages that are not as recorded."""
    return [
        Difference(kind="environment", node=change.name, recorded=change.before, found=change.after)
        for change in changed(recorded, found)
    ]


def setting_differences(recorded: Surroundings, found: Surroundings) -> list[Difference]:
    """Variables, time zone, locale and encoding; settings that an older record does not have are not held against it."""
    settings = [
        {name: one.settings[name] for name in recorded.settings.keys() & found.settings.keys()}
        for one in (recorded, found)
    ]
    changes = [*differences("", recorded.variables, found.variables), *differences("", *settings)]
    return _as("environment", changes)


def hardware_differences(recorded: Hardware, found: Hardware) -> list[Difference]:
    """What of another machine can change the last bits; of libraries those that both processes had loaded."""
    shared = _pools(recorded).keys() & _pools(found).keys()
    machines = []
    for one in (recorded, found):
        facts = {"cpu": one.cpu, "cores": str(one.cores_usable)}
        for library, pool in _pools(one).items():
            if library in shared:
                facts |= {f"threads of {library}": str(pool.threads), f"kernels of {library}": pool.architecture}
        machines.append(facts)
    return _as("hardware", differences("", *machines))


def step_differences(
    recorded: Sequence[Action],
    found: Sequence[Action],
    *,
    parts: Parts,
    identity: Identity,
    detail: Detail,
    state: State,
) -> list[Difference]:
    """What differs step by step, in the order of the calls, up to and including the first that diverged.

    Args:
        found: actions of the new run; those recorded beyond them were the loop's own.
        state: digest of a file that a step read, as it is after the new run; told if the step diverged.
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
        diverged = _inputs(past, action, identity) + _outputs(past, action, identity, detail)
        if diverged:
            return [*told, *_reads(past, action, state), *diverged]
    return told


def _inputs(past: Action, now: Action, identity: Identity) -> list[Difference]:
    return [
        Difference(
            kind="input",
            node=f"{name} of {now.step}",
            recorded=shown(past.arguments[name]) if name in past.arguments else "",
            found=shown(stored),
        )
        for name, stored in now.arguments.items()
        if name not in past.arguments or not _equal(identity(past.arguments[name], stored))
    ]


def _outputs(past: Action, now: Action, identity: Identity, detail: Detail) -> list[Difference]:
    if now.status == "failed":
        return [Difference(kind="output", node=now.step, recorded="", found="", detail=now.error)]
    return [
        Difference(kind="output", node=now.step, recorded=shown(one), found=shown(other), detail=detail(one, other))
        for one, other in zip(past.outputs, now.outputs, strict=False)
        if not _equal(identity(one, other))
    ]


def _reads(past: Action, now: Action, state: State) -> list[Difference]:
    """Files and variables that the recorded step read beside its arguments, and that are not what they were."""
    read = {name: file.digest for name, file in past.observed.files.items() if not name.endswith("/")}
    files = differences("", read, {name: state(name) for name in read})
    variables = [
        change
        for change in differences("", past.observed.variables, now.observed.variables)
        if now.status != "failed"  # what a failed step read was not kept
    ]
    return [
        *_as("input", files, f", a file read by {now.step}"),
        *_as("input", variables, f", a variable read by {now.step}"),
    ]


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


def _pools(machine: Hardware) -> dict[str, ThreadPool]:
    """The thread pools by library; of two copies of one, that with more threads."""
    return {pool.library: pool for pool in sorted(machine.thread_pools, key=lambda pool: pool.threads)}
