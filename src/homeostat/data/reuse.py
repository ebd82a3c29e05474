"""How the rows of a new version are laid over the segments of the one before, so that only what is new is written.

Rows come in batches and are seen once, in order. At each place three things may be the case:

- The next segment of the version before has these very rows: it is taken over.
- Rows came or went. Blocks are cut ahead by content until one of them is a segment of the version before. What lies between
  is compared with what lay there: rows at its beginning and end that stayed are taken over, the others are written.
- No such block is near, but some column of the next segment is equal: the others are written over it.

A wrong guess costs space, never a value: every segment carries the digests of the columns it stands for, and a piece is
taken over only if these are equal.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa

from homeostat.codec.table_digest import digest_table
from homeostat.core.digests import Digest
from homeostat.core.errors import HomeostatError
from homeostat.data.records import Part, Segment
from homeostat.data.rules import bounds
from homeostat.data.segments import Kept, Segments, narrowed
from homeostat.data.window import Window

_LEAST_SLICE = 256  # fewer rows are written again rather than pointed at
_WRITERS = 2
_WAITING = 4  # segments that may wait to be written: a bound on memory

Digests = Mapping[str, Digest]
_Key = frozenset[tuple[str, Digest]]


def lay(segments: Segments, before: Sequence[Segment], batches: Iterable[pa.Table]) -> Iterator[Kept]:
    """Keep the rows of `batches` durably, with as little written as can be; one segment or more, in order.

    Args:
        segments: of the store.
        before: segments of the version before; none if there is nothing to take over.
        batches: tables of one settled schema, at least one.

    Cost: each row is digested about twice; of the version before only what is around a difference is read. Memory: a
        window of eight blocks, at most half a million rows.
    """
    layout = _Layout(segments, before, batches)
    with ThreadPoolExecutor(_WRITERS, "segments") as pool:
        waiting: deque[Future[Kept] | Kept] = deque()
        try:
            for piece in layout.pieces():
                kept = piece if isinstance(piece, Kept) else pool.submit(segments.write, *piece)
                waiting.append(kept)
                while len(waiting) > _WAITING:
                    yield _done(waiting.popleft())
            while waiting:
                yield _done(waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _done(kept: "Future[Kept] | Kept") -> Kept:
    return kept if isinstance(kept, Kept) else kept.result()


class _Fresh(NamedTuple):
    """Rows to be written, where given over a segment that has some of their columns."""

    rows: pa.Table
    digests: Digests
    over: Segment | None = None


class _Layout:
    """The new rows up to `_at` are laid, the segments before `_old` are done with."""

    def __init__(self, segments: Segments, before: Sequence[Segment], batches: Iterable[pa.Table]) -> None:
        self._segments = segments
        self._window = Window(batches)
        self._before = [_there(segments, segment) for segment in before if segment.rows]
        self._at = self._old = 0
        self._places: dict[_Key, list[int]] = {}
        names = self._window.schema.names
        for index, segment in enumerate(self._before):
            columns = segment.columns
            if columns.keys() >= set(names):
                self._places.setdefault(_key({name: columns[name] for name in names}), []).append(index)

    def pieces(self) -> Iterator[_Fresh | Kept]:
        """What the new version is made of, in order."""
        if not self._window.has(1):
            yield _fresh(self._window.rows(0, 0))
        while self._window.has(self._at + 1):
            self._window.forget(self._at)
            yield from self._step()

    def _step(self) -> Iterable[_Fresh | Kept]:
        at, old, window = self._at, self._old, self._window
        if old == len(self._before):
            block = window.block(at)
            self._at = block.end
            return [_Fresh(window.rows(at, block.end), block.digests)]
        segment, rows, digests = self._before[old], None, {}
        if window.has(at + segment.rows):
            rows = window.rows(at, at + segment.rows)
            digests = digest_table(rows).column_roots()
            if _is_held(segment, digests):
                self._at, self._old = at + segment.rows, old + 1
                return [_taken(segment, digests)]
        if met := self._meeting() if self._places else None:
            self._at, self._old = met
            return self._between(at, self._at, self._before[old : self._old])
        if not window.has_more(at):
            pieces = self._between(at, window.end, self._before[old:])
            if rows is None or any(isinstance(piece, Kept) or piece.over is not None for piece in pieces):
                self._at, self._old = window.end, len(self._before)
                return pieces
        if rows is not None and digests.items() & segment.columns.items():
            self._at, self._old = at + segment.rows, old + 1
            return self._over(segment, rows, digests)
        block = window.block(at)
        self._at = block.end
        return [_Fresh(window.rows(at, block.end), block.digests)]

    def _meeting(self) -> tuple[int, int] | None:
        """The nearest row that begins a block which is a segment of the version before, and which."""
        for block in self._window.blocks(self._at):
            for place in self._places.get(_key(block.digests), ()):
                if place >= self._old:
                    return block.first, place
        return None

    def _between(self, first: int, end: int, there: Sequence[Segment]) -> list[_Fresh | Kept]:
        """New rows `first` up to `end`, where the version before has the segments `there`."""
        front: list[_Fresh | Kept] = []
        back: list[_Fresh | Kept] = []
        left = list(there)
        while left and (piece := self._held(left[0], first, end)):
            front.append(piece)
            first += left.pop(0).rows
        while left and (piece := self._held(left[-1], end - left[-1].rows, end, at_least=first)):
            back.insert(0, piece)
            end -= left.pop().rows
        if left and sum(segment.rows for segment in left) == end - first:
            for segment in left:
                rows = self._window.rows(first, first + segment.rows)
                front += self._over(segment, rows, digest_table(rows).column_roots())
                first += segment.rows
            return front + back
        if left and first < end:
            piece = self._beginning(left[0], first, end)
            if piece is not None:
                front.append(piece)
                first += piece.segment.rows
            skipped = piece.segment.rows if piece is not None and len(left) == 1 else 0
            piece = self._ending(left[-1], first, end, skipped)
            if piece is not None:
                back.insert(0, piece)
                end -= piece.segment.rows
        blocks = self._window.cut(first, end)
        return [*front, *(_Fresh(self._window.rows(block.first, block.end), block.digests) for block in blocks), *back]

    def _held(self, segment: Segment, first: int, end: int, at_least: int = 0) -> Kept | None:
        """The whole segment, if the rows from `first` on are its rows."""
        if first < at_least or first + segment.rows > end:
            return None
        rows = self._window.rows(first, first + segment.rows)
        digests = digest_table(rows).column_roots()
        return _taken(segment, digests) if _is_held(segment, digests) else None

    def _beginning(self, segment: Segment, first: int, end: int) -> Kept | None:
        """The first rows of a segment that are the new rows from `first` on."""
        there = self._read(segment, self._window.schema.names)
        stayed = 0 if there is None else _prefix(there, self._window.rows(first, min(end, first + segment.rows)))
        return self._slice(segment, 0, self._window.rows(first, first + stayed))

    def _ending(self, segment: Segment, first: int, end: int, skipped: int) -> Kept | None:
        """The last rows of a segment, but for `skipped` at its beginning, that are the new rows up to `end`."""
        there = self._read(segment, self._window.schema.names)
        if there is None:
            return None
        stayed = _suffix(there.slice(skipped), self._window.rows(max(first, end - segment.rows), end))
        return self._slice(segment, segment.rows - stayed, self._window.rows(end - stayed, end))

    def _slice(self, segment: Segment, first: int, rows: pa.Table) -> Kept | None:
        if rows.num_rows < _LEAST_SLICE:
            return None
        return Kept(_sliced(segment, first, rows, digest_table(rows).column_roots()), 0, 0)

    def _over(self, segment: Segment, rows: pa.Table, digests: Digests) -> list[_Fresh | Kept]:
        """As many new rows as a segment has, in its place: of columns that changed only the rows that did."""
        changed = [name for name, digest in digests.items() if segment.columns.get(name) != digest]
        if not changed:
            return [_taken(segment, digests)]
        there = self._read(segment, changed)
        low, high = 0, segment.rows
        if there is not None:
            low = _prefix(there, rows.select(changed))
            high -= _suffix(there.slice(low), rows.select(changed).slice(low))
        if high - low > segment.rows // 2:
            return [_Fresh(rows, digests, over=segment)]
        pieces: list[_Fresh | Kept] = []
        for first, end in ((0, low), (low, high), (high, segment.rows)):
            part = rows.slice(first, end - first)
            if part.num_rows:
                found = digest_table(part).column_roots()
                stayed = found if first != low else {name: found[name] for name in found.keys() - set(changed)}
                over = _sliced(segment, first, part, stayed)
                pieces.append(_Fresh(part, found, over=over))
        return pieces

    def _read(self, segment: Segment, columns: Sequence[str]) -> pa.Table | None:
        """Columns of a segment, if it has them in the types of the new rows; None too if the store lost them."""
        if not segment.columns.keys() >= set(columns):
            return None
        try:
            rows = self._segments.read(segment, columns)
        except HomeostatError:
            return None  # what cannot be read cannot be taken over: it is written again
        wanted = self._window.schema
        return rows if all(field.type == wanted.field(field.name).type for field in rows.schema) else None


def _prefix(one: pa.Table, other: pa.Table) -> int:
    """How many rows both begin with, as content ids see them: -0.0 is 0.0.

    Cost: about one digest of both.
    """
    low, high = 0, min(one.num_rows, other.num_rows)
    while low < high:
        rows = (high - low + 1) // 2
        if _are_equal(one.slice(low, rows), other.slice(low, rows)):
            low += rows
        else:
            high = low + rows - 1
    return low


def _suffix(one: pa.Table, other: pa.Table) -> int:
    """How many rows both end with."""
    low, high = 0, min(one.num_rows, other.num_rows)
    while low < high:
        rows = (high - low + 1) // 2
        ends = (table.slice(table.num_rows - low - rows, rows) for table in (one, other))
        if _are_equal(*ends):
            low += rows
        else:
            high = low + rows - 1
    return low


def _are_equal(one: pa.Table, other: pa.Table) -> bool:
    return digest_table(one).column_roots() == digest_table(other).column_roots()


def _key(digests: Digests) -> _Key:
    return frozenset(digests.items())


def _is_held(segment: Segment, digests: Digests) -> bool:
    return digests.items() <= segment.columns.items()


def _fresh(rows: pa.Table) -> _Fresh:
    return _Fresh(rows, digest_table(rows).column_roots())


def _taken(segment: Segment, digests: Digests) -> Kept:
    parts = narrowed(segment.parts, digests.keys())
    spans = {name: span for name, span in segment.bounds.items() if name in digests}
    return Kept(Segment(rows=segment.rows, parts=parts, bounds=spans), 0, 0)


def _sliced(segment: Segment, first: int, rows: pa.Table, digests: Digests) -> Segment:
    """Rows of a segment from `first` on, in the columns of `digests`."""
    parts = (
        Part(part.object, part.first + first, {name: digests[name] for name in part.columns if name in digests})
        for part in narrowed(segment.parts, digests.keys())
    )
    return Segment(rows=rows.num_rows, parts=tuple(parts), bounds=bounds(rows))


def _there(segments: Segments, segment: Segment) -> Segment:
    """The segment, or as many rows of nothing if the store does not have it."""
    return segment if segments.has(segment) else Segment(rows=segment.rows, parts=(), bounds={})
