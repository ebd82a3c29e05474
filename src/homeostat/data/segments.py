"""Segments on disk: written once, read back checked, and kept decoded while there is room."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from threading import Lock
from typing import NamedTuple

import pyarrow as pa

from homeostat.codec.table_digest import digest_table
from homeostat.codec.tables import read_segment, write_segment
from homeostat.core.digests import Digest, digest_bytes, short
from homeostat.core.errors import CorruptObject
from homeostat.data.records import Part, Segment
from homeostat.data.rules import bounds
from homeostat.store.objects import ObjectStore

_CAPACITY_BYTES = 256 * 1024 * 1024


class Kept(NamedTuple):
    """A segment, the bytes that the store did not have before, and the rows for which a column had to be written."""

    segment: Segment
    bytes_added: int
    rows_written: int


class Segments:
    """Segments of an object store.

    The columns read last stay decoded in memory, up to a number of bytes: a sliding window reads nearly the same ones
    each time, and they never change. What is written does not stay, or an import would hold all of it. Safe for threads.
    """

    def __init__(self, objects: ObjectStore, capacity_bytes: int = _CAPACITY_BYTES) -> None:
        self._objects = objects
        self._capacity = capacity_bytes
        self._held = 0
        self._kept: OrderedDict[tuple[Digest, str], pa.ChunkedArray] = OrderedDict()
        self._lock = Lock()

    def write(self, rows: pa.Table, digests: Mapping[str, Digest] | None = None, over: Segment | None = None) -> Kept:
        """Keep `rows` durably as one segment.

        Args:
            rows: of settled types.
            digests: of its columns, if they are known.
            over: a segment as long as `rows`. Columns that it has with the same digest are not written again.
        """
        digests = digests or digest_table(rows).column_roots()
        there = {} if over is None else over.columns
        fresh = {name: digest for name, digest in digests.items() if there.get(name) != digest}
        parts = () if over is None else narrowed(over.parts, digests.keys() - fresh)
        bytes_added = 0
        if fresh:
            columns = rows.select(list(fresh))
            content = write_segment(columns)
            digest = digest_bytes(content)
            bytes_added = 0 if self._objects.has(digest) else len(content)
            self._objects.put(content)
            parts = (*parts, Part(digest, 0, fresh))
        return Kept(
            Segment(rows=rows.num_rows, parts=parts, bounds=bounds(rows)), bytes_added, rows.num_rows if fresh else 0
        )

    def has(self, segment: Segment) -> bool:
        """The store has every object of a segment; their bytes are not looked at."""
        return all(self._objects.has(part.object) for part in segment.parts)

    def check(self, segment: Segment) -> None:
        """Read the bytes of a segment from the store, whatever is kept in memory.

        Raises: NotFound or CorruptObject if the store does not have them as they were written.
        """
        for digest in {part.object for part in segment.parts}:
            self._objects.read(digest)

    def read(self, segment: Segment, columns: Sequence[str] | None = None, *, keeps: bool = True) -> pa.Table:
        """Rows of a segment, in settled types.

        Args:
            segment: of any object store's manifest.
            columns: which, in this order; all in the order of its parts if None.
            keeps: decoded in memory; not for one pass over a whole version.

        Raises: NotFound or CorruptObject if the store does not have it as it was written.
        """
        wanted = list(segment.columns if columns is None else columns)
        if not wanted:
            return pa.table({"": pa.nulls(segment.rows)}).select([])
        found: dict[str, pa.ChunkedArray] = {}
        for part in segment.parts:
            names = [name for name in wanted if name in part.columns]
            for name, column in self._columns(part.object, names, keeps=keeps).items():
                found[name] = column.slice(part.first, segment.rows)
                if len(found[name]) != segment.rows:
                    raise CorruptObject(
                        f"Object {short(part.object)} ends before row {part.first + segment.rows}: another table was "
                        f"written in its place. Add the data again from its source."
                    )
        return pa.Table.from_arrays([found[name] for name in wanted], names=wanted)

    def _columns(self, digest: Digest, names: Sequence[str], *, keeps: bool) -> dict[str, pa.ChunkedArray]:
        found: dict[str, pa.ChunkedArray] = {}
        with self._lock:
            for name in names:
                if (kept := self._kept.get((digest, name))) is not None:
                    self._kept.move_to_end((digest, name))
                    found[name] = kept
        missing = [name for name in names if name not in found]
        if missing:
            rows = read_segment(self._objects.read(digest), missing)
            if keeps:
                self._keep(digest, rows)
            found |= zip(missing, rows.columns, strict=True)
        return found

    def _keep(self, digest: Digest, rows: pa.Table) -> None:
        if rows.nbytes > self._capacity // 8:
            return  # one large import must not push out everything else
        with self._lock:
            for name, column in zip(rows.column_names, rows.columns, strict=True):
                if (digest, name) not in self._kept:
                    self._kept[digest, name] = column
                    self._held += column.nbytes
            while self._held > self._capacity:
                _, dropped = self._kept.popitem(last=False)
                self._held -= dropped.nbytes


def narrowed(parts: Sequence[Part], columns: AbstractSet[str]) -> tuple[Part, ...]:
    """`parts` without the columns that are not among `columns`, and without those that then hold none."""
    left = (Part(part.object, part.first, {n: d for n, d in part.columns.items() if n in columns}) for part in parts)
    return tuple(part for part in left if part.columns)
