"""Reading segments back, checked, and kept decoded while there is room."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import pyarrow as pa

from homeostat.codec.tables import read_segment, write_segment
from homeostat.core.digests import Digest
from homeostat.store.objects import ObjectStore

_CAPACITY_BYTES = 256 * 1024 * 1024


class Segments:
    """Segments of an object store.

    The ones used last stay decoded in memory, up to a number of bytes: a sliding window reads nearly the same ones
    each time, and they never change. Safe for threads.
    """

    def __init__(self, objects: ObjectStore, capacity_bytes: int = _CAPACITY_BYTES) -> None:
        self._objects = objects
        self._capacity = capacity_bytes
        self._held = 0
        self._kept: OrderedDict[Digest, pa.Table] = OrderedDict()
        self._lock = Lock()

    def write(self, rows: pa.Table) -> Digest:
        """Keep `rows` durably as one segment."""
        digest = self._objects.put(write_segment(rows))
        self._keep(digest, rows)
        return digest

    def read(self, segment: Digest, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of a segment, in settled types.

        Raises: NotFound or CorruptObject if the store does not have it as it was written.
        """
        with self._lock:
            kept = self._kept.get(segment)
            if kept is not None:
                self._kept.move_to_end(segment)
        if kept is not None:
            return kept if columns is None else kept.select(columns)
        rows = read_segment(self._objects.read(segment), columns)
        if columns is None:
            self._keep(segment, rows)
        return rows

    def _keep(self, digest: Digest, rows: pa.Table) -> None:
        if rows.nbytes > self._capacity // 8:
            return  # one large import must not push out everything else
        with self._lock:
            if digest in self._kept:
                return
            self._kept[digest] = rows
            self._held += rows.nbytes
            while self._held > self._capacity:
                _, dropped = self._kept.popitem(last=False)
                self._held -= dropped.nbytes
