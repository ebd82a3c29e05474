"""Bodies of the gateway's own JSON protocol, as the edge reads and the client writes them."""

from typing import Any

import msgspec


class PredictBody(msgspec.Struct):
    """Rows to score.

    Attributes:
        rows: raw fields of each row.
        entities: a key for each row, which decides its arm; empty for the system's entity column, or the row itself.
        at: event time, ISO 8601 or microseconds since 1970 UTC; the gateway's clock if null.
    """

    rows: list[dict[str, Any]]
    entities: list[str] = []
    at: str | int | None = None


class Prediction(msgspec.Struct, frozen=True):
    """A score, its id in the observation log, and the version that gave it."""

    id: str
    score: float
    version: int


class PredictAnswer(msgspec.Struct, frozen=True):
    """Predictions in the order of the rows."""

    predictions: list[Prediction]
    generation: int


class Label(msgspec.Struct, frozen=True):
    """What came true of the prediction with this id."""

    id: str
    value: float | bool


class LabelsBody(msgspec.Struct):
    labels: list[Label]
    at: str | int | None = None


class Problem(msgspec.Struct, frozen=True):
    code: str
    message: str


class ErrorAnswer(msgspec.Struct, frozen=True):
    error: Problem
