"""Tables from files, in batches: they may be larger than memory.

A file is known again by its bytes. One that is the last imported one plus new lines is read from there on; only if the new
lines need other types the whole file is.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from homeostat.codec.table_digest import Digester
from homeostat.codec.table_types import settle
from homeostat.codec.tables import Table
from homeostat.core.clock import Clock
from homeostat.core.errors import BadData, CorruptObject
from homeostat.core.ids import check_name
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Appended, Arrival, Version
from homeostat.data.compaction import Compaction
from homeostat.data.delimited import OtherTypes, has_value
from homeostat.data.files import read_batches
from homeostat.data.growth import look, read_rest
from homeostat.data.records import Imported, Manifest
from homeostat.data.rules import check_tabular, fitted
from homeostat.data.versions import Draft, Versions, commit
from homeostat.store.db import Database

# Told the number of rows so far.
Progress = Callable[[int], None]


def unwatched(_rows: int) -> None:
    """Progress that nobody looks at."""


class _Held(NamedTuple):
    """The newest version of a dataset and what it is made of, as far as the store still knows."""

    head: Version | None
    content: Manifest | None


class Imports:
    """New versions of tables from rows in batches. Safe for threads and processes.

    A version is there when all of it is: whoever is interrupted leaves objects that the next attempt finds written.
    """

    def __init__(self, database: Database, versions: Versions, clock: Clock, compaction: Compaction) -> None:
        self._database = database
        self._versions = versions
        self._clock = clock
        self._compaction = compaction

    def append(
        self, name: str, rows: pa.RecordBatchReader, *, source: str, actor: str, progress: Progress = unwatched
    ) -> Appended:
        """Add rows to a dataset, or begin one, without a contract. Rows that it took before are written again if they were lost.

        Raises: CorruptObject if what the dataset holds was lost, and these rows are not it. MissingColumn, WrongType or BadData if
            they do not fit the dataset.
        Cost: O(rows), each written as it is seen; memory for some blocks.
        """
        head = self._held(name).head
        offered: list[Digester] = []

        def fit() -> Iterator[pa.Table]:
            for batch in _settled(rows, progress):
                if not offered:
                    offered.append(Digester.of(batch.schema))
                offered[0].add(batch)
                yield batch if head is None else fitted(name, Table(batch), head.columns).arrow()

        batches = fit()
        first = next(batches)
        try:
            draft = self._versions.draft(head, _after(first, batches), keeps_history=True)
        except CorruptObject:  # what the dataset holds was lost: perhaps these very rows
            deque(self._versions.lay((), _after(first, batches)), maxlen=0)
            arrival = Arrival(dataset=name, offered=offered[0].digest.id, source=source, actor=actor)
            with self._database.read() as connection:
                known = queries.accepted(connection, arrival)
            if known is None:
                raise
            return Appended(version=known, report=None, is_new=False)
        arrival = Arrival(dataset=name, offered=offered[0].digest.id, source=source, actor=actor)
        bytes_added = draft.bytes_added
        while True:
            with self._database.write() as connection:
                known = queries.accepted(connection, arrival)
                if known is not None:
                    return Appended(version=known, report=None, is_new=False)
                newest = queries.newest(connection, name)
                if newest == head:
                    version = commit(connection, arrival, draft, self._clock.now(), verdict=None, rejected=None)
                    break
            laid, columns, head = draft.laid, [column.name for column in draft.content.digest.columns], newest
            again = (self._versions.rows(segment, columns) for segment in laid)
            draft = self._versions.draft(head, again, keeps_history=True)  # another process was faster
            bytes_added += draft.bytes_added
        self._compaction.after_append(version, draft.content)
        return Appended(version=version, report=None, bytes_added=bytes_added)

    def replace(
        self, name: str, rows: pa.RecordBatchReader, *, source: str, actor: str, progress: Progress = unwatched
    ) -> Appended:
        """Make rows the whole content of a dataset's next version, if they differ from the last, without a contract."""
        head = self._held(name).head
        draft = self._versions.draft(head, _settled(rows, progress), keeps_history=False)
        return self._add(name, draft, source=source, actor=actor, keeps_history=False)

    def file(self, name: str, path: Path, *, actor: str, progress: Progress = unwatched) -> Appended:
        """Make the rows of a file the whole content of a dataset's next version, if they differ from the last.

        Raises: NotFound if there is no such file. BadData if it is not of its kind, or is written to meanwhile.
        Cost: one pass over its bytes. If they are those of the last import, no more; if they are these plus lines, as much
            more as the new lines take.
        """
        head, content = self._held(name)
        before = _stamp(path)
        known = None if content is None else content.imported
        seen = look(path, known)
        if head is not None and content is not None and seen.file == known and self._versions.has(content):
            return Appended(version=head, report=None, is_new=False)
        draft = None
        if seen.is_grown and head is not None and content is not None and known is not None:
            draft = self._grown(head, content, path, known.size_bytes, seen.file, progress)
        keeps_history = draft is not None
        if draft is None:
            draft = self._whole(head, path, seen.file, progress)
        if _stamp(path) != before:
            raise BadData(
                f"{path} was written to while it was read. Nothing was added; add it again when it is at rest."
            )
        return self._add(name, draft, source=path.as_posix(), actor=actor, keeps_history=keeps_history)

    def _whole(self, head: Version | None, path: Path, file: Imported, progress: Progress) -> Draft:
        """The version that has all rows of a file and no others. What is written in types that turn out wrong is left to be swept."""

        def drafted(*, guesses: bool) -> Draft:
            rows = _settled(read_batches(path, guesses=guesses), progress)
            return self._versions.draft(head, rows, keeps_history=False, imported=file)

        try:
            return drafted(guesses=True)
        except OtherTypes:
            return drafted(guesses=False)

    def _grown(
        self, head: Version, content: Manifest, path: Path, offset: int, file: Imported, progress: Progress
    ) -> Draft | None:
        """The version that takes only the lines from `offset` on; None if the file must be read whole."""
        names = [column.name for column in head.columns]
        schema = self._versions.rows(content.segments[0], names).schema
        texts = {
            field.name
            for field in schema
            if field.type == pa.large_string()
            and any(has_value(self._versions.rows(one, [field.name]).column(0)) for one in content.segments)
        }
        rows = _counted(read_rest(path, offset, schema, texts), progress)
        try:
            first = next(rows, None)
            if first is None:
                return None
            return self._versions.draft(head, _after(first, rows), keeps_history=True, imported=file)
        except (OtherTypes, BadData, CorruptObject):
            return None  # reading it all finds the types, or says in which line of the file an error is

    def _add(self, name: str, draft: Draft, *, source: str, actor: str, keeps_history: bool) -> Appended:
        """Commit a draft that holds all rows, whatever was added meanwhile."""
        found = draft.content.digest.id
        arrival = Arrival(dataset=name, offered=found, source=source, actor=actor, keeps_history=keeps_history)
        with self._database.write() as connection:
            newest = queries.newest(connection, name)
            if newest is None or newest.id != found:
                draft = msgspec.structs.replace(draft, parent=newest)
                version = commit(connection, arrival, draft, self._clock.now(), verdict=None, rejected=None)
                newest = None
        if newest is not None:
            known = self._versions.known(newest)
            if draft.content.imported is not None or known is None or not self._versions.has(known):
                # What was lost is there again, and this file will be known again.
                self._compaction.swap(newest, draft.content)
            return Appended(version=newest, report=None, is_new=False, bytes_added=draft.bytes_added)
        self._compaction.after_append(version, draft.content)
        return Appended(version=version, report=None, bytes_added=draft.bytes_added)

    def _held(self, name: str) -> _Held:
        check_name("dataset", name)
        with self._database.read() as connection:
            head = queries.newest(connection, name)
        if head is None:
            return _Held(None, None)
        check_tabular(head)
        return _Held(head, self._versions.known(head))


def _settled(reader: pa.RecordBatchReader, progress: Progress) -> Iterator[pa.Table]:
    """The rows in settled types; a table without rows if there are none."""
    tables = _counted((settle(pa.Table.from_batches([batch])) for batch in reader), progress)
    yield next(tables, settle(reader.schema.empty_table()))
    yield from tables


def _counted(tables: Iterable[pa.Table], progress: Progress) -> Iterator[pa.Table]:
    rows = 0
    for table in tables:
        rows += table.num_rows
        progress(rows)
        yield table


def _after(first: pa.Table, others: Iterable[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from others


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
