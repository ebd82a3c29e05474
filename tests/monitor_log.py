"""An observation log in memory, as the monitor's port asks for it."""

from collections.abc import Sequence

import pyarrow as pa

from homeostat.core.clock import Micros
from homeostat.monitor.ports import Requests

PREDICTIONS = pa.schema(
    [
        ("id", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("generation", pa.int64()),
        ("version", pa.int64()),
        ("score", pa.float64()),
        ("other_score", pa.float64()),
        ("other_version", pa.int64()),
        ("entity", pa.string()),
        ("latency_ms", pa.float64()),
        ("in_hour", pa.float64()),
        ("in_origin", pa.string()),
    ]
)
LABELS = pa.schema([("id", pa.string()), ("value", pa.float64()), ("at", pa.timestamp("us", tz="UTC"))])


class MemoryLog:
    """Rows are dicts; what a row does not say has a default."""

    def __init__(self, rows_at_once: int = 1_000_000) -> None:
        self.rows_at_once = rows_at_once
        self.prediction_rows: list[dict[str, object]] = []
        self.label_rows: list[dict[str, object]] = []
        self.requests = Requests(failed=0, total=0)

    def predict(self, name: str, at: int, score: float, **fields: object) -> None:
        row: dict[str, object] = {"id": name, "at": at, "score": score, "generation": 1, "version": 1, "entity": name}
        self.prediction_rows.append({"latency_ms": 2.0, "in_hour": 9.0, "in_origin": "JFK", **row, **fields})

    def label(self, name: str, value: float, at: int) -> None:
        self.label_rows.append({"id": name, "value": value, "at": at})

    def predictions(self, system: str, cursor: str) -> tuple[pa.Table, str]:
        return self._after(self.prediction_rows, cursor, PREDICTIONS)

    def labels(self, system: str, cursor: str) -> tuple[pa.Table, str]:
        return self._after(self.label_rows, cursor, LABELS)

    def errors(self, system: str, since: Micros) -> Requests:
        return self.requests

    def _after(self, rows: Sequence[dict[str, object]], cursor: str, schema: pa.Schema) -> tuple[pa.Table, str]:
        first = int(cursor or 0)
        found = rows[first : first + self.rows_at_once]
        return pa.Table.from_pylist(found, schema=schema), str(first + len(found))
