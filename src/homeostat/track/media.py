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
_MOST_CHANNELS = 8
_MODES = frozenset({"1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"})  # of Pillow, that PNG has
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
    if not hasattr(thing, "savefig") and hasattr(getattr(thing, "figure", None), "savefig"):
        thing = thing.figure  # of axes
    if hasattr(thing, "savefig"):
        name = _ending(name, ".png")
        kind = PurePosixPath(name).suffix[1:].lower()
        if kind not in (known := thing.canvas.get_supported_filetypes()):
            raise UserError(
                f"matplotlib cannot write {name!r}. Let the name end as one of: {', '.join(sorted(known))}."
            )
        buffer = io.BytesIO()
        thing.savefig(buffer, format=kind, bbox_inches="tight")
        return Content(name, buffer.getvalue(), type_of(name))
    if hasattr(thing, "to_plotly_json"):
        if name.endswith(".html"):
            return Content(name, thing.to_html().encode(), "text/html")
        return Content(_ending(name, ".json"), thing.to_json().encode(), PLOTLY)
    raise UserError(
        f"{type(thing).__name__} is no figure of matplotlib or plotly. Keep its file: run.artifact(name, path)."
    )


def image(name: str, thing: Any) -> Content:
    """An image of Pillow, or an array. Raises: UserError if it is neither."""
    name = _ending(name, ".png")
    if not name.lower().endswith(".png"):
        raise UserError(f"Images are kept as PNG: let {name!r} end so, or keep its file: run.image(name, path).")
    if hasattr(thing, "save") and hasattr(thing, "mode"):
        buffer = io.BytesIO()
        (thing if thing.mode in _MODES else thing.convert("RGB")).save(buffer, format="PNG")
        return Content(name, buffer.getvalue(), "image/png")
    pixels = _as_array(thing)
    shape = tuple(getattr(pixels, "shape", ()))
    if len(shape) == 3 and shape[2] not in _COLOURS and shape[0] in _COLOURS:
        pixels = pixels.transpose(1, 2, 0)  # channels first, as torch has them
    shape = tuple(getattr(pixels, "shape", ()))
    channels = 1 if len(shape) == 2 else shape[2] if len(shape) == 3 else 0
    if channels not in _COLOURS:
        raise UserError(
            f"An image has the shape (height, width), or with 1, 3 or 4 channels as a third; {name!r} has {shape or type(thing).__name__}."
        )
    if pixels.dtype.kind == "f":
        pixels = pixels.clip(0, 1) * 255
        pixels[pixels != pixels] = 0  # noqa: PLR0124  NaN is no colour
        pixels = pixels.round()
    elif pixels.dtype.kind == "b":
        pixels = pixels.astype("uint8") * 255
    else:
        pixels = pixels.clip(0, 255)
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
    if len(shape) == 2 and shape[0] <= _MOST_CHANNELS < shape[1]:
        sound = sound.T  # channels first, as torchaudio has them
        shape = shape[::-1]
    if sound.dtype.kind == "f":
        sound = (sound.clip(-1, 1) * 32_767).round()
    elif sound.dtype.itemsize == 4:
        sound = sound >> 16
    elif sound.dtype.kind != "i" or sound.dtype.itemsize != 2:
        raise UserError(f"Samples are floats from -1 to 1, or int16 or int32; {name!r} has {sound.dtype}.")
    whole = array("h", sound.astype("int16").tobytes())
    if sys.byteorder == "big":
        whole.byteswap()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(shape[1] if len(shape) == 2 else 1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.tobytes())
    return Content(_ending(name, ".wav"), buffer.getvalue(), "audio/wav")


def document(name: str, value: Any) -> Content:
    """A plain value as JSON."""
    content = msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain), indent=2)
    return Content(_ending(name, ".json"), content, "application/json")


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
    if hasattr(thing, "to_list") and hasattr(thing, "name"):
        return {thing.name or "0": thing.to_list()}  # one column of polars or pandas
    if hasattr(thing, "tolist"):
        lists = thing.tolist()
        if getattr(thing, "ndim", 0) == 2:
            return {str(index): list(column) for index, column in enumerate(zip(*lists, strict=True))}
    if isinstance(thing, Mapping) and len({len(column) for column in thing.values()}) <= 1:
        return {name: list(column) for name, column in thing.items()}
    if (
        isinstance(thing, Sequence)
        and not isinstance(thing, str | bytes)
        and all(isinstance(row, Mapping) for row in thing)
    ):
        names = dict.fromkeys(name for row in thing for name in row)
        return {name: [row.get(name) for row in thing] for name in names}
    raise UserError(
        f"{type(thing).__name__} is no table: give a frame of polars or pandas, a table of Arrow, a dict of columns of one length, or a list of dicts."
    )


def _as_array(thing: Any) -> Any:
    """A tensor of torch as an array; an array as it is."""
    if not hasattr(thing, "detach"):
        return thing
    values = thing.detach().cpu()
    return (values.float() if values.is_floating_point() else values).numpy()  # numpy has no bfloat16


def _ending(name: str, ending: str) -> str:
    """`name`, with an ending if it has none: that of `loss-0.5` says nothing."""
    return name if type_of(name) else name + ending


def _png(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _plain(value: Any) -> Any:
    """Scalars of numpy as Python's; numbers JSON cannot hold, and anything else, as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else str(value)
