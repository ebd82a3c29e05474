"""Datasets: append, replace, read, window; and the contract that each append is held to.

The rows go to the object store first, then one transaction makes the version: row, ref, facts and lineage. A crash in
between leaves an unreferenced object and nothing else.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from homeostat.codec.table_digest import Digester
from homeostat.codec.tables import Dataset, Table, decode, encode
from homeostat.core.clock import Clock, Micros, iso
from homeostat.core.digests import Digest, short
from homeostat.core.errors import (
    ContractViolated,
    CorruptObject,
    MissingColumn,
    NotFound,
    UserError,
    WrongType,
)
from homeostat.core.ids import check_name
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Appended, Quarantine, Version
from homeostat.data.catalog.service import Catalog
from homeostat.data.compaction import Compaction
from homeostat.data.contracts.contract import Contract, read_contract, write_contract
from homeostat.data.contracts.ports import Serving
from homeostat.data.contracts.report import Report
from homeostat.data.contracts.verdict import Verdict
from homeostat.data.diffs.comparison import compare
from homeostat.data.diffs.files import FilesDiff, compare_files
from homeostat.data.diffs.records import Diff
from homeostat.data.facts import ContractSet
from homeostat.data.files import read_batches, read_file, write_file
from homeostat.data.filesets import FileSets, PartDone, unseen
from homeostat.data.guard import Guard
from homeostat.data.imports import Imports, Progress, unwatched
from homeostat.data.pieces import keep_pieces
from homeostat.data.quarantine import block_append, resolve
from homeostat.data.records import Manifest, Offer, Segment
from homeostat.data.rules import between, check_tabular, fitted, overlapping
from homeostat.data.scanning import scan
from homeostat.data.sql import query
from homeostat.data.versions import Versions, commit
from homeostat.store import ledger, refs
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects


class Datasets(Catalog):
    """The datasets of a workspace. Safe for threads and processes: two appends at once both succeed, one after the other.

    `stat_folder` is for what tells that files have not changed, and for profiles; losing it costs time only.
    """

    def __init__(
        self, database: Database, objects: FileObjects, clock: Clock, stat_folder: Path, serving: Serving | None = None
    ) -> None:
        super().__init__(database, objects, clock)
        self._versions = Versions(objects)
        self._compaction = Compaction(database, self._versions, clock)
        self._imports = Imports(database, self._versions, clock, self._compaction)
        self._filesets = FileSets(database, objects, clock, stat_folder, keep_pieces)
        self.guard = Guard(database, self._versions, clock, stat_folder / "derived", find=self.find, serving=serving)

    def append(
        self, name: str, rows: Any, *, source: str = "", contract: Contract | None = None, actor: str = "local"
    ) -> Appended:
        """Add rows to a dataset, or begin one; a transaction by itself.

        Args:
            name: of the dataset.
            rows: anything `Table.of` takes, with the dataset's columns.
            source: where they come from. The same rows from the same source are added once, however often they are
                sent; a later accepted append of the same source repairs a blocked one.
            contract: to hold them to instead of the dataset's own (see `set_contract`).
            actor: who adds them.

        Raises: ContractViolated if the contract refuses them; they are in quarantine then. MissingColumn, WrongType or
            BadData if they do not fit the dataset.
        Cost: O(rows added), plus the list of segments.
        """
        offer = Offer(dataset=name, rows=Table.of(rows), source=source, actor=actor, keeps_history=True)
        return self._add(offer, contract)

    def replace(
        self, name: str, rows: Any, *, source: str = "", contract: Contract | None = None, actor: str = "local"
    ) -> Appended:
        """Make `rows` the whole content of a dataset's next version; columns may differ. Else like `append`."""
        offer = Offer(dataset=name, rows=Table.of(rows), source=source, actor=actor, keeps_history=False)
        return self._add(offer, contract)

    def import_file(
        self, name: str, path: Path, *, replace: bool = False, actor: str = "local", progress: Progress = unwatched
    ) -> Appended:
        """Add the rows of a CSV, Parquet, JSON Lines or Arrow file, chosen by its suffix; the path is their source.

        Args:
            replace: they are the whole content of the next version, if they differ from the last; only what is new is written.
            progress: told the number of rows so far.

        Raises: NotFound if there is no such file. BadData if it is not of its kind. Else as `append`.
        Cost: see `Imports`; with a contract, memory for all rows.
        """
        source = path.as_posix()
        if self.contract(name) is not None:
            offer = Offer(dataset=name, rows=read_file(path), source=source, actor=actor, keeps_history=not replace)
            return self._add(offer, None)
        if replace:
            return self._imports.file(name, path, actor=actor, progress=progress)
        return self._imports.append(name, read_batches(path), source=source, actor=actor, progress=progress)

    def import_batches(
        self,
        name: str,
        rows: pa.RecordBatchReader,
        *,
        source: str,
        replace: bool = False,
        actor: str = "local",
        progress: Progress = unwatched,
    ) -> Appended:
        """Add rows that come in batches; else as `import_file`."""
        if self.contract(name) is not None:
            offer = Offer(
                dataset=name, rows=Table.of(rows.read_all()), source=source, actor=actor, keeps_history=not replace
            )
            return self._add(offer, None)
        add = self._imports.replace if replace else self._imports.append
        return add(name, rows, source=source, actor=actor, progress=progress)

    def compact(self, name: str) -> bool:
        """Merge small segments of the newest version, which stays what it is; False if there is nothing to merge.

        Appends do this by themselves now and then.
        """
        version = self.version(name)
        return self._compaction.compact(version, self._manifest(version))

    def add_files(self, name: str, path: Path, *, actor: str = "local", progress: PartDone = unseen) -> Appended:
        """Make a directory, or one file of any kind, the whole content of a dataset's next version, if it differs from the last.

        Raises: NotFound, BadData, WrongType as `FileSets.add`.
        Cost: reads files that are new or have changed; for the others one stat.
        """
        return self._filesets.add(name, path, actor=actor, progress=progress)

    def size_bytes(self, version: Version) -> int:
        """Bytes of all files of a version of files. Raises: CorruptObject, NotFound as `FileSets.size_bytes`."""
        return self._filesets.size_bytes(version)

    def report(self, version: Version) -> Report | None:
        """What the contract said of the append that made `version`."""
        with self._database.read() as connection:
            return queries.report(connection, version.dataset, version.number)

    def read(self, version: Version, columns: Sequence[str] | None = None) -> Dataset:
        """All rows of a version.

        Raises: MissingColumn naming the columns there are. CorruptObject naming the segment if the store lost its bytes.
        """
        _check_columns(version, columns or ())
        return _dataset(version, self._rows(version, self._manifest(version).segments, columns))

    def batches(self, version: Version, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """All rows of a version, a segment at a time, at most 65,536 rows; else as `read`. Memory: one segment."""
        _check_columns(version, columns or ())
        for segment in self._manifest(version).segments:
            yield self._versions.segment(version, segment, columns)

    def window(self, name: str, *, last_us: int, on: str, until: Micros, number: int | None = None) -> Dataset:
        """Rows of a version with until - last_us <= on < until, in the order in which they were added.

        Args:
            name: of the dataset.
            last_us: length of the window, microseconds.
            on: a timestamp column; rows without a value in it are in no window.
            until: end of the window, exclusive.
            number: of the version, the latest if None.

        Raises: NotFound, MissingColumn, CorruptObject as `version` and `read`. WrongType if `on` holds no timestamps.
        Cost: reads only segments whose bounds overlap the window.
        """
        version = self.version(name, number)
        _check_columns(version, (on,))
        kind = next(column.type for column in version.columns if column.name == on)
        if not kind.startswith("timestamp"):
            raise WrongType(f"Column {on!r} of {version.node} is {kind}: a window needs a timestamp column.")
        segments = self._manifest(version).segments
        chosen = overlapping(segments, on, until - last_us, until)
        rows = self._rows(version, chosen or segments[:1], None)
        return _dataset(version, between(rows, on, until - last_us, until))

    def diff(self, before: Version, after: Version, *, key: Sequence[str] = ()) -> Diff:
        """What differs between two versions of a table; `homeostat.data.diffs.records.apply` makes `after` of `before`.

        Args:
            before, after: in any order of time.
            key: columns that together name a row. Without it rows are compared as a multiset: none is "changed". That they
                name one row each is asked of the rows that differ only, not of those equal in both.

        Raises: MissingColumn, WrongType or BadData if the key does not name rows. WrongType if a version holds files.
            CorruptObject as `read`.
        Cost: reads only segments and columns in which the two differ, and holds the rows that are not equal to the one
            beside them.
        """
        _check_table(before)
        _check_table(after)
        return compare(self._versions, before, after, key)

    def diff_files(self, before: Version, after: Version) -> FilesDiff:
        """Which paths differ between two versions of files. Raises: CorruptObject as `verify`. Cost: parts of trees that differ."""
        return compare_files(self._objects, before, after)

    def scan(self, version: Version) -> pl.LazyFrame:
        """The rows of a version, read when it is collected: the columns it needs, a segment at a time. Raises: as `read`."""
        _check_table(version)
        return scan(self._versions, version)

    def sql(self, statement: str) -> Table:
        """The rows that SQL selects from datasets (`flights`) and versions (`"flights@3"`). Raises: as `data.sql.query`."""
        tables = [latest.dataset for latest in self.newest() if not latest.is_files]
        return query(statement, tables, lambda named: self.scan(self.find(named)))

    def verify(self, version: Version, *, progress: PartDone = unseen) -> None:
        """Read every byte of a version again and compare its content with its id.

        Raises: CorruptObject naming what differs.
        """
        if version.is_files:
            self._filesets.verify(version, progress=progress)
            return
        segments = self._manifest(version).segments
        digester = Digester.of(self._versions.segment(version, segments[0]).schema)
        for segment in segments:
            self._versions.check(version, segment)
            digester.add(self._versions.segment(version, segment))
            progress(digester.digest.rows, version.rows)
        found = digester.digest
        if found.id != version.id:
            raise CorruptObject(
                f"{version.node} has id {short(version.id)}, but its rows have {short(found.id)}. Its segments are intact: "
                f"the manifest {short(version.manifest)} was made by another program. Add the data again from its source."
            )

    def checkout(self, version: Version, to: Path, *, links: bool = False, progress: PartDone = unseen) -> None:
        """Write a version out: a table to a Parquet, CSV or TSV file, by its suffix; files to a new directory.

        Args:
            links: hard links to large files in place of copies, unchecked and read-only: they are the store's own bytes.

        Raises: BadData if the suffix is unknown, or its kind of file cannot hold a column. AlreadyExists if the directory
            is there and not empty. CorruptObject as `read`.
        """
        if version.is_files:
            self._filesets.checkout(version, to, links=links, progress=progress)
            return
        segments = self._manifest(version).segments
        schema = self._versions.segment(version, segments[0]).schema
        write_file(to, schema, self._watched(version, segments, progress))

    def contract(self, name: str) -> Contract | None:
        """The contract that appends to a dataset are held to."""
        with self._database.read() as connection:
            digest = refs.get(connection, _contract_ref(name))
        return _contract_of(self._objects, digest)

    def set_contract(self, name: str, contract: Contract, *, actor: str = "local") -> Digest:
        """Hold every later append to `contract`; a transaction by itself. Earlier contracts stay in the ref's history."""
        check_name("dataset", name)
        digest = self._objects.put(write_contract(contract))
        with self._database.write() as connection:
            at = self._clock.now()
            if refs.get(connection, _contract_ref(name)) != digest:
                refs.move(connection, _contract_ref(name), digest, at, actor)
                ledger.append(connection, at, ContractSet(actor=actor, dataset=name, contract=digest))
        return digest

    def contract_history(self, name: str) -> list[refs.Move]:
        """Contracts of a dataset by digest, newest first."""
        with self._database.read() as connection:
            return refs.history(connection, _contract_ref(name))

    def blocks(self, names: Sequence[str]) -> list[Quarantine]:
        """Blocked appends to these datasets that nobody has repaired or dismissed, newest first."""
        with self._database.read() as connection:
            return queries.blocks(connection, names)

    def dismiss(self, block_id: str, why: str, *, actor: str = "local") -> Quarantine:
        """Settle a block without its rows; a transaction by itself.

        Raises: NotFound if there is no such block. UserError if it is settled already, or no reason is given.
        """
        if not why.strip():
            raise UserError(f"Say why {block_id} can be dismissed: the reason is kept in the audit log.")
        with self._database.write() as connection:
            found = queries.quarantine_by_id(connection, block_id)
            if found is None or not found.is_block:
                raise NotFound(f"No blocked append has the id {block_id!r}.")
            if found.resolved_at is not None:
                raise UserError(f"{block_id} was settled at {iso(found.resolved_at)}: {found.resolution}.")
            return resolve(connection, found, f"dismissed: {why}", self._clock.now(), actor)

    def quarantined(self, name: str) -> list[Quarantine]:
        """Whatever contracts kept out of a dataset, settled or not, newest first."""
        with self._database.read() as connection:
            return queries.quarantines(connection, name)

    def quarantined_rows(self, quarantine_id: str) -> Table:
        """The rows that were kept out.

        Raises: NotFound if there is no such quarantine.
        """
        with self._database.read() as connection:
            found = queries.quarantine_by_id(connection, quarantine_id)
        if found is None:
            raise NotFound(f"Nothing in quarantine has the id {quarantine_id!r}.")
        return decode(self._objects.read(found.object))

    def _add(self, offer: Offer, contract: Contract | None) -> Appended:
        check_name("dataset", offer.dataset)
        arrival = offer.arrival
        with self._database.read() as connection:
            known = queries.accepted(connection, arrival)
            head = queries.newest(connection, offer.dataset)
            set_contract = refs.get(connection, _contract_ref(offer.dataset))
        if head is not None:
            check_tabular(head)
        if known is not None and (offer.keeps_history or known == head):
            self._versions.restore(known, offer.rows)
            return Appended(version=known, report=None, is_new=False)
        held_to = contract or _contract_of(self._objects, set_contract)
        verdict = self.guard.judge(offer, held_to, head)
        if verdict is not None and verdict.report.is_blocked:
            self._refuse(offer, verdict)
        rows = offer.rows if verdict is None else verdict.accepted
        report = None if verdict is None else verdict.report
        while True:
            fit = rows if head is None or not offer.keeps_history else fitted(offer.dataset, rows, head.columns)
            draft = self._versions.draft(head, [fit.arrow()], keeps_history=offer.keeps_history)
            rejected = self._objects.put(encode(verdict.rejected)) if verdict and verdict.rejected.rows else None
            with self._database.write() as connection:
                newest = queries.newest(connection, offer.dataset)
                if newest == head:
                    at = self._clock.now()
                    version = commit(connection, arrival, draft, at, verdict=verdict, rejected=rejected)
                    break
                known = queries.accepted(connection, arrival)
            if known is not None:
                return Appended(version=known, report=None, is_new=False)
            head = newest  # another process was faster: build on its version
        self._compaction.after_append(version, draft.content)
        return Appended(version=version, report=report, bytes_added=draft.bytes_added)

    def _refuse(self, offer: Offer, verdict: Verdict) -> None:
        content = self._objects.put(encode(verdict.rejected))
        with self._database.write() as connection:
            block = block_append(connection, offer, verdict.report, content, self._clock.now())
        again = f"send it again with source={offer.source!r}" if offer.source else "send it again mended"
        raise ContractViolated(
            f"Contract {verdict.report.contract!r} blocked {offer.rows.rows} rows for {offer.dataset!r}: "
            f"{verdict.report.reason}. Nothing was added; the rows are in quarantine as {block.id}. Mend the feed and "
            f"{again}, or dismiss the block: homeostat data dismiss {block.id} --why ..."
        )

    def _manifest(self, version: Version) -> Manifest:
        _check_table(version)
        return self._versions.manifest(version)

    def _watched(self, version: Version, segments: Sequence[Segment], progress: PartDone) -> Iterator[pa.Table]:
        done = 0
        for segment in segments:
            yield self._versions.segment(version, segment)
            done += segment.rows
            progress(done, version.rows)

    def _rows(self, version: Version, segments: Sequence[Segment], columns: Sequence[str] | None) -> pa.Table:
        return pa.concat_tables([self._versions.segment(version, segment, columns) for segment in segments])


def _dataset(version: Version, rows: pa.Table) -> Dataset:
    return Dataset(rows, name=version.dataset, version=version.number, origin=(version.node,))


def _check_table(version: Version) -> None:
    if version.is_files:
        raise WrongType(
            f"{version.node} holds files, not a table. Write them out: homeostat data checkout "
            f"{version.dataset}@{version.number} --to DIRECTORY"
        )


def _contract_of(objects: FileObjects, digest: Digest | None) -> Contract | None:
    return None if digest is None else read_contract(objects.read(digest))


def _contract_ref(name: str) -> str:
    return f"contract/{name}"


def _check_columns(version: Version, wanted: Sequence[str]) -> None:
    known = [column.name for column in version.columns]
    missing = [name for name in wanted if name not in known]
    if missing:
        raise MissingColumn(
            f"{version.node} has no column {', '.join(map(repr, missing))}. Its columns are: {', '.join(known)}."
        )
