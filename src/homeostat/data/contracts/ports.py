"""What a contract needs to know beside the rows at hand."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from homeostat.data.contracts.profile import Profile


class Past(Protocol):
    """What the dataset held before the rows came."""

    @property
    def rows_before(self) -> int | None:
        """Rows of the append before this one; None if there was none."""
        ...

    def profile(self, columns: Sequence[str], version: str = "") -> Profile:
        """The profile of these columns of a version, by number or tag; of all that there is without one.

        Raises: NotFound saying which versions there are.
        """
        ...

    def newest(self, column: str) -> float | None:
        """The greatest number of a column, or time in microseconds; None without a value."""
        ...

    def seen(self, keys: pl.DataFrame) -> NDArray[np.bool_]:
        """(n,) which of n rows agree in these columns with one that is there."""
        ...


class Serving(Protocol):
    """What systems were asked in production."""

    def profile(self, system: str, columns: Sequence[str], last_us: int) -> Profile:
        """The profile of these inputs of a system, over this while before now; of no rows where none were asked."""
        ...
