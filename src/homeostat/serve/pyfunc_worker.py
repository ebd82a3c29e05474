"""The process of one model in MLflow's format: `python -I -B pyfunc_worker.py --socket FD`.

It runs in the environment that was made for the model, where this package is not: it needs msgspec, numpy, pandas and the part of
MLflow that loads models, and runs on any Python those run on. It speaks the protocol of `frames.py`: LOAD with the folder and
the columns, then PREDICT; it answers READY, SCORES or FAILURE. Whatever the model is, a score is one number a row.
"""

from __future__ import annotations

import argparse
import gc
import signal
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import mlflow.pyfunc
import msgspec
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException

_HEADER = struct.Struct("<2sBBII")
_MAGIC, _VERSION = b"HF", 1
_LOAD, _READY, _PREDICT, _SCORES, _FAILURE = 1, 2, 3, 4, 5
_RECEIVE_BYTES = 1 << 18
_MADE_UP = {"float": 0.0, "int": 0, "string": "", "bool": False, "timestamp": 946684800000000}
# MLflow's columns -> types of numpy that its check of inputs takes without a word.
_CAST = {"integer": "int32", "long": "int64", "float": "float32", "double": "float64", "boolean": "bool"}
_REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")


class Refused(Exception):
    """Something the caller is told; `code` as in `core.errors`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Scorer:
    """A loaded model behind its columns."""

    def __init__(self, folder: str, columns: list[list[str]]) -> None:
        try:
            self._model = mlflow.pyfunc.load_model(folder)
        except Exception as error:
            raise Refused("step-failed", f"The model cannot be loaded: {type(error).__name__}: {error}") from error
        self._names = [name for name, _ in columns]
        self._types = [kind for _, kind in columns]
        schema = self._model.metadata.get_input_schema()
        self._fields = [] if schema is None else list(schema.inputs)
        self._is_tensor = schema is not None and schema.is_tensor_spec()
        self._has_names = schema is not None and schema.has_input_names()

    def warm(self) -> str:
        """Predict a made-up row; why it could not be, or nothing."""
        if not all(kind in _MADE_UP for kind in self._types):
            return "A row for JSON columns cannot be made up."
        try:
            self.scores([[_MADE_UP[kind]] * 2 for kind in self._types])
        except Refused as refused:
            return str(refused)
        return ""

    def scores(self, columns: list[list[Any]]) -> np.ndarray[Any, Any]:
        """float64 (rows,)."""
        rows = len(columns[0])
        try:
            answer = self._model.predict(self._asked(columns))
        except Refused:
            raise
        except MlflowException as error:
            code = "wrong-type" if error.error_code in _REFUSALS else "step-failed"
            raise Refused(code, f"The model refused {rows} rows: {error.message}") from error
        except Exception as error:
            raise Refused("step-failed", f"The model raised {type(error).__name__} on {rows} rows: {error}") from error
        return one_number_a_row(answer, rows)

    def _asked(self, columns: list[list[Any]]) -> Any:
        """What the model is called with: a frame, an array, or arrays by name."""
        if self._is_tensor:
            arrays = {field.name: self._tensor(index, columns) for index, field in enumerate(self._fields)}
            return arrays if self._has_names else arrays[self._fields[0].name]
        if self._types == ["row"]:
            rows = columns[0]
            places = [str(place) for place in range(len(rows[0]))]
            if all(list(row) == places for row in rows):  # columns without names
                return np.array([list(row.values()) for row in rows])
            return pd.DataFrame.from_records(rows)
        series = [self._series(index, column) for index, column in enumerate(columns)]
        return pd.concat(series, axis=1, keys=self._names if self._has_names else range(len(series)))

    def _tensor(self, index: int, columns: list[list[Any]]) -> np.ndarray[Any, Any]:
        field = self._fields[index]
        values = columns[index] if self._has_names or len(columns) == 1 else list(zip(*columns))  # noqa: B905  Python 3.9 has no strict
        shape = (len(columns[0]), *field.shape[1:])
        try:
            return np.array(values, dtype=field.type).reshape(shape if -1 not in shape else (len(columns[0]), -1))
        except (TypeError, ValueError) as error:
            raise Refused("wrong-type", f"The values are no tensor {field.shape} of {field.type}: {error}") from error

    def _series(self, index: int, values: list[Any]) -> pd.Series[Any]:
        kind = self._types[index]
        if kind == "timestamp":
            return pd.Series(pd.to_datetime(values, unit="us"))
        if kind in ("json", "string"):
            return pd.Series(values, dtype=object)
        cast = _CAST.get(getattr(getattr(self._fields[index], "type", None), "name", ""))
        has_nulls = any(value is None for value in values)
        if (
            has_nulls and kind != "float"
        ):  # as pandas reads them: whole numbers with gaps are floats, and MLflow says so
            return pd.Series(values, dtype="float64" if kind == "int" else object)
        try:
            return pd.Series(values, dtype=cast or ("float64" if kind == "float" else None))
        except (OverflowError, ValueError) as error:
            raise Refused("wrong-type", f"Column {self._names[index]!r} needs {cast}: {error}.") from error


def one_number_a_row(answer: Any, rows: int) -> np.ndarray[Any, Any]:
    """float64 (rows,): a column of numbers, or the second of two that are probabilities.

    Raises: Refused if the answer is anything else.
    """
    values = np.asarray(answer)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    elif values.ndim == 2 and values.shape[1] == 2 and values.dtype.kind == "f" and np.allclose(values.sum(axis=1), 1):
        values = values[:, 1]
    if values.shape != (rows,):
        raise Refused(
            "step-failed",
            f"The model answered {rows} rows with shape {values.shape}; what is judged and served is one number a row. Log a "
            f"model that answers so, such as a mlflow.pyfunc.PythonModel around this one.",
        )
    try:
        return values.astype("<f8")
    except (TypeError, ValueError) as error:
        raise Refused(
            "step-failed",
            f"The model answered with {values.dtype} such as {values[0]!r:.80}; what is judged and served is one number a row. Log a "
            f"classifier with pyfunc_predict_fn='predict_proba', or on labels of 0 and 1.",
        ) from error


def serve(connection: socket.socket) -> None:
    """Answer frames until the other side closes."""
    scorer = None
    for kind, frame_id, payload in _frames(connection):
        try:
            if kind == _LOAD:
                scorer, ready = _opened(payload)
                answer, body = _READY, msgspec.msgpack.encode(ready)
            else:
                answer, body = _SCORES, _scored(scorer, payload)
        except Refused as refused:
            answer, body = _FAILURE, msgspec.msgpack.encode({"code": refused.code, "message": str(refused)})
        connection.sendall(_HEADER.pack(_MAGIC, _VERSION, answer, frame_id, len(body)) + body)


def _scored(scorer: Scorer | None, requests: list[list[list[Any]]]) -> bytes:
    if scorer is None:
        raise Refused("step-failed", "Rows came before a model.")
    return scorer.scores(_joined(requests)).tobytes()


def _opened(message: dict[str, Any]) -> tuple[Scorer, dict[str, Any]]:
    """The model of a LOAD frame, warm, and what READY says of it."""
    begun = time.perf_counter()
    scorer = Scorer(message["model"], message["columns"])
    loaded = time.perf_counter()
    cold_reason = scorer.warm()
    warmed = time.perf_counter()
    # What a model is made of never becomes garbage: keep the collector from walking it.
    gc.collect()
    gc.freeze()
    return scorer, {
        "load_ms": (loaded - begun) * 1e3,
        "warm_ms": (warmed - loaded) * 1e3,
        "cold_reason": cold_reason,
    }


def _frames(connection: socket.socket) -> Iterator[tuple[int, int, Any]]:
    """Kind, id and decoded payload of each frame."""
    pending = bytearray()
    while data := connection.recv(_RECEIVE_BYTES):
        pending += data
        while len(pending) >= _HEADER.size:
            magic, version, kind, frame_id, length = _HEADER.unpack_from(pending)
            if magic != _MAGIC or version != _VERSION:
                raise SystemExit("The gateway speaks another version of the worker protocol.")
            end = _HEADER.size + length
            if len(pending) < end:
                break
            payload = bytes(pending[_HEADER.size : end])
            del pending[:end]
            yield kind, frame_id, msgspec.msgpack.decode(payload)


def _joined(requests: list[list[list[Any]]]) -> list[list[Any]]:
    """The columns of several requests, one after the other."""
    columns = requests[0]
    for request in requests[1:]:
        for column, more in zip(columns, request):  # noqa: B905  Python 3.9 has no strict
            column.extend(more)
    return columns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="descriptor of a connected Unix socket")
    # Ctrl-C reaches the whole process group; the gateway decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=parser.parse_args().socket) as connection:
        try:
            serve(connection)
        except (BrokenPipeError, ConnectionResetError):
            return  # the gateway died: nobody waits for the answer


if __name__ == "__main__":
    main()
