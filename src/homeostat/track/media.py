"""Figures, images, tables and sounds as files that a browser can show.

Nothing of the libraries that make them is imported: what a thing is, is told by what it can do.
"""

import io
import math
import mimetypes
import struct
import sys
import wave
import zlib
from array import array
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec

from homeostat.core.errors import UserError

MODEL = "application/vnd.homeostat.model"
TABLE = "application/vnd.homeostat.table+json"  # {"columns": [...], "data": [[...], ...]}
PLOTLY = "application/vnd.plotly.v1+json"
_EXAMPLE_ROWS = 5
_COLOURS = {1: 0, 3: 2, 4: 6}  # channels -> colour type of PNG


class Content(NamedTuple):
    name: str
    content: bytes
    media_type: str


def type_of(name: str) -> str:
    """What the ending of a name says; empty if it says nothing."""
    return mimetypes.guess_type(name, strict=False)[0] or ""


def checked_name(name: str, most: int) -> str:
    """A relative path with `/` that stays where it is.

    Raises: UserError saying what is wrong with it.
    """
    path = PurePosixPath(name)
    if (
        not 0 < len(name) <= most
        or path.is_absolute()
        or ".." in path.parts
        or str(path) != name
        or "\\" in name
        or "\0" in name
    ):
        raise UserError(
            f"{name[:80]!r} cannot name an artifact: it must be a relative path with '/', without '..', '//' or '\\', of at most {most} characters."
        )
    return name


def figure(name: str, thing: Any) -> Content:
    """A figure of matplotlib or plotly. Raises: UserError if it is neither."""
    if hasattr(thing, "savefig"):
        kind = "svg" if name.endswith(".svg") else "png"
        buffer = io.BytesIO()
        thing.savefig(buffer, format=kind, bbox_inches="tight")
        return Content(_ending(name, f".{kind}"), buffer.getvalue(), "image/svg+xml" if kind == "svg" else "image/png")
    if hasattr(thing, "to_plotly_json"):
        return Content(_ending(name, ".json"), thing.to_json().encode(), PLOTLY)
    raise UserError(
        f"{type(thing).__name__} is no figure of matplotlib or plotly. Keep its file: run.artifact(name, path)."
    )


def image(name: str, thing: Any) -> Content:
    """An image of Pillow, or an array. Raises: UserError if it is neither."""
    name = _ending(name, ".png")
    if hasattr(thing, "save") and hasattr(thing, "mode"):
        buffer = io.BytesIO()
        thing.save(buffer, format="PNG")
        return Content(name, buffer.getvalue(), "image/png")
    pixels = _as_array(thing)
    shape = tuple(getattr(pixels, "shape", ()))
    channels = 1 if len(shape) == 2 else shape[2] if len(shape) == 3 else 0
    if channels not in _COLOURS:
        raise UserError(
            f"An image has the shape (height, width), or with 1, 3 or 4 channels as a third; {name!r} has {shape or type(thing).__name__}."
        )
    if pixels.dtype.kind == "f":
        pixels = (pixels.clip(0, 1) * 255).round()
    rows = pixels.astype("uint8").reshape(shape[0], shape[1] * channels)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", shape[1], shape[0], 8, _COLOURS[channels], 0, 0, 0)
    parts = (_png(b"IHDR", head), _png(b"IDAT", zlib.compress(raw, 6)), _png(b"IEND", b""))
    return Content(name, b"\x89PNG\r\n\x1a\n" + b"".join(parts), "image/png")


def table(name: str, thing: Any) -> Content:
    """A small table as JSON. Raises: UserError if it is none."""
    columns = _columns(thing)
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    content = msgspec.json.encode({"columns": [str(column) for column in columns], "data": rows}, enc_hook=_plain)
    return Content(_ending(name, ".json"), content, TABLE)


def audio(name: str, samples: Any, rate: int) -> Content:
    """Samples as 16-bit WAV. Raises: UserError if they are none."""
    sound = _as_array(samples)
    shape = tuple(getattr(sound, "shape", ()))
    if len(shape) not in {1, 2}:
        raise UserError(
            f"Sound has the shape (frames,) or (frames, channels); {name!r} has {shape or type(samples).__name__}."
        )
    whole = array("h", ((sound.clip(-1, 1) * 32_767).round().astype("int16")).tobytes())
    if sys.byteorder == "big":
        whole.byteswap()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(shape[1] if len(shape) == 2 else 1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.tobytes())
    return Content(_ending(name, ".wav"), buffer.getvalue(), "audio/wav")


def head(rows: Any) -> Any:
    """The first rows of a table of any kind."""
    if isinstance(rows, Mapping):
        return {name: column[:_EXAMPLE_ROWS] for name, column in rows.items()}
    return rows.slice(0, _EXAMPLE_ROWS) if hasattr(rows, "schema") else rows[:_EXAMPLE_ROWS]


def _columns(thing: Any) -> Mapping[Any, Sequence[Any]]:
    if hasattr(thing, "to_pydict"):  # Arrow
        return dict(thing.to_pydict())
    if hasattr(thing, "to_dict") and hasattr(thing, "columns"):
        # polars gives columns of its own, pandas by another word
        return dict(thing.to_dict(as_series=False) if hasattr(thing, "lazy") else thing.to_dict(orient="list"))
    if hasattr(thing, "tolist"):
        lists = thing.tolist()
        if getattr(thing, "ndim", 0) == 2:
            return {str(index): list(column) for index, column in enumerate(zip(*lists, strict=True))}
    if isinstance(thing, Mapping) and len({len(column) for column in thing.values()}) <= 1:
        return {name: list(column) for name, column in thing.items()}
    if isinstance(thing, Sequence) and thing and all(isinstance(row, Mapping) for row in thing):
        names = dict.fromkeys(name for row in thing for name in row)
        return {name: [row.get(name) for row in thing] for name in names}
    raise UserError(
        f"{type(thing).__name__} is no table: give a frame of polars or pandas, a table of Arrow, a dict of columns of one length, or a list of dicts."
    )


def _as_array(thing: Any) -> Any:
    """A tensor of torch as an array; an array as it is."""
    return thing.detach().cpu().numpy() if hasattr(thing, "detach") else thing


def _ending(name: str, ending: str) -> str:
    return name if PurePosixPath(name).suffix else name + ending


def _png(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _plain(value: Any) -> Any:
    """Scalars of numpy as Python's; numbers JSON cannot hold, and anything else, as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else str(value)
