"""The rows of a coming version that are in memory: a window over batches, cut ahead into blocks by content."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from homeostat.codec.table_digest import digest_table
from homeostat.core.digests import Digest
from homeostat.data.cuts import marks, next_cut, sizes

_AHEAD_BLOCKS = 8  # of the largest size: how far rows may have moved and still be found


class Block(NamedTuple):
    """Rows `first` up to `end`, with the digest of each column."""

    first: int
    end: int
    digests: Mapping[str, Digest]


class Window:
    """Rows by their number in the whole table. Rows that were forgotten must not be asked for again."""

    def __init__(self, batches: Iterable[pa.Table]) -> None:
        """`batches` are of one settled schema, at least one."""
        source = iter(batches)
        first = next(source)
        self.schema: pa.Schema = first.schema
        self._size = sizes(len(self.schema.names))
        self._batches = _evened([first], source, self._size.most)
        self._ahead = _AHEAD_BLOCKS * self._size.most
        self._held: deque[tuple[int, pa.Table]] = deque()
        self._is_whole = False
        self.end = 0
        self._marks: NDArray[np.int64] = np.empty(0, np.int64)
        self._marked = 0
        self._blocks: deque[Block] = deque()
        self._cut = 0

    def has(self, rows: int) -> bool:
        """The table has as many rows; reads as far."""
        while self.end < rows and not self._is_whole:
            batch = next(self._batches, None)
            if batch is None:
                self._is_whole = True
            else:
                self._held.append((self.end, batch))
                self.end += batch.num_rows
        return self.end >= rows

    def has_more(self, at: int) -> bool:
        """There are more rows after `at` than are looked at ahead."""
        return self.has(at + self._ahead + 1)

    def rows(self, first: int, end: int) -> pa.Table:
        """Rows `first` up to `end`, which `has` has seen."""
        parts = [
            batch.slice(max(first - start, 0), end - max(first, start))
            for start, batch in self._held
            if start < end and start + batch.num_rows > first
        ]
        return pa.concat_tables(parts) if parts else self.schema.empty_table()

    def forget(self, first: int) -> None:
        """Rows before `first` are not needed any more."""
        while self._held and self._held[0][0] + self._held[0][1].num_rows <= first:
            self._held.popleft()
        while self._blocks and self._blocks[0].first < first:
            self._blocks.popleft()

    def blocks(self, at: int) -> Iterator[Block]:
        """Blocks that begin at row `at` or later, as far as is looked ahead."""
        self._cut = max(self._cut, at)
        yield from list(self._blocks)
        while self._cut < at + self._ahead and self.has(self._cut + 1):
            self._blocks.append(self._next(self._cut))
            self._cut = self._blocks[-1].end
            yield self._blocks[-1]

    def block(self, at: int) -> Block:
        """The rows from `at` to the next cut; there must be some."""
        first = next(self.blocks(at), None)
        if first is not None and first.first == at:
            return first
        # `at` is within a block, which ends where the next one begins or, after the last, where it was cut.
        return self._digested(at, self._cut if first is None else first.first)

    def cut(self, first: int, end: int) -> Iterator[Block]:
        """Rows `first` up to `end`, which are seen, as blocks."""
        self._mark()
        while first < end:
            cut = next_cut(self._marks, self._size, first, end, is_last=True)
            last = end if cut is None else min(cut, end)
            yield self._digested(first, last)
            first = last

    def _next(self, first: int) -> Block:
        while True:
            self._mark()
            end = next_cut(self._marks, self._size, first, self.end, is_last=self._is_whole)
            if end is not None:
                return self._digested(first, end)
            self.has(self.end + 1)

    def _digested(self, first: int, end: int) -> Block:
        return Block(first, end, digest_table(self.rows(first, end)).column_roots())

    def _mark(self) -> None:
        """Know the places where the rows in memory may be cut."""
        oldest = self._held[0][0] if self._held else 0
        fresh = [marks(batch, self._size) + start for start, batch in self._held if start >= self._marked]
        if fresh:
            self._marks = np.concatenate([self._marks[self._marks >= oldest], *fresh])
            self._marked = self.end


def _evened(first: list[pa.Table], others: Iterable[pa.Table], most: int) -> Iterator[pa.Table]:
    """The rows in tables of `most` rows, the last one shorter: neither crumbs nor more than is needed at once."""
    waiting, rows = list(first), sum(table.num_rows for table in first)
    for table in others:
        waiting.append(table)
        rows += table.num_rows
        if rows < most:
            continue
        whole = pa.concat_tables(waiting)
        yield from (whole.slice(at, most) for at in range(0, rows - rows % most, most))
        waiting, rows = [whole.slice(rows - rows % most)], rows % most
    whole = pa.concat_tables(waiting)
    yield from (whole.slice(at, most) for at in range(0, rows, most))
