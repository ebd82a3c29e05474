"""What systems were asked in production, as a profile: from the predictions that gateways log.

A column of a dataset is compared with the input of the same name, which the log writes as `in_NAME`.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa

from homeostat.core.clock import Micros
from homeostat.data.contracts.profile import Profile, merge_profiles, profile

_PREFIX = "in_"

# Rows after a cursor, which is empty at the beginning, and the next cursor; no rows at the end.
Predictions = Callable[[str], tuple[pa.Table, str]]


def asked(predictions: Predictions, columns: Sequence[str], since: Micros) -> Profile:
    """The profile of some inputs of the predictions that were asked for at or after an event time; of no others if an
    input was never logged.

    Cost: one pass over the log, in the batches in which it is read.
    """
    start = datetime.fromtimestamp(since / 1_000_000, tz=UTC)
    parts: list[Profile] = []
    cursor = ""
    while True:
        table, cursor = predictions(cursor)
        if not table.num_rows:
            return merge_profiles(parts)
        logged = [name for name in columns if _PREFIX + name in table.column_names]
        rows = pl.DataFrame(table.select(["at", *(_PREFIX + name for name in logged)])).filter(pl.col("at") >= start)
        parts.append(profile(rows.rename({_PREFIX + name: name for name in logged}), logged))
