"""Files of a run, and of the models it made, as one tree."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

from sqlalchemy import Connection

from homeostat.core.errors import NotFound
from homeostat.registry import logged
from homeostat.track import queries
from homeostat.track.records import RunDetail
from homeostat.ui.contexts import RunFile, RunFiles
from homeostat.ui.reading.here import Here
from homeostat.ui.reading.run import previews
from homeostat.ui.reading.run.previews import Kept

_LISTED = 600
_MODELS = 50


class Leaf(NamedTuple):
    """A file of a tree. `href` shows it."""

    path: str
    size: int
    href: str


class _File(NamedTuple):
    """`model`: id of the logged model it belongs to; empty for a file of the run itself."""

    kept: Kept
    path: str
    model: str


def tab(connection: Connection, here: Here, detail: RunDetail, query: Mapping[str, str]) -> RunFiles:
    """The tree, and one file of it.

    Args:
        query: `file`, the name of the one to look at (default: the first that tells something); `model`, the id of the logged
            model it belongs to; `find`, so that only files whose paths hold this text are listed.
    Raises: NotFound naming the file.
    """
    every = _files(connection, detail)
    find = query.get("find", "")
    found = [file for file in every if find.lower() in file.path.lower()]
    name = query.get("file", "")
    shown = _chosen(every if name else found, detail, name, query.get("model", ""))
    leaves = [Leaf(file.path, file.kept.size, _address(detail, file)) for file in found[:_LISTED]]
    return RunFiles(
        files=tuple(tree(leaves, "" if shown is None else _address(detail, shown))),
        more=max(0, len(found) - _LISTED),
        find=find,
        shown=None if shown is None else previews.preview(here, shown.kept, _content(detail, shown)),
    )


def count(connection: Connection, detail: RunDetail) -> int:
    """How many files there are."""
    of_models = sum(len(logged.files(connection, model.model_id)) for model in detail.outputs[:_MODELS])
    return len(detail.artifacts) + of_models


def find(connection: Connection, run_id: str, name: str, model: str) -> Kept:
    """A file by its name.

    Raises: NotFound naming the run or the file.
    """
    detail = queries.get(connection, run_id)
    shown = _chosen(_files(connection, detail), detail, name, model)
    if shown is None:
        raise NotFound(f"Run {run_id} keeps no file.")
    return shown.kept


def tree(leaves: Sequence[Leaf], shown: str) -> Iterable[RunFile]:
    """Folders before what is in them, each with the bytes of all within."""
    sizes: dict[tuple[str, ...], int] = {}
    for leaf in leaves:
        folders = PurePosixPath(leaf.path).parts[:-1]
        for depth in range(len(folders)):
            above = folders[: depth + 1]
            sizes[above] = sizes.get(above, 0) + leaf.size
    told: set[tuple[str, ...]] = set()
    for leaf in sorted(leaves, key=lambda leaf: _order(leaf.path)):
        parts = PurePosixPath(leaf.path).parts
        for depth in range(len(parts) - 1):
            above = parts[: depth + 1]
            if above not in told:
                told.add(above)
                yield RunFile(name=parts[depth], depth=depth, size=sizes[above], href="")
        is_shown = leaf.href == shown
        yield RunFile(name=parts[-1], depth=len(parts) - 1, size=leaf.size, href=leaf.href, is_shown=is_shown)


def _order(path: str) -> list[tuple[bool, str]]:
    """Files of a folder before its folders."""
    parts = PurePosixPath(path).parts
    return [(index < len(parts) - 1, part) for index, part in enumerate(parts)]


def _files(connection: Connection, detail: RunDetail) -> list[_File]:
    found = [
        _File(Kept(one.name, one.digest, one.size_bytes, one.media_type), one.name, "") for one in detail.artifacts
    ]
    ids = [model.model_id for model in detail.outputs[:_MODELS]]
    for model in logged.read(connection, ids):
        folder = f"models/{model.name or model.id}"
        if sum(other.model_id == model.id for other in detail.outputs) < len(ids):
            folder += f" ({model.id[-6:]})"
        found += [
            _File(Kept(file.name, file.digest, file.size_bytes, ""), f"{folder}/{file.name}", model.id)
            for file in logged.files(connection, model.id)
        ]
    return found


def _chosen(found: Sequence[_File], detail: RunDetail, name: str, model: str) -> _File | None:
    if name:
        for file in found:
            if (file.kept.name, file.model) == (name, model):
                return file
        raise NotFound(f"Run {detail.run.id} keeps no file {name!r}. Look at those it keeps: ?tab=artifacts")
    return min(found, key=lambda file: previews.interest(file.kept), default=None)


def _address(detail: RunDetail, file: _File) -> str:
    of_model = f"&model={quote(file.model)}" if file.model else ""
    return f"/runs/{quote(detail.run.id)}?tab=artifacts&file={quote(file.kept.name, safe='')}{of_model}"


def _content(detail: RunDetail, file: _File) -> str:
    of_model = f"?model={quote(file.model)}" if file.model else ""
    return f"/runs/{quote(detail.run.id)}/files/{quote(file.kept.name)}{of_model}"
