"""Figures, images, tables and sounds of the libraries people have."""

import io
import wave
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from homeostat.core.errors import UserError
from homeostat.track import media


def pixels(content: bytes) -> Any:
    """(height, width, channels) of a PNG, as Pillow reads it."""
    image: Any = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    return np.atleast_3d(np.asarray(image.open(io.BytesIO(content))))


def samples(content: bytes) -> tuple[int, list[int]]:
    """Channels, and the values of a WAV."""
    with wave.open(io.BytesIO(content)) as file:
        return file.getnchannels(), np.frombuffer(file.readframes(file.getnframes()), "<i2").tolist()


class Figure:
    """What a figure of matplotlib looks like from outside."""

    class Canvas:
        def get_supported_filetypes(self) -> dict[str, str]:
            return {"png": "", "pdf": "", "svg": ""}

    def __init__(self) -> None:
        self.canvas = self.Canvas()

    def savefig(self, buffer: io.BytesIO, *, format: str, bbox_inches: str) -> None:  # noqa: A002  its name there
        buffer.write(f"{format} {bbox_inches}".encode())


class Axes:
    def __init__(self) -> None:
        self.figure = Figure()


@pytest.mark.parametrize(
    ("name", "kept", "kind"),
    [
        ("curve", "curve.png", "image/png"),
        ("loss-0.5", "loss-0.5.png", "image/png"),
        ("curve.svg", "curve.svg", "image/svg+xml"),
        ("curve.pdf", "curve.pdf", "application/pdf"),
    ],
)
@pytest.mark.parametrize("thing", [Figure(), Axes()])
def test_a_figure_is_written_as_its_name_ends(name: str, kept: str, kind: str, thing: Any) -> None:
    """Of axes the figure they are in; a number in a name is no ending."""
    found = media.figure(name, thing)

    assert (kept, kind, f"{kept.rpartition('.')[2]} tight".encode()) == (found.name, found.media_type, found.content)


def test_a_figure_that_cannot_be_written_so_is_refused() -> None:
    """The error says how it can."""
    with pytest.raises(UserError, match=r"'a\.mp3'.*pdf, png, svg"):
        media.figure("a.mp3", Figure())


def test_figures_of_plotly() -> None:
    """As JSON that a page can draw, or as a page of its own."""
    go: Any = pytest.importorskip("plotly.graph_objects", reason="plotly is not installed")
    figure = go.Figure(go.Scatter(y=[1, 2]))

    found = media.figure("curve", figure)
    assert ("curve.json", media.PLOTLY) == (found.name, found.media_type)
    assert "scatter" == msgspec.json.decode(found.content)["data"][0]["type"]
    assert b"<html" in media.figure("curve.html", figure).content[:200]


def test_figures_of_matplotlib() -> None:
    """The library itself, by each ending."""
    backend: Any = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed")
    figure = backend.Figure()
    figure.add_subplot().plot([1, 2])

    begins = {"a.png": b"\x89PNG", "a.pdf": b"%PDF", "a.jpg": b"\xff\xd8"}
    assert list(begins.values()) == [
        media.figure(name, figure).content[:4][: len(mark)] for name, mark in begins.items()
    ]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0.0, 1.0], [2.0, np.nan]]), [[0, 255], [255, 0]]),
        (np.array([[-5, 300], [7, 255]]), [[0, 255], [7, 255]]),
        (np.array([[True, False], [False, True]]), [[255, 0], [0, 255]]),
    ],
)
def test_values_of_an_image_stay_in_their_range(array: Any, expected: Any) -> None:
    """What is too bright is white, not black again; NaN is black."""
    assert expected == pixels(media.image("a", array).content)[..., 0].tolist()


def test_channels_may_come_first() -> None:
    """As torch has them; an image that is right either way keeps them last."""
    first = np.random.default_rng(1).integers(0, 255, (3, 8, 9), dtype=np.uint8)

    assert first.transpose(1, 2, 0).tolist() == pixels(media.image("a", first).content).tolist()
    assert (3, 3, 3) == pixels(media.image("a", first[:, :3, :3]).content).shape


def test_an_image_is_png() -> None:
    """An ending that says otherwise is refused: the file would not be what it is called."""
    with pytest.raises(UserError, match=r"a\.jpg"):
        media.image("a.jpg", np.zeros((2, 2)))


def test_sounds_of_whole_numbers_are_as_they_are() -> None:
    """16 bits as they stand, 32 by their upper half, floats scaled; the sample that is too loud is cut."""
    assert (1, [0, 1000, -32768]) == samples(media.audio("a", np.array([0, 1000, -32768], np.int16), 8000).content)
    assert (1, [1, -1]) == samples(media.audio("a", np.array([1 << 16, -1 << 16], np.int32), 8000).content)
    assert (1, [0, 32767, -32767]) == samples(media.audio("a", np.array([0.0, 2.0, -1.0]), 8000).content)
    with pytest.raises(UserError, match="uint8"):
        media.audio("a", np.zeros(3, np.uint8), 8000)


def test_channels_of_a_sound_may_come_first() -> None:
    """Two channels of a hundred frames, either way round."""
    sound = np.arange(200, dtype=np.int16).reshape(2, 100)

    assert samples(media.audio("a", sound.T, 8000).content) == samples(media.audio("a", sound, 8000).content)


@pytest.mark.parametrize(
    ("thing", "columns"),
    [
        (pl.Series("a", [1, 2]), {"columns": ["a"], "data": [[1], [2]]}),
        ([], {"columns": [], "data": []}),
        ([{"a": 1}, {"b": 2}], {"columns": ["a", "b"], "data": [[1, None], [None, 2]]}),
        (np.array([[1, 2]]), {"columns": ["0", "1"], "data": [[1, 2]]}),
    ],
)
def test_tables_of_many_kinds(thing: Any, columns: Any) -> None:
    """One column, no rows, rows that differ, an array."""
    assert columns == msgspec.json.decode(media.table("a", thing).content)


@pytest.mark.parametrize("thing", ["text", {"a": [1], "b": [1, 2]}, [1, 2]])
def test_what_is_no_table_is_refused(thing: Any) -> None:
    """The error says what is one."""
    with pytest.raises(UserError, match="is no table"):
        media.table("a", thing)


def test_tensors_of_low_precision() -> None:
    """numpy does not have them; an image of them is an image."""
    torch: Any = pytest.importorskip("torch", reason="needs the extra `torch`")

    assert (4, 5, 3) == pixels(media.image("a", torch.ones(3, 4, 5, dtype=torch.bfloat16)).content).shape
