"""Making versions of tables: what is written to the object store before, and in one transaction with, a version's row."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec
import pyarrow as pa
from sqlalchemy import Connection

from homeostat.codec.table_digest import Digester
from homeostat.codec.tables import Table
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest, canonical_json, digest_bytes, short
from homeostat.core.errors import CorruptObject, HomeostatError, NotFound
from homeostat.data.catalog import queries
from homeostat.data.catalog.recording import record
from homeostat.data.catalog.records import Arrival, Column, Version
from homeostat.data.contracts.verdict import Verdict
from homeostat.data.quarantine import quarantine_rows, repair
from homeostat.data.records import Imported, Manifest, Segment
from homeostat.data.retention.kept import check_kept
from homeostat.data.reuse import lay
from homeostat.data.rules import fitted
from homeostat.data.segments import Kept, Segments
from homeostat.store import lineage
from homeostat.store.objects import ObjectStore


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A version whose objects are written and whose row is not.

    Attributes:
        laid: segments of the rows that came.
        rows_added: rows that the version before does not have as they are here.
        bytes_added: of objects that the store did not have.
    """

    parent: Version | None
    manifest: Digest
    content: Manifest
    laid: tuple[Segment, ...]
    rows_added: int
    bytes_added: int


class Versions:
    """Manifests and segments of an object store."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._segments = Segments(objects)

    def draft(
        self,
        head: Version | None,
        batches: Iterable[pa.Table],
        *,
        keeps_history: bool,
        imported: Imported | None = None,
    ) -> Draft:
        """Write the objects of the version after `head`, whose rows come in `batches`.

        Args:
            head: the version before.
            batches: tables of one settled schema, at least one. If they are appended, of the schema of `head`.
            keeps_history: they come after the rows of `head`; else they are all there is.
            imported: the file that they are all of.

        Cost: as `reuse.lay`.
        """
        source = iter(batches)
        first = next(source)
        before = None if head is None else (self.manifest(head) if keeps_history else self.known(head))
        if before is None or head is None or not keeps_history:
            digester = Digester.of(first.schema)
        else:
            digester = Digester(before.digest, self._tail(head, before))

        def seen() -> Iterator[pa.Table]:
            for batch in chain([first], source):
                digester.add(batch)
                yield batch

        known = () if before is None else before.segments
        kept = list(lay(self._segments, () if keeps_history else known, seen()))
        segments = tuple(piece.segment for piece in kept)
        content = Manifest(
            digest=digester.digest, segments=(*known, *segments) if keeps_history else segments, imported=imported
        )
        manifest, bytes_added = self._write(content)
        return Draft(
            parent=head,
            manifest=manifest,
            content=content,
            laid=segments,
            rows_added=sum(piece.segment.rows if keeps_history else piece.rows_written for piece in kept),
            bytes_added=bytes_added + sum(piece.bytes_added for piece in kept),
        )

    def rewrite(self, version: Version, content: Manifest) -> Digest:
        """Write a manifest that keeps the rows of `version` in another way."""
        if content.digest.id != version.id:
            raise ValueError(f"{version.node} has id {version.id}, and the manifest is of {content.digest.id}")
        return self._write(content)[0]

    def _write(self, content: Manifest) -> tuple[Digest, int]:
        written = canonical_json(content)
        digest = digest_bytes(written)
        bytes_added = 0 if self._objects.has(digest) else len(written)
        return self._objects.put(written), bytes_added

    def known(self, version: Version) -> Manifest | None:
        """What `version` is made of; None if the store does not know any more, so that nothing of it can be taken over."""
        try:
            return self.manifest(version)
        except (CorruptObject, NotFound):
            return None

    def has(self, content: Manifest) -> bool:
        """The store has every object of a version; their bytes are not looked at."""
        return all(map(self._segments.has, content.segments))

    def lay(self, before: Sequence[Segment], batches: Iterable[pa.Table]) -> Iterator[Kept]:
        """See `reuse.lay`."""
        return lay(self._segments, before, batches)

    def rows(self, segment: Segment, columns: Sequence[str]) -> pa.Table:
        """See `Segments.read`."""
        return self._segments.read(segment, columns)

    def manifest(self, version: Version) -> Manifest:
        """What `version` is made of.

        Raises: NotFound if it was forgotten. CorruptObject if the store lost it.
        """
        check_kept(version)
        try:
            return msgspec.json.decode(self._objects.read(version.manifest), type=Manifest)
        except HomeostatError as error:
            raise CorruptObject(
                f"The manifest of {version.node} cannot be read: {error.message} Add the data again from its source."
            ) from error

    def segment(
        self, version: Version, segment: Segment, columns: Sequence[str] | None = None, *, keeps: bool = True
    ) -> pa.Table:
        """Rows of one segment of `version`; see `Segments.read`.

        Raises: CorruptObject naming the version and the segment if the store lost it.
        """
        try:
            names = columns if columns is not None else [column.name for column in version.columns]
            return self._segments.read(segment, names, keeps=keeps)
        except HomeostatError as error:
            raise _lost(version, segment, error) from error

    def check(self, version: Version, segment: Segment) -> None:
        """Read the bytes of a segment from the store, whatever is kept in memory.

        Raises: CorruptObject naming the version and the segment if the store lost it.
        """
        try:
            self._segments.check(segment)
        except HomeostatError as error:
            raise _lost(version, segment, error) from error

    def restore(self, version: Version, rows: Table) -> None:
        """Write the rows that `version` added again, if the store has lost them: their source was imported once more.

        Args:
            rows: as they were offered; if a contract kept some of them out, they are not what was lost, and nothing is done.
        """
        if rows.rows == version.rows_added and not self.has(self.manifest(version)):
            fit = fitted(version.dataset, rows, version.columns)
            deque(lay(self._segments, (), [fit.arrow()]), maxlen=0)

    def _tail(self, head: Version, manifest: Manifest) -> pa.Table:
        """The last rows of `head` that its digest has to see again."""
        needed = manifest.digest.tail_rows
        parts: list[pa.Table] = []
        found = 0
        for segment in reversed(manifest.segments):
            parts.insert(0, self.segment(head, segment))
            found += segment.rows
            if found >= needed:
                break
        return pa.concat_tables(parts).slice(found - needed)


def commit(
    connection: Connection,
    arrival: Arrival,
    draft: Draft,
    at: Micros,
    *,
    verdict: Verdict | None,
    rejected: Digest | None,
    branch: str = "",
    merged: Version | None = None,
) -> Version:
    """Make the drafted version, in the caller's transaction.

    Args:
        verdict: of the contract, if there was one.
        rejected: the object with the rows that the contract kept out, if any.
        branch: of the version; empty for the main line.
        merged: the newest version of another line that is brought in.
    """
    digest = draft.content.digest
    version = Version(
        dataset=arrival.dataset,
        number=queries.last_number(connection, arrival.dataset) + 1,
        id=digest.id,
        manifest=draft.manifest,
        rows=digest.rows,
        rows_added=draft.rows_added,
        parent=None if draft.parent is None else draft.parent.number,
        columns=tuple(Column(name=column.name, type=column.type) for column in digest.columns),
        source=arrival.source,
        offered=arrival.offered,
        created_at=at,
        created_by=arrival.actor,
        branch=branch,
        merged=None if merged is None else merged.number,
    )
    edges = _edges(version, arrival, draft)
    if merged is not None:
        edges.append(lineage.Edge(version.node, merged.node, "merged"))
    record(connection, version, edges, None if verdict is None else verdict.report)
    if verdict is not None and rejected is not None:
        quarantine_rows(connection, version, verdict, rejected)
    if not branch:
        repair(connection, version)
    return version


def _edges(version: Version, arrival: Arrival, draft: Draft) -> list[lineage.Edge]:
    rows = lineage.node("table", arrival.offered)
    edges = [lineage.Edge(version.node, rows, "rows")]
    edges += [lineage.Edge(rows, origin, "origin") for origin in arrival.origin]
    if draft.parent is not None:
        edges.append(lineage.Edge(version.node, draft.parent.node, "previous" if arrival.keeps_history else "replaced"))
    if arrival.source:
        edges.append(lineage.Edge(version.node, lineage.node("source", arrival.source), "source"))
    return edges


def _lost(version: Version, segment: Segment, error: HomeostatError) -> CorruptObject:
    return CorruptObject(
        f"{version.node} cannot be read: its segment {', '.join(short(part.object) for part in segment.parts)} of "
        f"{segment.rows} rows is damaged. {error.message}"
    )
