"""What a file looks like, without running anything of it: pictures and sounds are shown as such, the rest as text.

Only small parts are read for a look, but a file whose bytes are not what its digest says is never shown.
"""

import io
import json
import mimetypes
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec
import polars as pl
import yaml
from polars.exceptions import PolarsError

from homeostat.codec.models import describe
from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, NewerWorkspace, NotFound
from homeostat.track import media
from homeostat.ui import formats
from homeostat.ui.contexts import Pair, Preview
from homeostat.ui.contexts.run import IMAGES, SOUNDS
from homeostat.ui.markdown import as_html
from homeostat.ui.reading.here import Here

_READ = 64 << 20  # bytes: larger files are not opened for a look
_TEXT = 30_000  # characters that a page shows
_DESCRIBED = 1 << 20  # bytes of an MLmodel
_ROWS, _COLUMNS, _CELL = 50, 30, 80
_TABLES = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".arrow": "arrow", ".feather": "arrow"}
_MARKDOWN = frozenset({".md", ".markdown"})
_NAMES_FIRST = ("mlmodel", "readme", "metrics", "report")


class Kept(NamedTuple):
    """A file under a name."""

    name: str
    digest: Digest
    size: int
    media_type: str


def type_of(kept: Kept) -> str:
    """What was said of its type, else what its name says."""
    return kept.media_type or mimetypes.guess_type(kept.name, strict=False)[0] or "application/octet-stream"


def interest(kept: Kept) -> tuple[int, int, str]:
    """Where a file stands among those worth a look: pictures, then tables, then texts, then the rest."""
    kind, suffix = type_of(kept), _suffix(kept.name)
    named = any(PurePosixPath(kept.name).name.lower().startswith(name) for name in _NAMES_FIRST)
    place = 0 if kind in IMAGES else 1 if kind == media.TABLE or suffix in _TABLES else 2 if named else 3
    return place, kept.name.count("/"), kept.name


def preview(here: Here, kept: Kept, href: str) -> Preview:
    """A look at a file. A file that is lost or damaged says so in its note."""
    kind = type_of(kept)
    seen = Preview(name=kept.name, digest=kept.digest, size=kept.size, media_type=kind, kind="none", href=href)
    if kind in IMAGES:
        return msgspec.structs.replace(seen, kind="image")
    if kind in SOUNDS:
        return msgspec.structs.replace(seen, kind="audio")
    if kept.size > _READ:
        return msgspec.structs.replace(
            seen, note=f"It is too large for a look ({formats.size(kept.size)}); download it."
        )
    try:
        content = here.objects.read(kept.digest)
    except (NotFound, CorruptObject) as lost:
        return msgspec.structs.replace(seen, note=lost.message)
    for looks, show in _SHOWN:
        if looks(kept, kind) and (found := show(content, kept)) is not None:
            return msgspec.structs.replace(seen, **found)
    return msgspec.structs.replace(seen, **_text(content, kept))


def _model(content: bytes, _kept: Kept) -> dict[str, Any] | None:
    try:
        file = describe(content)
    except (CorruptObject, NewerWorkspace):
        return None
    facts = [
        Pair(name="kind", value=file.kind),
        Pair(name="name", value=file.name),
        Pair(name="transform", value=file.transform or ""),
        Pair(name="canonical hash", value=file.canonical, is_digest=True),
        Pair(name="code", value=file.code, is_digest=True),
        *(Pair(name=f"library {name}", value=version) for name, version in file.libraries.items()),
    ]
    rows = tuple((column.name, f"{column.type} {column.zone}".strip()) for column in file.signature.columns)
    return {
        "kind": "model",
        "facts": tuple(fact for fact in facts if fact.value),
        "columns": ("input", "type"),
        "rows": rows,
    }


def _mlmodel(content: bytes, kept: Kept) -> dict[str, Any] | None:
    """An `MLmodel`: its flavours, its signature, where its input example is. Its YAML stays to be read below."""
    whole = _text(content, kept)
    if whole["kind"] != "text" or len(content) > _DESCRIBED:
        return None
    try:
        said = yaml.safe_load(content)
    except yaml.YAMLError:
        return None
    return {**whole, "facts": tuple(_described(said))} if isinstance(said, dict) else None


def _described(said: Mapping[str, Any]) -> Iterable[Pair]:
    """What an MLmodel says, in the words of MLflow."""
    if isinstance(said.get("flavors"), dict):
        yield Pair(name="flavours", value=", ".join(map(str, said["flavors"])))
    signature, example = said.get("signature"), said.get("saved_input_example_info")
    if isinstance(signature, dict):
        for name in ("inputs", "outputs", "params"):
            if signature.get(name):
                yield from _columns(name, str(signature[name]))
    if isinstance(example, dict) and example.get("artifact_path"):
        yield Pair(name="input example", value=str(example["artifact_path"]))
    for name in ("model_id", "run_id", "mlflow_version", "utc_time_created"):
        if said.get(name):
            yield Pair(name=name.replace("_", " "), value=str(said[name]))


def _columns(name: str, value: str) -> Iterable[Pair]:
    try:
        columns = json.loads(value)
    except ValueError:
        return
    if isinstance(columns, list):
        told = [f"{one.get('name', '')} {_typed(one)}".strip() for one in columns if isinstance(one, dict)]
        yield Pair(name=name, value=", ".join(told))


def _typed(column: Mapping[str, Any]) -> str:
    tensor = column.get("tensor-spec")
    if isinstance(tensor, Mapping):
        return f"{tensor.get('dtype', '')} {tensor.get('shape', '')}"
    return str(column.get("type", ""))


def _own_table(content: bytes, _kept: Kept) -> dict[str, Any] | None:
    """A table of `run.table` or of `mlflow.log_table`: JSON with columns and data."""
    try:
        found = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("columns"), list)
        or not isinstance(found.get("data"), list)
    ):
        return None
    columns, rows = [str(name) for name in found["columns"]], found["data"]
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows[:_ROWS]):
        return None
    return _rows(columns, [list(row) for row in rows[:_ROWS]], len(rows))


def _table(content: bytes, kept: Kept) -> dict[str, Any] | None:
    """The first rows of a CSV, Parquet or Arrow file; None if it cannot be read as one."""
    form = _TABLES.get(_suffix(kept.name), "parquet")
    source = io.BytesIO(content)
    try:
        if form == "csv":
            separator = "\t" if kept.name.endswith(".tsv") else ","
            lines = content.count(b"\n") - 1 + (not content.endswith(b"\n"))
            frame = pl.read_csv(
                source,
                separator=separator,
                n_rows=_ROWS,
                infer_schema=False,
                encoding="utf8-lossy",
                truncate_ragged_lines=True,
            )
            return _frame(frame, max(lines, len(frame)), with_types=False)
        frame = pl.read_ipc(source) if form == "arrow" else pl.read_parquet(source)
    except (PolarsError, OSError, ValueError):
        return None
    return _frame(frame.head(_ROWS), len(frame), with_types=True)


def _frame(frame: pl.DataFrame, total: int, *, with_types: bool) -> dict[str, Any]:
    names = [f"{name} ({dtype})" if with_types else name for name, dtype in frame.schema.items()]
    return _rows(names, [list(row) for row in frame.iter_rows()], total)


def _rows(columns: list[str], rows: list[list[Any]], total: int) -> dict[str, Any]:
    told = []
    if total > len(rows):
        told.append(f"the first {len(rows)} of {total:,} rows")
    if len(columns) > _COLUMNS:
        told.append(f"{_COLUMNS} of {len(columns):,} columns")
    return {
        "kind": "table",
        "columns": tuple(columns[:_COLUMNS]),
        "rows": tuple(tuple(_cell(value) for value in row[:_COLUMNS]) for row in rows),
        "facts": (Pair(name="rows", value=f"{total:,}"), Pair(name="columns", value=f"{len(columns):,}")),
        "note": f"Shown: {', '.join(told)}." if told else "",
    }


def _cell(value: Any) -> str:
    if value is None:
        return formats.MISSING
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"


def _json(content: bytes, _kept: Kept) -> dict[str, Any] | None:
    try:
        pretty = msgspec.json.format(content, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return _cut(pretty)


def _markdown(content: bytes, kept: Kept) -> dict[str, Any] | None:
    found = _text(content, kept)
    if found["kind"] != "text":
        return None
    return {**found, "kind": "markdown", "text": as_html(found["text"])}


def _text(content: bytes, _kept: Kept) -> dict[str, Any]:
    """As text, if that is what it is."""
    head = content[: 4 * _TEXT]
    if b"\0" in head:
        return {"note": "It is no text; download it."}
    try:
        text = head.decode()
    except UnicodeDecodeError as broken:
        # A character may be cut in two where the head ends.
        if len(head) == len(content) or broken.start < len(head) - 4:
            return {"note": "It is no text; download it."}
        text = head[: broken.start].decode()
    return _cut(text, is_whole=len(head) == len(content))


def _cut(text: str, *, is_whole: bool = True) -> dict[str, Any]:
    note = "" if is_whole and len(text) <= _TEXT else f"Shown: its first {_TEXT:,} characters. Download the whole."
    return {"kind": "text", "text": text[:_TEXT], "note": note}


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


_Look = Callable[[Kept, str], bool]
_Show = Callable[[bytes, Kept], dict[str, Any] | None]
# The first that fits and can read it shows the file; the last resort is text.
_SHOWN: tuple[tuple[_Look, _Show], ...] = (
    (lambda _kept, kind: kind == media.MODEL, _model),
    (lambda kept, _kind: PurePosixPath(kept.name).name == "MLmodel", _mlmodel),
    (lambda kept, kind: kind in {media.TABLE, "application/json"} or _suffix(kept.name) == ".json", _own_table),
    (lambda kept, _kind: _suffix(kept.name) in _TABLES, _table),
    (lambda kept, kind: "json" in kind or _suffix(kept.name) == ".json", _json),
    (lambda kept, kind: kind == "text/markdown" or _suffix(kept.name) in _MARKDOWN, _markdown),
)
