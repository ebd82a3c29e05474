"""Making versions: what is written to the object store before, and in one transaction with, a version's row."""

from collections.abc import Sequence

import msgspec
import pyarrow as pa
from sqlalchemy import Connection, insert

from homeostat.codec.table_digest import TableDigest, digest_table, extend
from homeostat.codec.tables import Table
from homeostat.core.clock import Micros
from homeostat.core.digests import Digest, canonical_json, short
from homeostat.core.errors import CorruptObject, HomeostatError
from homeostat.data.contracts.report import Report, Verdict
from homeostat.data.facts import DataAdded
from homeostat.data.quarantine import quarantine_rows, repair
from homeostat.data.records import Column, Manifest, Offer, Segment, Version
from homeostat.data.rules import fitted
from homeostat.data.segments import Segments
from homeostat.store import ledger, lineage, refs
from homeostat.store.db.schema.data import dataset_versions
from homeostat.store.objects import ObjectStore


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A version whose objects are written and whose row is not."""

    number: int
    parent: Version | None
    manifest: Digest
    digest: TableDigest
    rows: Table
    bytes_added: int


class Versions:
    """Manifests and segments of an object store."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._segments = Segments(objects)

    def draft(self, offer: Offer, head: Version | None, rows: Table) -> Draft:
        """Write the objects of the version after `head` that takes `rows`.

        Raises: MissingColumn, WrongType or BadData if the rows do not fit the dataset.
        """
        before: tuple[Segment, ...] = ()
        if head is not None and offer.keeps_history:
            rows = fitted(offer.dataset, rows, head.columns)
            manifest = self.manifest(head)
            before = manifest.segments
            tail = self._tail(head, manifest)
            digest = extend(manifest.digest, tail, rows.arrow())
        else:
            digest = digest_table(rows.arrow())
        kept = self._segments.write(rows.arrow())
        content = canonical_json(Manifest(digest=digest, segments=(*before, kept.segment)))
        return Draft(
            number=1 if head is None else head.number + 1,
            parent=head,
            manifest=self._objects.put(content),
            digest=digest,
            rows=rows,
            bytes_added=kept.bytes_added + len(content),
        )

    def manifest(self, version: Version) -> Manifest:
        """What `version` is made of.

        Raises: CorruptObject if the store lost it.
        """
        try:
            return msgspec.json.decode(self._objects.read(version.manifest), type=Manifest)
        except HomeostatError as error:
            raise CorruptObject(
                f"The manifest of {version.node} cannot be read: {error.message} Add the data again from its source."
            ) from error

    def segment(self, version: Version, segment: Segment, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of one segment of `version`.

        Raises: CorruptObject naming the version and the segment if the store lost it.
        """
        try:
            names = columns if columns is not None else [column.name for column in version.columns]
            return self._segments.read(segment, names)
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
        segment = self.manifest(version).segments[-1]
        if not self._segments.has(segment) and rows.rows == segment.rows:
            self._segments.write(fitted(version.dataset, rows, version.columns).arrow())

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
    offer: Offer,
    draft: Draft,
    at: Micros,
    *,
    verdict: Verdict | None,
    rejected: Digest | None,
) -> Version:
    """Make the drafted version, in the caller's transaction.

    Args:
        verdict: of the contract, if there was one.
        rejected: the object with the rows that the contract kept out, if any.
    """
    version = Version(
        dataset=offer.dataset,
        number=draft.number,
        id=draft.digest.id,
        manifest=draft.manifest,
        rows=draft.digest.rows,
        rows_added=draft.rows.rows,
        parent=None if draft.parent is None else draft.parent.number,
        columns=tuple(Column(name=column.name, type=column.type) for column in draft.digest.columns),
        source=offer.source,
        offered=offer.rows.digest,
        created_at=at,
        created_by=offer.actor,
    )
    record(connection, version, _edges(version, offer, draft), None if verdict is None else verdict.report)
    if verdict is not None and rejected is not None:
        quarantine_rows(connection, version, verdict, rejected)
    repair(connection, version)
    return version


def record(connection: Connection, version: Version, edges: Sequence[lineage.Edge], report: Report | None) -> None:
    """Write a version's row, ref, lineage and fact, in the caller's transaction."""
    connection.execute(
        insert(dataset_versions).values(
            **{name: getattr(version, name) for name in Version.__struct_fields__ if name != "columns"},
            columns=canonical_json(version.columns).decode(),
            report=None if report is None else canonical_json(report).decode(),
        )
    )
    refs.move(connection, f"dataset/{version.dataset}", version.manifest, version.created_at, version.created_by)
    lineage.record(connection, version.created_at, edges)
    ledger.append(
        connection,
        version.created_at,
        DataAdded(
            actor=version.created_by,
            dataset=version.dataset,
            version=version.number,
            id=version.id,
            rows=version.rows,
            rows_added=version.rows_added,
            source=version.source,
        ),
    )


def _edges(version: Version, offer: Offer, draft: Draft) -> list[lineage.Edge]:
    rows = lineage.node("table", offer.rows.digest)
    edges = [lineage.Edge(version.node, rows, "rows")]
    edges += [lineage.Edge(rows, origin, "origin") for origin in offer.rows.origin]
    if draft.parent is not None:
        edges.append(lineage.Edge(version.node, draft.parent.node, "previous" if offer.keeps_history else "replaced"))
    if offer.source:
        edges.append(lineage.Edge(version.node, lineage.node("source", offer.source), "source"))
    return edges


def _lost(version: Version, segment: Segment, error: HomeostatError) -> CorruptObject:
    return CorruptObject(
        f"{version.node} cannot be read: its segment {', '.join(short(part.object) for part in segment.parts)} of "
        f"{segment.rows} rows is damaged. {error.message}"
    )
