"""What each kind of source does, and what comes of it."""

from typing import NamedTuple, Protocol

import pyarrow as pa

from homeostat.data.sources.records import State
from homeostat.data.sources.spool import Spool


class Fetched(NamedTuple):
    """What a source holds now.

    Attributes:
        rows: None if it is what was known.
        is_rest: `rows` are those to append to what was known, not all.
        spool: what was downloaded, to be cleared once the rows are kept.
        bytes_fetched: that came over the network.
    """

    state: State
    rows: pa.RecordBatchReader | None
    is_rest: bool = False
    spool: Spool | None = None
    bytes_fetched: int = 0


class Source(Protocol):
    """Rows that live elsewhere."""

    def fetch(self, known: State) -> Fetched:
        """What it holds now, its rows read lazily; without rows if its content is that of the state `known` (empty: nothing is).

        Raises: NotFound if it is not there. BadData if it is not a table, also while the rows are read. Unavailable if it does
            not answer: a later call goes on where this one stopped. UserError if access is refused, or a package is missing.
        """
        ...
