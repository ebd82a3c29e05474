"""The process of one model version: `python -m homeostat.serve.worker --socket FD`.

It starts blank and imports what models need, so that a spare is warm before anybody knows which model it will hold. The
first frame loads the model; from then on it scores batches, one at a time, until the gateway closes the socket or dies.
Beside pipeline steps this is the only process that unpickles a model.
"""

import argparse
import gc
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import sklearn.ensemble
import sklearn.linear_model
import sklearn.pipeline

from homeostat.codec.loading import load
from homeostat.codec.models import Model, Signature, describe
from homeostat.core.errors import HomeostatError, StepFailed
from homeostat.serve.frames import (
    Failure,
    Frame,
    FrameReader,
    Kind,
    Load,
    Ready,
    decode_batch,
    encode_scores,
    encode_struct,
)

# Imported for their cost, not for their names: most models unpickle to these.
WARMED = (sklearn.ensemble, sklearn.linear_model, sklearn.pipeline)

_RECEIVE_BYTES = 1 << 18
_MADE_UP: dict[str, Any] = {"float": 0.0, "int": 0, "string": "", "bool": False, "timestamp": 946_684_800_000_000}


class Scorer:
    """A loaded model behind its signature."""

    def __init__(self, model: Model, signature: Signature) -> None:
        self._model = model
        self._signature = signature

    @classmethod
    def open(cls, message: Load) -> "tuple[Scorer, Ready]":
        """Load the model and predict a made-up row, so that the first real one finds everything compiled and cached.

        Raises: CorruptObject if the file, its code or its libraries are not as they must be.
        """
        begun = time.perf_counter()
        content = Path(message.model).read_bytes()
        file = describe(content)
        scorer = cls(load(content, Path(message.code) if message.code else None), file.signature)
        loaded = time.perf_counter()
        cold_reason = ""
        try:
            scorer.scores([[_MADE_UP[column.type]] * 2 for column in file.signature.columns])
        except HomeostatError as error:
            cold_reason = error.message
        warmed = time.perf_counter()
        return scorer, Ready(load_ms=(loaded - begun) * 1e3, warm_ms=(warmed - loaded) * 1e3, cold_reason=cold_reason)

    def scores(self, columns: list[list[Any]]) -> Any:
        """float64 (rows,) of raw columns.

        Raises: WrongType if a value does not fit its column. StepFailed if the model's code raised.
        """
        frame = self._signature.frame(columns)
        try:
            scores = self._model.predict(frame)
        except HomeostatError:
            raise
        except Exception as error:
            raise StepFailed(f"The model raised {type(error).__name__} on {frame.height} rows: {error}") from error
        if scores.shape != (frame.height,):
            raise StepFailed(f"The model gave scores of shape {scores.shape} for {frame.height} rows.")
        return scores


def serve(connection: socket.socket) -> None:
    """Answer frames until the other side closes."""
    scorer: Scorer | None = None
    for frame in _frames(connection):
        try:
            if frame.kind == Kind.LOAD:
                scorer, ready = Scorer.open(msgspec.msgpack.decode(frame.payload, type=Load))
                # What a model is made of never becomes garbage: keep the collector from walking it.
                gc.collect()
                gc.freeze()
                answer = encode_struct(Kind.READY, frame.id, ready)
            elif scorer is None:
                raise StepFailed("Rows came before a model.")
            else:
                answer = encode_scores(frame.id, scorer.scores(decode_batch(frame.payload)))
        except HomeostatError as error:
            answer = encode_struct(Kind.FAILURE, frame.id, Failure(code=error.code, message=error.message))
        connection.sendall(answer)


def _frames(connection: socket.socket) -> Iterator[Frame]:
    reader = FrameReader()
    while data := connection.recv(_RECEIVE_BYTES):
        yield from reader.feed(data)


def main() -> None:
    parser = argparse.ArgumentParser(prog="homeostat.serve.worker", description=__doc__)
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
