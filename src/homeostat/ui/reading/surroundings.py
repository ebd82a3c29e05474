"""What surrounded two runs: their code, line by line; their packages; the data they read."""

from collections.abc import Mapping

from sqlalchemy import Connection

from homeostat.capture import code
from homeostat.capture.environment import changed, read_environment
from homeostat.core.digests import Digest
from homeostat.core.errors import HomeostatError
from homeostat.store.objects import ObjectStore
from homeostat.track import usage
from homeostat.track.records import RunRecord
from homeostat.ui import formats
from homeostat.ui.contexts.comparison import CodeFile, Surroundings, Versions

_FILES = 60
_LINES = 300  # of all files together
_WORDS = {"changed": "~", "added": "+", "removed": "-"}
_PACKAGES = 150


def compare(connection: Connection, objects: ObjectStore, left: RunRecord, right: RunRecord) -> Surroundings:
    """What differs between two runs, beside what they say of themselves."""
    told, files = _code(objects, left, right)
    environment, packages = _environment(objects, left, right)
    datasets, data = _data(connection, left, right)
    return Surroundings(
        left=left.id,
        right=right.id,
        code=told,
        files=files[:_FILES],
        more_files=max(0, len(files) - _FILES),
        environment=environment,
        packages=packages[:_PACKAGES],
        datasets=datasets,
        data=data,
    )


def _code(objects: ObjectStore, left: RunRecord, right: RunRecord) -> tuple[str, tuple[CodeFile, ...]]:
    if missing := _without(left, right, "code"):
        return f"No code was captured of {missing}.", ()
    if left.code == right.code:
        return "Both ran the same code.", ()
    try:
        before, after = (code.read_tree(Digest(run.code), objects).files for run in (left, right))
    except HomeostatError as error:
        return f"Their code differs, and cannot be shown: {error.message}", ()
    room = _LINES
    made = []
    changes = code.changes(before, after)
    for sign, path in changes:
        lines = _lines(objects, before.get(path), after.get(path)) if room > 0 else ()
        made.append(CodeFile(path=path, sign=sign, lines=lines[:room]))  # type: ignore[arg-type]
        room -= len(lines)
    told = [
        f"{count} {word}"
        for word, count in ((word, sum(sign == one for sign, _ in changes)) for word, one in _WORDS.items())
        if count
    ]
    return (
        f"{formats.plural(len(made), 'file')} of code {'differs' if len(made) == 1 else 'differ'}: {', '.join(told)}.",
        tuple(made),
    )


def _lines(objects: ObjectStore, before: code.File | None, after: code.File | None) -> tuple[str, ...]:
    """A unified difference; nothing where one of the two is no text, too large, or lost."""
    try:
        return tuple(code.unified(before, after, objects) or ())
    except HomeostatError:
        return ()


def _environment(objects: ObjectStore, left: RunRecord, right: RunRecord) -> tuple[str, tuple[Versions, ...]]:
    if missing := _without(left, right, "environment"):
        return f"No environment was captured of {missing}.", ()
    if left.environment == right.environment:
        return "Both ran on the same packages.", ()
    try:
        before, after = (read_environment(Digest(run.environment), objects) for run in (left, right))
    except HomeostatError as error:
        return f"Their environments differ, and cannot be shown: {error.message}", ()
    found = tuple(Versions(name=one.name, before=one.before, after=one.after) for one in changed(before, after))
    if not found:
        return "Both ran on the same packages.", ()
    return (
        f"{formats.plural(len(found), 'package')} or {'setting' if len(found) == 1 else 'settings'} of the environment differ.",
        found,
    )


def _data(connection: Connection, left: RunRecord, right: RunRecord) -> tuple[str, tuple[Versions, ...]]:
    used = usage.of_runs(connection, [left.id, right.id])
    before, after = (_digests(used.get(run.id)) for run in (left, right))
    if not before and not after:
        return "Neither said which data it read.", ()
    found = tuple(
        Versions(name=name, before=before.get(name, ""), after=after.get(name, ""))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )
    return (f"{formats.plural(len(found), 'dataset')} differ." if found else "Both read the same data.", found)


def _digests(used: usage.Usage | None) -> Mapping[str, str]:
    return {} if used is None else {dataset.name: dataset.digest[:8] for dataset in used.datasets}


def _without(left: RunRecord, right: RunRecord, what: str) -> str:
    return " and ".join(dict.fromkeys(run.name for run in (left, right) if not getattr(run, what)))
