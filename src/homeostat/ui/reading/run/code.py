"""The code of a run as it lay in the working directory, and how it differs from that of another run."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

import msgspec

from homeostat.capture.code import File, Tree, changes, read_tree, unified
from homeostat.core.digests import Digest, short
from homeostat.core.errors import CorruptObject, NotFound
from homeostat.track.records import RunDetail
from homeostat.ui import formats
from homeostat.ui.contexts import DiffLine, FileDiff, Pair, RunCode
from homeostat.ui.reading.here import Here
from homeostat.ui.reading.run import previews
from homeostat.ui.reading.run.artifacts import Leaf, tree
from homeostat.ui.reading.run.others import called

_LISTED = 400
_DIFFS, _CHARACTERS, _WIDTH = 60, 50_000, 300  # files, characters of all lines, and of one
_MARKUP = 20  # characters around a line
_COMMIT, _BRANCH, _REPOSITORY = "mlflow.source.git.commit", "mlflow.source.git.branch", "mlflow.source.git.repoURL"


def tab(here: Here, detail: RunDetail, against: RunDetail | None, name: str) -> RunCode:
    """The tab of this name.

    Args:
        name: of the file to look at, or empty.
    Raises: NotFound naming the file.
    """
    found, lost = _read(here, detail.run.code)
    differing, sentence = _changes(here, detail, found, against) if found else ((), lost or _not_captured(detail))
    files = found.files if found else {}
    other = f"&against={quote(against.run.id)}" if against else ""
    address = f"/runs/{quote(detail.run.id)}?tab=code{other}&file="
    leaves = [Leaf(path, 0, f"{address}{quote(path, safe='')}") for path in files]
    shown = f"{address}{quote(name, safe='')}" if name else ""
    return RunCode(
        facts=tuple(_facts(detail)),
        changes=differing,
        sentence=sentence,
        files=tuple(tree(leaves[:_LISTED], shown)),
        more=max(0, len(leaves) - _LISTED),
        shown=previews.preview(here, _kept(here, detail, files, name), "") if name else None,
    )


def summary(here: Here, detail: RunDetail, against: RunDetail) -> list[str]:
    """What differs, in words; nothing if that is nothing, or is not known."""
    git = [_git(one).get("commit", "") for one in (detail, against)]
    before, after = against.run.code, detail.run.code
    if not before or not after:
        return [f"commit {git[1][:8]} → {git[0][:8]}"] if git[0] and git[1] and git[0] != git[1] else []
    if before == after:
        return []
    try:
        old, new = read_tree(Digest(before), here.objects).files, read_tree(Digest(after), here.objects).files
    except (NotFound, CorruptObject):
        return [f"tree {short(before)} → {short(after)}"]
    return [f"{sign} {path}" for sign, path in changes(old, new)]


def _read(here: Here, digest: str) -> tuple[Tree | None, str]:
    """The tree, or why it cannot be read."""
    if not digest:
        return None, ""
    try:
        return read_tree(Digest(digest), here.objects), ""
    except (NotFound, CorruptObject) as lost:
        return None, lost.message


def _not_captured(detail: RunDetail) -> str:
    if any(name.startswith("mlflow.") for name in detail.tags):
        return "A client of MLflow logged this run; it says the commit, but does not capture the code."
    return (
        "No code was captured: there is no homeostat.toml and no Git repository around it, or the capture is under way."
    )


def _git(detail: RunDetail) -> dict[str, str]:
    kept = detail.surroundings.get("git", {})
    if kept:
        return {str(name): str(value) for name, value in kept.items()}
    known = {"commit": _COMMIT, "branch": _BRANCH, "repository": _REPOSITORY}
    return {name: detail.tags[tag] for name, tag in known.items() if tag in detail.tags}


def _facts(detail: RunDetail) -> Iterable[Pair]:
    git = _git(detail)
    if commit := git.get("commit"):
        yield Pair(name="commit", value=commit, is_digest=True)
    for name in ("branch", "repository"):
        if git.get(name):
            yield Pair(name=name, value=git[name])
    if "dirty" in git:
        yield Pair(name="working directory", value="had changes" if git["dirty"] == "true" else "as committed")
    if entry := detail.surroundings.get("entry"):
        yield Pair(name="entry", value=str(entry))
    if argv := detail.surroundings.get("argv"):
        yield Pair(name="command line", value=" ".join(map(str, argv)))
    if detail.run.code:
        yield Pair(name="tree", value=detail.run.code, is_digest=True)


def _changes(here: Here, detail: RunDetail, tree_: Tree, against: RunDetail | None) -> tuple[tuple[FileDiff, ...], str]:
    if against is None:
        return (), "There is no other run of this experiment to compare with."
    other = called(against.run, detail.run)
    before, lost = _read(here, against.run.code)
    if before is None:
        return (), lost or f"No code was captured of {other}."
    paths = changes(before.files, tree_.files)
    if not paths:
        return (), f"The code is that of {other}."
    room, made = _CHARACTERS, []
    for sign, path in paths[:_DIFFS]:
        one = _diff(here, sign, path, before.files.get(path), tree_.files.get(path), room)
        room -= sum(len(line.text) + _MARKUP for line in one.lines)
        made.append(one)
    counted = formats.plural(len(paths), "file")
    more = f"; the first {_DIFFS} are shown" if len(paths) > _DIFFS else ""
    verb = "differs" if len(paths) == 1 else "differ"
    return tuple(made), f"{counted} {verb} from {other}{more}."


def _diff(here: Here, sign: str, path: str, old: File | None, new: File | None, room: int) -> FileDiff:
    seen = FileDiff(path=path, sign=sign, added=0, removed=0, lines=())
    if old is not None and new is not None and old.digest == new.digest:
        return msgspec.structs.replace(seen, note="Only whether it can be run changed.")
    try:
        found = unified(old, new, here.objects)
    except (NotFound, CorruptObject) as lost:
        return msgspec.structs.replace(seen, note=lost.message)
    if found is None:
        return msgspec.structs.replace(seen, note="It is no text, or too large for a diff.")
    lines = []
    for line in found:
        room -= min(len(line), _WIDTH) + _MARKUP
        if room < 0:
            break
        lines.append(DiffLine(op=line[:1], text=line if line[0] == "@" else line[1 : _WIDTH + 1]))
    return FileDiff(
        path=path,
        sign=sign,
        added=sum(line.startswith("+") for line in found),
        removed=sum(line.startswith("-") for line in found),
        lines=tuple(lines),
        note="" if len(lines) == len(found) else f"{formats.plural(len(found) - len(lines), 'line')} more.",
    )


def _kept(here: Here, detail: RunDetail, files: Mapping[str, File], name: str) -> previews.Kept:
    file = files.get(name)
    if file is None:
        raise NotFound(f"The code of run {detail.run.id} has no file {name!r}. Choose one of its tree: ?tab=code")
    size = here.objects.path(file.digest).stat().st_size if here.objects.has(file.digest) else 0
    # Code is read, not rendered: a picture or a page of the project is shown by its bytes.
    return previews.Kept(name, file.digest, size, "text/plain")
