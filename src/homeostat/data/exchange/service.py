"""Pushing versions to a remote and pulling them back.

A push sends objects first and moves the project's document last, by compare-and-swap: whatever ends it, the document names only what
is there whole, and the next push goes on where it ended. A pull fetches objects first, each checked against its digest, and writes
rows last, in one transaction for each dataset.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select, update

from homeostat.core.clock import Clock
from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, NotFound, Unavailable
from homeostat.data.catalog import queries, tags
from homeostat.data.catalog.recording import record
from homeostat.data.catalog.records import Version
from homeostat.data.exchange.records import Directory, Exchanged, Index, Item, Progress, Pushed
from homeostat.data.exchange.shelf import (
    agree,
    carry,
    read_history,
    read_index,
    read_inventory,
    send_record,
)
from homeostat.data.retention.contents import needed_by, objects_of
from homeostat.data.retention.kept import check_kept
from homeostat.store import refs
from homeostat.store.db import Database
from homeostat.store.db.schema.data import dataset_versions
from homeostat.store.db.schema.store import lineage as lineage_table
from homeostat.store.db.schema.store import refs as refs_table
from homeostat.store.lineage import Edge
from homeostat.store.objects import FileObjects
from homeostat.store.objects.remote import Remote
from homeostat.store.retention.mentions import Mentions

_SWAPS = 100


class Exchange:
    """Push and pull for one project. Safe for processes and machines: two pushes at once both succeed.

    Args:
        project: under which its datasets stand on remotes; copies of a project have one name, other projects have others.
    """

    def __init__(self, database: Database, objects: FileObjects, clock: Clock, project: str) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock
        self._project = project

    def push(self, remote: Remote, versions: Sequence[Version], progress: Progress) -> Exchanged:
        """Send the contents of versions, and the names and history of their datasets.

        Args:
            versions: the others of a dataset stand on the remote as rows without contents.

        Raises: NotFound if one of them is forgotten. CorruptObject if one is damaged here. AlreadyExists if the remote has
            another version of the same number. Unavailable.
        Cost: objects that the remote lacks travel; of a version that is there, nothing is read.
        """
        pushing = _Push(self._database, self._objects, remote, progress)
        wanted: dict[str, list[Version]] = {}
        for version in versions:
            check_kept(version)
            wanted.setdefault(version.dataset, []).append(version)
        for _ in range(_SWAPS):
            index, tag = read_index(remote, self._project)
            changed = {name: pushing.dataset(name, of, index.datasets.get(name)) for name, of in wanted.items()}
            merged = Index(datasets={**index.datasets, **changed})
            if merged == index or remote.swap(self._project, msgspec.json.encode(merged), tag):
                return Exchanged(
                    remote=remote.url,
                    versions=tuple(version.name for version in versions),
                    objects=pushing.objects,
                    bytes=pushing.bytes,
                )
        raise Unavailable(
            f"Others pushed to {remote.url} {_SWAPS} times meanwhile. What was sent is there; push again when it is quieter."
        )

    def pull(self, remote: Remote, dataset: str, label: str, progress: Progress, *, check: bool = False) -> Exchanged:
        """Fetch versions with their contents, and the names and history of their datasets.

        Args:
            dataset: one of the project's on the remote; empty for all.
            label: number or tag of a version; empty for all.
            check: read what is here too, and mend what is damaged.

        Raises: NotFound saying what there is. AlreadyExists as `push`. CorruptObject if an object is damaged there.
        """
        index, _ = read_index(remote, self._project)
        names = [dataset] if dataset else sorted(index.datasets)
        done = [self._pull(remote, index, name, label, progress, check=check) for name in names]
        return Exchanged(
            remote=remote.url,
            versions=tuple(name for one in done for name in one.versions),
            objects=sum(one.objects for one in done),
            bytes=sum(one.bytes for one in done),
            refs_kept=tuple(name for one in done for name in one.refs_kept),
        )

    def held(self, remote: Remote, dataset: str) -> set[int]:
        """Numbers of the versions of a dataset whose contents the remote has.

        Raises: CorruptObject or Unavailable if it cannot be read.
        """
        there = read_index(remote, self._project)[0].datasets.get(dataset)
        history = read_history(remote, there.history) if there else []
        return {one.version.number for one in history if one.inventory is not None}

    def names(self, remote: Remote) -> list[str]:
        """Datasets of the project that the remote has."""
        return sorted(read_index(remote, self._project)[0].datasets)

    def _pull(
        self, remote: Remote, index: Index, name: str, label: str, progress: Progress, *, check: bool
    ) -> Exchanged:
        directory = index.datasets.get(name)
        if directory is None:
            raise NotFound(
                f"{remote.url} has no dataset {name!r} of project {self._project!r}. It has: "
                f"{', '.join(sorted(index.datasets)) or 'none'}."
            )
        history = read_history(remote, directory.history)
        with self._database.read() as connection:
            agree(name, queries.versions(connection, name), history, remote.url)
        number = self._number(remote, name, label, directory)
        chosen = [one for one in history if one.inventory and number in (None, one.version.number)]
        if number is not None and not chosen:
            raise NotFound(
                f"{remote.url} has no contents of {name}@{number}. It has those of: "
                f"{', '.join(str(one.version.number) for one in history if one.inventory) or 'none'}."
            )
        items = {item for one in chosen if one.inventory for item in read_inventory(remote, one.inventory)}
        targets = [Item(digest, 0) for digest in directory.refs.values()]
        objects, size = carry([*items, *targets], lambda digest: self._fetch(remote, digest, check=check), progress)
        with self._database.write() as connection:
            here = queries.versions(connection, name)
            agree(name, here, history, remote.url)
            self._write(connection, here, history, {one.version.number for one in chosen})
            kept = self._name(connection, directory)
        names = tuple(one.version.name for one in chosen)
        return Exchanged(remote=remote.url, versions=names, objects=objects, bytes=size, refs_kept=tuple(kept))

    def _number(self, remote: Remote, name: str, label: str, directory: Directory) -> int | None:
        if not label or label.isdecimal():
            return int(label) if label else None
        target = directory.refs.get(f"tag/{name}/{label}")
        if target is None:
            raise NotFound(f"{remote.url} has no tag {label!r} of dataset {name!r}.")
        self._fetch(remote, target, check=False)
        return msgspec.json.decode(self._objects.read(target), type=tags.Tagged).number

    def _fetch(self, remote: Remote, digest: Digest, *, check: bool) -> int:
        """Bytes that travelled to have an object here."""
        if self._objects.has(digest):
            try:
                if check:
                    self._objects.check(digest)
            except CorruptObject:
                pass
            else:
                return 0
        self._objects.receive(digest, remote.fetch(digest))
        return self._objects.path(digest).stat().st_size

    def _write(
        self, connection: Connection, here: Sequence[Version], history: Sequence[Pushed], fetched: set[int]
    ) -> None:
        known = {version.number: version for version in here}
        for one in history:
            mine, has_contents = known.get(one.version.number), one.version.number in fetched
            if mine is None:
                at = None if has_contents else self._clock.now()
                record(connection, msgspec.structs.replace(one.version, forgotten_at=at), one.edges, one.report)
            elif mine.forgotten_at is not None and has_contents:
                connection.execute(
                    update(dataset_versions)
                    .where(dataset_versions.c.dataset == mine.dataset, dataset_versions.c.number == mine.number)
                    .values(forgotten_at=None, manifest=one.version.manifest)
                )

    def _name(self, connection: Connection, directory: Directory) -> list[str]:
        """Take over names that are new; those that point elsewhere here."""
        kept = []
        for name, target in directory.refs.items():
            mine = refs.get(connection, name)
            if mine is None:
                refs.move(connection, name, target, self._clock.now())
            elif mine != target:
                kept.append(name)
        return kept


class _Push:
    """One push: remembers between attempts to swap what it has sent."""

    def __init__(self, database: Database, objects: FileObjects, remote: Remote, progress: Progress) -> None:
        self._database = database
        self._objects = objects
        self._remote = remote
        self._progress = progress
        self._mentions = Mentions(objects)
        self._sent: set[Digest] = set()
        self.objects = 0
        self.bytes = 0

    def dataset(self, name: str, wanted: Sequence[Version], there: Directory | None) -> Directory:
        """Send what a dataset's entry in the document will name, and return that entry."""
        history = read_history(self._remote, there.history) if there else []
        pushed = {one.version.number for one in history if one.inventory}
        last = max(version.number for version in wanted)
        with self._database.read() as connection:
            here = queries.versions(connection, name)
            agree(name, here, history, self._remote.url)
            mine = {
                version.number: self._described(connection, version)
                for version in here
                if version.number <= last and version.number not in pushed
            }
            named = _refs_of(connection, name)
        merged = {one.version.number: one for one in history} | mine
        complete = [one.inventory for one in history if one.inventory]
        known = {item.digest for item in read_inventory(self._remote, complete[-1])} if complete else set[Digest]()
        for version in sorted(wanted, key=lambda version: version.number):
            one = merged[version.number]
            if one.inventory is None:
                merged[version.number] = msgspec.structs.replace(one, inventory=self._send(version, known))
        for target in named.values():
            self._carry([Item(target, 0)])
        return Directory(
            history=send_record(self._remote, [merged[number] for number in sorted(merged)]),
            refs={**(there.refs if there else {}), **named},
        )

    def _described(self, connection: Connection, version: Version) -> Pushed:
        made_from = select(lineage_table).where(lineage_table.c.child == version.node)
        return Pushed(
            version=msgspec.structs.replace(version, forgotten_at=None),
            edges=tuple(Edge(row.child, row.parent, row.role) for row in connection.execute(made_from)),
            report=queries.report(connection, version.dataset, version.number),
            inventory=None,
        )

    def _send(self, version: Version, known: set[Digest]) -> Digest:
        """Send what the remote lacks of a version; the object with its inventory."""
        for digest in sorted(needed_by(version, self._objects)):
            try:
                self._objects.path(digest)
            except NotFound as error:
                raise CorruptObject(f"{version.node} cannot be pushed: part of it is lost. {error.message}") from error
        reached = sorted(digest for digest in objects_of(version, self._mentions) if self._objects.has(digest))
        items = [Item(digest, self._objects.path(digest).stat().st_size) for digest in reached]
        self._carry([item for item in items if item.digest not in known])
        return send_record(self._remote, items)

    def _carry(self, items: Sequence[Item]) -> None:
        missing = [item for item in items if item.digest not in self._sent]
        objects, size = carry(missing, lambda digest: self._remote.send(digest, self._objects), self._progress)
        self._sent.update(item.digest for item in missing)
        self.objects += objects
        self.bytes += size


def _refs_of(connection: Connection, dataset: str) -> dict[str, Digest]:
    """Tags, contract and other names of a dataset; not the one that follows its versions."""
    found = connection.execute(select(refs_table.c.name, refs_table.c.digest))
    return {
        row.name: Digest(row.digest)
        for row in found
        if row.name.split("/")[0] != "dataset" and row.name.split("/")[1:2] == [dataset]
    }
