"""A model asked from outside of a gateway: scores of labelled rows for its gates, by the worker that would serve it.

The rows go the way of a request, so what is judged is what will be served: checked by the signature, then as frames to a process.
"""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from homeostat.codec.signatures import Signature
from homeostat.core.errors import Unavailable
from homeostat.serve.frames import (
    Failure,
    Frame,
    FrameReader,
    Kind,
    decode_scores,
    encode_batch,
    encode_columns,
    encode_struct,
)
from homeostat.serve.preparing import Prepared
from homeostat.serve.workers import environment, raised

_BATCH_ROWS = 1024
_RECEIVE_BYTES = 1 << 18
_STOP_WITHIN_S = 5.0
_LOADS_WITHIN_S = 600.0  # large models, from a slow disk
_ANSWERS_WITHIN_S = 60.0


class Scoring:
    """A worker that holds one model, and waits. For one thread."""

    def __init__(self, connection: socket.socket, signature: Signature) -> None:
        self.signature = signature
        self._connection = connection
        self._reader = FrameReader()

    def scores(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        """float64 (rows,).

        Raises: MissingColumn or WrongType if the rows do not fit. StepFailed if the model raised. Unavailable if its process died.
        """
        columns = self.signature.check(as_asked(rows))
        answers: list[float] = []
        for start in range(0, rows.height, _BATCH_ROWS):
            answers += self._predict([values[start : start + _BATCH_ROWS] for values in columns])
        return np.array(answers, dtype=np.float64)

    def latency_ms(self, rows: pl.DataFrame, sample: int) -> list[float]:
        """Milliseconds that `sample` single rows take, warm, with the way to the process and back. Raises as `scores`."""
        took = []
        columns = self.signature.check(as_asked(rows.head(sample + 1)))
        for i in range(sample + 1):
            row = i % min(rows.height, sample + 1)
            begun = time.perf_counter()
            self._predict([[values[row]] for values in columns])
            took.append((time.perf_counter() - begun) * 1e3)
        return took[1:]

    def load(self, prepared: Prepared) -> None:
        """Give it its model. Raises: StepFailed or Unavailable if it cannot be loaded."""
        self._connection.settimeout(_LOADS_WITHIN_S)
        self._ask(encode_struct(Kind.LOAD, 1, prepared.load))
        self._connection.settimeout(_ANSWERS_WITHIN_S)

    def _predict(self, columns: Sequence[Sequence[Any]]) -> list[float]:
        return decode_scores(self._ask(encode_batch(1, [encode_columns(columns)])).payload)

    def _ask(self, frame: bytes) -> Frame:
        try:
            self._connection.sendall(frame)
            while data := self._connection.recv(_RECEIVE_BYTES):
                for answer in self._reader.feed(data):
                    if answer.kind == Kind.FAILURE:
                        raise raised(msgspec.msgpack.decode(answer.payload, type=Failure))
                    return answer
        except TimeoutError:
            seconds = self._connection.gettimeout() or 0.0
            raise Unavailable(f"The worker process of the model gave no answer for {seconds:.0f} s.") from None
        except (BrokenPipeError, ConnectionResetError):
            pass  # as if it had closed
        raise Unavailable("The worker process of the model died. What it said last is in the log of this process.")


@contextmanager
def scoring(prepared: Prepared) -> Iterator[Scoring]:
    """The model of `prepared`, loaded in a process of its own until the block ends.

    Raises: StepFailed or Unavailable if it cannot be loaded.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                [*prepared.command, "--socket", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment(),
            )
        try:
            model = Scoring(ours, prepared.signature)
            model.load(prepared)
            yield model
        finally:
            ours.close()
            try:
                process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def as_asked(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as a client would send them: instants in microseconds since 1970 UTC."""
    instants = [name for name, dtype in rows.schema.items() if dtype == pl.Date or isinstance(dtype, pl.Datetime)]
    return rows.with_columns(pl.col(name).cast(pl.Datetime("us")).dt.epoch("us") for name in instants).to_dicts()
