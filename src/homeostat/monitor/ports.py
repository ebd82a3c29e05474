"""What the monitor needs of other rooms."""

from typing import NamedTuple, Protocol

import pyarrow as pa

from homeostat.core.clock import Micros


class Requests(NamedTuple):
    """Requests of a system, counted by the gateway."""

    failed: int
    total: int


class ObservationLog(Protocol):
    """Predictions and labels, read by cursor. Append-only; a cursor is opaque text, and "" is the beginning.

    Prediction rows, one for each answered row: `id` string, `at` timestamp[us, UTC], `generation` int, `version` int (of
    the model that answered), `score` float64, `other_score` float64 or null and `other_version` int or null (the second
    arm of a rollout, scored in the shadow), `entity` string, `latency_ms` float64, and the raw inputs as columns named `in_...`.
    Label rows: `id` string (of the prediction), `value` float64, `at` timestamp[us, UTC].
    """

    def predictions(self, system: str, cursor: str) -> tuple[pa.Table, str]:
        """Rows after `cursor`, all or a first part of them, and the cursor after them; no rows only at the end."""
        ...

    def labels(self, system: str, cursor: str) -> tuple[pa.Table, str]:
        """Rows after `cursor`, all or a first part of them, and the cursor after them; no rows only at the end."""
        ...

    def errors(self, system: str, since: Micros) -> Requests:
        """Requests since an instant of event time, and how many of them failed by our fault."""
        ...
