"""What a run ran on: packages, machine, numerics, variables; and how that differs from another run."""

from collections.abc import Iterable, Mapping

import msgspec

from homeostat.capture.environment import Environment, changed, read_environment
from homeostat.capture.hardware import Hardware
from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, NotFound
from homeostat.track.records import RunDetail
from homeostat.ui import formats
from homeostat.ui.contexts import EnvironmentChange, Pair, RunEnvironment
from homeostat.ui.reading.here import Here
from homeostat.ui.reading.run.others import called


def tab(here: Here, detail: RunDetail, against: RunDetail | None) -> RunEnvironment:
    """The tab of this name."""
    found = _environment(here, detail)
    machine = _hardware(here, detail)
    changes = tuple(_changes(here, detail, against)) if against else ()
    return RunEnvironment(
        digest=detail.run.environment,
        sentence=_sentence(detail, found, against, changes),
        changes=changes,
        interpreter=tuple(_interpreter(found)) if found else (),
        packages=tuple(Pair(name=one.name, value=one.version) for one in found.packages) if found else (),
        machine=tuple(_machine(machine)) if machine else (),
        numerics=tuple(_numerics(machine)) if machine else (),
        variables=tuple(Pair(name=name, value=value) for name, value in _words(detail).items()),
    )


def summary(here: Here, detail: RunDetail, against: RunDetail) -> list[str]:
    """What differs, in words; nothing if that is nothing, or is not known."""
    return [
        f"{one.name} {one.before or formats.MISSING} → {one.after or formats.MISSING}"
        for one in _changes(here, detail, against)
    ]


def _sentence(
    detail: RunDetail, found: Environment | None, against: RunDetail | None, changes: tuple[EnvironmentChange, ...]
) -> str:
    if found is None:
        if detail.run.environment:
            return "What was installed is known by its digest only: the description is not in the store any more."
        return "No environment was captured: a client of MLflow logged this run, or the capture is under way."
    if against is None:
        return "There is no other run of this experiment to compare with."
    other = called(against.run, detail.run)
    if not against.run.environment:
        return f"No environment was captured of {other}."
    if not changes:
        return f"It is that of {other}."
    return f"{formats.plural(len(changes), 'thing')} {'differs' if len(changes) == 1 else 'differ'} from {other}."


def _environment(here: Here, detail: RunDetail) -> Environment | None:
    try:
        return read_environment(Digest(detail.run.environment), here.objects) if detail.run.environment else None
    except (NotFound, CorruptObject):
        return None


def _hardware(here: Here, detail: RunDetail) -> Hardware | None:
    digest = detail.surroundings.get("hardware", "")
    try:
        return msgspec.json.decode(here.objects.read(Digest(str(digest))), type=Hardware) if digest else None
    except (NotFound, CorruptObject, msgspec.MsgspecError):
        return None


def _words(detail: RunDetail) -> dict[str, str]:
    """Variables and settings."""
    kept: dict[str, str] = {}
    for kind in ("settings", "variables"):
        found = detail.surroundings.get(kind, {})
        kept |= {str(name): str(value) for name, value in found.items()}
    return kept


def _changes(here: Here, detail: RunDetail, against: RunDetail) -> Iterable[EnvironmentChange]:
    if detail.run.environment != against.run.environment:
        before, after = _environment(here, against), _environment(here, detail)
        if before is not None and after is not None:
            for one in changed(before, after):
                kind = "package" if one.kind == "package" else "interpreter"
                yield EnvironmentChange(kind=kind, name=one.name, before=one.before, after=one.after)
    if detail.surroundings.get("hardware") != against.surroundings.get("hardware"):
        old, new = _hardware(here, against), _hardware(here, detail)
        if old is not None and new is not None:
            yield from _differ("machine", dict(_plain(_machine(old))), dict(_plain(_machine(new))))
            yield from _differ("numerics", dict(_plain(_numerics(old))), dict(_plain(_numerics(new))))
    if detail.surroundings and against.surroundings:
        yield from _differ("variable", _words(against), _words(detail))


def _plain(pairs: Iterable[Pair]) -> Iterable[tuple[str, str]]:
    return ((pair.name, pair.value) for pair in pairs)


def _differ(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterable[EnvironmentChange]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield EnvironmentChange(kind=kind, name=name, before=before.get(name, ""), after=after.get(name, ""))


def _interpreter(found: Environment) -> Iterable[Pair]:
    yield Pair(name="Python", value=f"{found.implementation} {found.python}")
    yield Pair(name="platform", value=f"{found.platform} {found.machine}")


def _machine(found: Hardware) -> Iterable[Pair]:
    yield Pair(name="processor", value=found.cpu)
    yield Pair(
        name="cores", value=f"{found.cores_usable} usable of {found.cores_logical}, {found.cores_physical} physical"
    )
    yield Pair(name="memory", value=formats.size(found.memory_bytes))
    yield Pair(name="kernel", value=found.kernel)
    yield Pair(name="vector units", value=", ".join(found.flags) or formats.MISSING)


def _numerics(found: Hardware) -> Iterable[Pair]:
    for pool in found.thread_pools:
        kernels = f", {pool.architecture} kernels" if pool.architecture else ""
        yield Pair(
            name=f"{pool.library} ({pool.api})",
            value=f"{pool.version or 'version unknown'}, {formats.plural(pool.threads, 'thread')}{kernels}",
        )
