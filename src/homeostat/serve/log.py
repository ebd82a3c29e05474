"""The observation log: every prediction and every label, written before it is answered.

Layout: `<root>/<system>/{predictions,labels}/<gateway>-<number>.arrows` (`segments`). One row is one request row: the score
that was answered, and beside it the score of the other arm when it was taken in the shadow, so that evidence is paired.

Durability: all rows that are ready in one turn of the event loop are one record batch, handed to the kernel before any
of them is answered, and fsynced at most 50 ms later. The death of the process loses nothing that was acknowledged; a power
cut at most 50 ms of it. A full disk refuses: what cannot be logged is not answered.
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from homeostat.core.errors import InvalidName, NotFound
from homeostat.core.ids import check_name
from homeostat.serve.segments import Place, SegmentWriter, read_segment, segment_path, segments

SYNC_WITHIN_S = 0.05
_TIMESTAMP = pa.timestamp("us", tz="UTC")
_ARROW = {
    "float": pa.float64(),
    "int": pa.int64(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "timestamp": _TIMESTAMP,
    # JSON as bytes, not as text: no two are alike, so that they are no categories to look for drift in.
    "json": pa.binary(),
    "row": pa.binary(),
}
_MAX_READ_ROWS = 1_000_000

# id: `system:gateway:segment:row`, which is also where the row stands.
# role: of the arm that answered; `fallback` when the champion answered for a challenger that could not.
# propensity: weight of the arm that the entity was given to.
# other_*: the arm that did not answer, null when it was not asked or not in time.
_PREDICTION = [
    pa.field("id", pa.string()),
    pa.field("request", pa.string()),
    pa.field("at", _TIMESTAMP),
    pa.field("wall", pa.float64()),
    pa.field("generation", pa.int64()),
    pa.field("version", pa.int64()),
    pa.field("role", pa.string()),
    pa.field("propensity", pa.float64()),
    pa.field("entity", pa.string()),
    pa.field("score", pa.float64()),
    pa.field("other_score", pa.float64()),
    pa.field("other_version", pa.int64()),
    pa.field("latency_ms", pa.float64()),
]

LABELS = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("at", _TIMESTAMP),
        pa.field("wall", pa.float64()),
    ]
)


def predictions_schema(inputs: Iterable[tuple[str, str]] = ()) -> pa.Schema:
    """Columns of a prediction row; the raw inputs follow, each prefixed `in_`.

    Args:
        inputs: (name, type) of the signature's columns; types as `codec.signatures.Type`.
    """
    return pa.schema([*_PREDICTION, *(pa.field(f"in_{name}", _ARROW[kind]) for name, kind in inputs)])


class PredictionId(msgspec.Struct, frozen=True):
    """Where a prediction stands: its id tells, without a search."""

    system: str
    gateway: str
    segment: int
    row: int

    def __str__(self) -> str:
        return f"{self.system}:{self.gateway}:{self.segment}:{self.row}"

    @classmethod
    def parse(cls, text: str) -> "PredictionId":
        """Read an id.

        Raises: InvalidName if `text` is not one.
        """
        system, _, rest = text.partition(":")
        parts = rest.split(":")
        if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
            raise InvalidName(f"{text!r} is not the id of a prediction. They look like late-flights:g8500:1:17.")
        check_name("system", system)
        check_name("gateway", parts[0])
        return cls(system, parts[0], int(parts[1]), int(parts[2]))


class _Staged(msgspec.Struct):
    columns: Sequence[list[Any]]
    done: asyncio.Future[list[str]]


class GroupCommit:
    """Appends to one log; what comes in one turn of the event loop is written together. Belongs to that loop."""

    def __init__(self, root: Path, system: str, table: str, gateway: str) -> None:
        self._system = system
        self._gateway = gateway
        self._writer = SegmentWriter(root / system / table, gateway)
        self._staged: list[_Staged] = []
        self._schema = LABELS
        self._sync: asyncio.TimerHandle | None = None
        self._syncing: asyncio.Future[None] | None = None
        self.rows = 0

    def append(self, schema: pa.Schema, columns: Sequence[list[Any]]) -> asyncio.Future[list[str]]:
        """Write rows at the end of this turn.

        Args:
            schema: of the log; its first column is `id`.
            columns: in the order of the schema, all equally long; without the first, ids are made from where the rows come to stand.
        Returns: a future of the ids, done when the kernel has the rows.
        Raises: through the future, DiskFull if they do not fit.
        """
        if self._staged and schema is not self._schema:
            self._flush()
        loop = asyncio.get_running_loop()
        staged = _Staged(columns, loop.create_future())
        if not self._staged:
            self._schema = schema
            loop.call_soon(self._flush)
        self._staged.append(staged)
        return staged.done

    async def close(self) -> None:
        """Write what is staged and make it durable."""
        self._flush()
        if self._sync is not None:
            self._sync.cancel()
        if self._syncing is not None:
            await asyncio.wait([self._syncing])
        self._writer.close()

    def _flush(self) -> None:
        staged, self._staged = self._staged, []
        if not staged:
            return
        try:
            self._write(staged)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            self._fail(staged, error)
        if self._sync is None:
            self._sync = asyncio.get_running_loop().call_later(SYNC_WITHIN_S, self._begin_sync)

    def _fail(self, staged: list[_Staged], error: Exception) -> None:
        """One request that Arrow cannot hold must not fail the others; a disk that is full fails all."""
        if len(staged) > 1 and isinstance(error, (pa.ArrowException, OverflowError, TypeError, ValueError)):
            for each in staged:
                try:
                    self._write([each])
                except Exception as own:  # noqa: BLE001 - as above
                    _settle(each.done, own)
            return
        for each in staged:
            _settle(each.done, error)

    def _write(self, staged: list[_Staged]) -> None:
        self._writer.begin(self._schema)
        columns = _joined([each.columns for each in staged])
        counts = [len(each.columns[0]) for each in staged]
        if len(columns) < len(self._schema):
            where = f"{self._system}:{self._gateway}:{self._writer.number}:"
            first = self._writer.rows
            columns.insert(0, [f"{where}{row}" for row in range(first, first + sum(counts))])
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._writer.append(pa.record_batch(arrays, schema=self._schema))
        self.rows += sum(counts)
        start = 0
        for each, count in zip(staged, counts, strict=True):
            _settle(each.done, columns[0][start : start + count])
            start += count

    def _begin_sync(self) -> None:
        self._sync = None
        handle = self._writer.sync_handle()
        if handle is not None:
            self._syncing = asyncio.get_running_loop().run_in_executor(None, _fsync, handle)


def _joined(requests: list[Sequence[list[Any]]]) -> list[list[Any]]:
    """Columns of several requests, one after the other; the inputs stay as they are."""
    if len(requests) == 1:
        return list(requests[0])
    return [[value for part in parts for value in part] for parts in zip(*requests, strict=True)]


def _settle(done: asyncio.Future[list[str]], outcome: list[str] | Exception) -> None:
    if done.cancelled():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)


def _fsync(handle: int) -> None:
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class ObservationLog:
    """Reads what gateways wrote; any number of readers beside them.

    A cursor is an opaque text, `""` at the beginning; it moves over whole record batches only.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def predictions(self, system: str, cursor: str = "", *, max_rows: int = _MAX_READ_ROWS) -> tuple[pa.Table, str]:
        """Prediction rows after `cursor` in the order of each gateway, and the next cursor.

        Columns of inputs that some segments lack are null there. At least `max_rows` rows come at once if there are as many.
        """
        return self._read(system, "predictions", cursor, max_rows, predictions_schema())

    def labels(self, system: str, cursor: str = "", *, max_rows: int = _MAX_READ_ROWS) -> tuple[pa.Table, str]:
        """Label rows after `cursor`: id of the prediction, value, event time, wall time of arrival; and the next cursor."""
        return self._read(system, "labels", cursor, max_rows, LABELS)

    def find(self, prediction_id: str) -> dict[str, Any]:
        """The row of one prediction.

        Raises: InvalidName if it is not an id. NotFound if there is no such row.
        """
        where = PredictionId.parse(prediction_id)
        path = segment_path(self._root / where.system / "predictions", where.gateway, where.segment)
        row = where.row
        for batch in read_segment(path, 0)[0]:
            if row < batch.num_rows:
                found: dict[str, Any] = batch.slice(row, 1).to_pylist()[0]
                return found
            row -= batch.num_rows
        raise NotFound(f"There is no prediction {prediction_id}: its segment {path.name} ends before that row.")

    def _read(self, system: str, table: str, cursor: str, max_rows: int, schema: pa.Schema) -> tuple[pa.Table, str]:
        folder = self._root / check_name("system", system) / table
        places = msgspec.json.decode(cursor, type=dict[str, Place]) if cursor else {}
        tables = [schema.empty_table()]
        for gateway, numbers in segments(folder).items():
            place = places.get(gateway, Place(0, 0))
            for number in numbers:
                if number < place.segment or sum(map(len, tables)) >= max_rows:
                    continue
                found, offset = read_segment(
                    segment_path(folder, gateway, number), place.offset if number == place.segment else 0
                )
                if found:
                    tables.append(pa.Table.from_batches(found))
                places[gateway] = Place(number, offset)
        return pa.concat_tables(tables, promote_options="permissive"), msgspec.json.encode(places).decode()
