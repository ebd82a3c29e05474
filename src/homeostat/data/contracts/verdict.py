"""A report with the rows it speaks of, while an append is judged."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from homeostat.codec.tables import Table
from homeostat.data.contracts.report import Report

_MOST_STRETCHES = 1000


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A report with the rows it speaks of; a blocked append accepts none.

    Attributes:
        failing_rows: row numbers, counted from 0 and ascending, of all rows that fail an expectation that rejects rows.
    """

    report: Report
    accepted: Table
    rejected: Table
    failing_rows: NDArray[np.intp]


def stretches(numbers: NDArray[np.intp]) -> tuple[tuple[int, int], ...]:
    """Ascending numbers as stretches (first, after the last), the first 1,000 of them."""
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 2) != 1)[: _MOST_STRETCHES + 1]
    ends = np.append(starts[1:], len(numbers))[: len(starts)]
    pairs = [(int(numbers[start]), int(numbers[end - 1]) + 1) for start, end in zip(starts, ends, strict=True)]
    return tuple(pairs[:_MOST_STRETCHES])
