"""Merging small segments, which appends leave behind, without changing what a version holds or is called.

Only the newest version gets another manifest; those before keep theirs. A crash leaves objects that nobody points at.
"""

from collections.abc import Iterator, Sequence

import msgspec
import pyarrow as pa
from sqlalchemy import update

from homeostat.core.clock import Clock
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Version
from homeostat.data.cuts import sizes
from homeostat.data.records import Manifest, Segment
from homeostat.data.versions import Versions
from homeostat.store import refs
from homeostat.store.db import Database
from homeostat.store.db.schema.data import dataset_versions

# An append that leaves this many small segments merges them: each row is merged once every so many appends, and not any more
# once it is in a segment that is not small.
PILE = 64


class Compaction:
    """Safe for threads and processes: of two at once, or of one and an append, one comes to nothing."""

    def __init__(self, database: Database, versions: Versions, clock: Clock) -> None:
        self._database = database
        self._versions = versions
        self._clock = clock

    def after_append(self, version: Version, content: Manifest) -> None:
        """Merge if small segments have piled up. Cost: O(append), taken over many."""
        if sum(len(run) for run in runs(content.segments, len(content.digest.columns))) >= PILE:
            self.compact(version, content)

    def compact(self, version: Version, content: Manifest) -> bool:
        """Merge neighbouring small segments of a dataset's newest version; False if there are none, or another was faster.

        Raises: CorruptObject if the store lost one of them.
        Cost: reads and writes the rows of small segments.
        """
        small = {run.start: run for run in runs(content.segments, len(content.digest.columns))}
        if not small:
            return False
        segments: list[Segment] = []
        at = 0
        while at < len(content.segments):
            run = small.get(at)
            if run is None:
                segments.append(content.segments[at])
            else:
                rows = self._rows(version, [content.segments[index] for index in run])
                segments += (kept.segment for kept in self._versions.lay((), rows))
            at = at + 1 if run is None else run.stop
        return self.swap(version, msgspec.structs.replace(content, segments=tuple(segments)))

    def _rows(self, version: Version, segments: Sequence[Segment]) -> Iterator[pa.Table]:
        for segment in segments:
            yield self._versions.segment(version, segment)

    def swap(self, version: Version, content: Manifest) -> bool:
        """Keep the rows of a dataset's newest version in another way; False if it is not the newest any more."""
        manifest = self._versions.rewrite(version, content)
        row = (dataset_versions.c.dataset == version.dataset) & (dataset_versions.c.number == version.number)
        with self._database.write() as connection:
            if queries.newest(connection, version.dataset) != version:
                return False
            connection.execute(update(dataset_versions).where(row).values(manifest=manifest))
            refs.move(connection, f"dataset/{version.dataset}", manifest, self._clock.now(), "compaction")
        return True


def runs(segments: Sequence[Segment], columns: int) -> list[range]:
    """Neighbouring segments that are smaller than a block may be, two or more at a time."""
    least = sizes(columns).least
    found: list[range] = []
    first = None
    for index, segment in enumerate((*segments, None)):
        if segment is not None and segment.rows < least:
            first = index if first is None else first
        elif first is not None:
            if index - first > 1:
                found.append(range(first, index))
            first = None
    return found
