"""Importing from a source, and updating what was imported: only what has changed there is fetched.

A dataset's source is the ref `source/DATASET` to an object that holds its address and the state in which it was last fetched; the
ref's history is that of the source. The version is committed first and the state after it: killed in between, an update fetches
once more and finds the rows that are there.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa

from homeostat.codec.tables import Table
from homeostat.core.clock import Clock
from homeostat.core.digests import Digest, canonical_json, digest_of, short
from homeostat.core.errors import BadData, NotFound
from homeostat.core.ids import check_name
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Appended, Version
from homeostat.data.facts import SourceFetched
from homeostat.data.imports import Progress, unwatched
from homeostat.data.service import Datasets
from homeostat.data.sources.address import conceal
from homeostat.data.sources.opening import open_source, settled
from homeostat.data.sources.ports import Fetched
from homeostat.data.sources.records import Origin, Outcome, Remembered, Updated
from homeostat.store import ledger, refs
from homeostat.store.db import Database
from homeostat.store.objects import ObjectStore
from homeostat.store.objects.files import alone

_PREFIX = "source/"


class Sources:
    """Where the datasets of a workspace come from. Safe for threads and processes: of two that fetch from one address, one waits."""

    def __init__(
        self, database: Database, objects: ObjectStore, clock: Clock, datasets: Datasets, root: Path, folder: Path
    ) -> None:
        """Use `workspace.sources`. `root` is the project's; `folder` is for downloads, and losing it costs time only."""
        self._database = database
        self._objects = objects
        self._clock = clock
        self._datasets = datasets
        self._root = root.resolve()
        self._folder = folder

    def import_url(
        self, dataset: str, origin: Origin, *, actor: str = "local", progress: Progress = unwatched
    ) -> Updated:
        """Make what a source holds the next version of a dataset, if it differs from the last, and remember the source.

        Args:
            origin: a path, an http, https or s3 URL, a lake table, or a query with its database; see `docs/data.md`.
            progress: told the number of rows so far.

        Raises: UserError if it holds a credential. NotFound, BadData, Unavailable as `Source.fetch`. ContractViolated if the
            dataset's contract refuses the rows; the source is not remembered then.
        Cost: that of `update` if the dataset comes from there already.
        """
        check_name("dataset", dataset)
        wanted = settled(origin, self._root)
        with self._alone(wanted):
            known = self._find(dataset)
            if known is not None and (known.origin.uri, known.origin.sql) == (wanted.uri, wanted.sql):
                return self._take(msgspec.structs.replace(known, origin=wanted), actor, progress)
            return self._take(Remembered(dataset=dataset, origin=wanted, state={}, version=0), actor, progress)

    def update(self, dataset: str, *, actor: str = "local", progress: Progress = unwatched) -> Updated:
        """Fetch what has changed at a dataset's source, if anything.

        Raises: NotFound if the dataset has none. Else as `import_url`.
        """
        known = self.source(dataset)
        with self._alone(known.origin):
            return self._take(self.source(dataset), actor, progress)

    def append(self, dataset: str, origin: Origin, *, actor: str = "local") -> Appended:
        """Add what a source holds to a dataset, once, without remembering it. Raises as `import_url`."""
        wanted = settled(origin, self._root)
        with self._alone(wanted):
            fetched = open_source(wanted, self._root, self._folder).fetch({})
            assert fetched.rows is not None
            with _named(wanted, fetched):
                appended = self._datasets.import_batches(
                    dataset, fetched.rows, source=wanted.at(fetched.state), actor=actor
                )
            if fetched.spool is not None:
                fetched.spool.clear()
        return appended

    def source(self, dataset: str) -> Remembered:
        """Where a dataset comes from.

        Raises: NotFound if that is not remembered.
        """
        found = self._find(dataset)
        if found is None:
            self._datasets.version(dataset)  # if there is no such dataset, that is what to say
            raise NotFound(f"Dataset {dataset!r} has no source. Give it one: homeostat data import-url {dataset} URI")
        return found

    def sources(self) -> list[Remembered]:
        """Every source that is remembered, by dataset."""
        with self._database.read() as connection:
            found = refs.under(connection, _PREFIX)
        return [self._read(digest) for digest in found.values()]

    def _find(self, dataset: str) -> Remembered | None:
        with self._database.read() as connection:
            digest = refs.get(connection, _PREFIX + dataset)
        return None if digest is None else self._read(digest)

    def _read(self, digest: Digest) -> Remembered:
        return msgspec.json.decode(self._objects.read(digest), type=Remembered)

    def _alone(self, origin: Origin) -> AbstractContextManager[None]:
        """Two that write one download, or read it while it is begun again, would take halves of it for the whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return alone(self._folder / f"{short(digest_of(origin.uri))}.lock")

    def _take(self, known: Remembered, actor: str, progress: Progress) -> Updated:
        source = open_source(known.origin, self._root, self._folder)
        head = self._head(known.dataset)
        fetched = source.fetch(known.state)
        if fetched.is_rest and (head is None or head.number != known.version):
            # Others added to the dataset: the rest alone would not make it what the source holds.
            fetched = source.fetch({})
        if fetched.rows is None:
            kept, bytes_added = self._datasets.version(known.dataset, known.version), 0
            outcome: Outcome = "not changed"
        else:
            kept, outcome, bytes_added = self._keep(known, fetched, head, actor, progress)
        self._remember(msgspec.structs.replace(known, state=fetched.state, version=kept.number), actor)
        if fetched.spool is not None:
            fetched.spool.clear()
        return Updated(
            dataset=known.dataset,
            uri=known.origin.name,
            outcome=outcome,
            version=kept.number,
            id=kept.id,
            rows=kept.rows,
            bytes_fetched=fetched.bytes_fetched,
            bytes_added=bytes_added,
            state=fetched.state,
        )

    def _keep(
        self, known: Remembered, fetched: Fetched, head: Version | None, actor: str, progress: Progress
    ) -> tuple[Version, Outcome, int]:
        assert fetched.rows is not None
        source = known.origin.at(fetched.state)
        with _named(known.origin, fetched):
            if self._datasets.contract(known.dataset) is None:
                added = self._datasets.import_batches(
                    known.dataset,
                    fetched.rows,
                    source=source,
                    replace=not fetched.is_rest,
                    actor=actor,
                    progress=progress,
                )
                return added.version, "new version" if added.is_new else "same rows", added.bytes_added
            rows = Table.of(fetched.rows.read_all())
        if head is not None and not fetched.is_rest and rows.digest in (head.id, head.offered):
            return head, "same rows", 0
        add = self._datasets.append if fetched.is_rest else self._datasets.replace
        added = add(known.dataset, rows, source=source, actor=actor)
        return added.version, "new version" if added.is_new else "same rows", added.bytes_added

    def _head(self, dataset: str) -> Version | None:
        with self._database.read() as connection:
            return queries.newest(connection, dataset)

    def _remember(self, known: Remembered, actor: str) -> None:
        """Keep a source's state; nothing is written if it is that already."""
        digest = self._objects.put(canonical_json(known))
        with self._database.write() as connection:
            at = self._clock.now()
            if refs.get(connection, _PREFIX + known.dataset) != digest:
                refs.move(connection, _PREFIX + known.dataset, digest, at, actor)
                ledger.append(
                    connection,
                    at,
                    SourceFetched(
                        actor=actor,
                        dataset=known.dataset,
                        source=known.origin.name,
                        state=known.state,
                        version=known.version,
                    ),
                )


@contextmanager
def _named(origin: Origin, fetched: Fetched) -> Iterator[None]:
    """Errors while rows are read name the address, not where its download lies."""
    try:
        yield
    except BadData as error:
        raise type(error)(_addressed(error.message, origin, fetched)) from error
    except (pa.ArrowException, OSError) as error:
        raise BadData(f"{origin.name} cannot be read: {_addressed(str(error), origin, fetched)}.") from error


def _addressed(message: str, origin: Origin, fetched: Fetched) -> str:
    if fetched.spool is not None:
        message = message.replace(str(fetched.spool.path), origin.name)
    return conceal(message, origin.uri)
