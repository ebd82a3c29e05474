"""What each kind of source does."""

from typing import Protocol

from homeostat.data.sources.records import Fetched, State


class Source(Protocol):
    """Rows that live elsewhere."""

    def fetch(self, known: State) -> Fetched:
        """What it holds now, its rows read lazily; without rows if its content is that of the state `known` (empty: nothing is).

        Raises: NotFound if it is not there. BadData if it is not a table, also while the rows are read. Unavailable if it does
            not answer: a later call goes on where this one stopped. UserError if access is refused, or a package is missing.
        """
        ...
