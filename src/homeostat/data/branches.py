"""Branches: lines of a dataset beside the main one. Numbers of versions stay one sequence; a branch is a name for its newest.

A branch is the ref `branch/DATASET/NAME`, which moves with each append to it. Its versions carry its name until they are merged into
the main line by moving that forward, so that whoever reads the dataset without a label never sees them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection

from homeostat.codec.tables import Table, encode
from homeostat.core.clock import Clock
from homeostat.core.errors import AlreadyExists, ContractViolated, InvalidName, MergeConflict, NotFound, WrongType
from homeostat.core.ids import check_name
from homeostat.data.catalog import lines, tags
from homeostat.data.catalog.lines import MAIN
from homeostat.data.catalog.records import Arrival, Version
from homeostat.data.contracts.validate import validate
from homeostat.data.contracts.verdict import Verdict
from homeostat.data.diffs.comparison import compare
from homeostat.data.facts import BranchMoved
from homeostat.data.files import write_file
from homeostat.data.merging import merged
from homeostat.data.rules import check_tabular, fitted, widened
from homeostat.data.service import Datasets
from homeostat.data.versions import Draft, Versions, commit
from homeostat.store import ledger, refs
from homeostat.store.db import Database
from homeostat.store.objects import ObjectStore


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge came to: the newest version of the line that was merged into, and how it was made."""

    version: Version
    how: Literal["nothing", "forward", "merged"]


class Branches:
    """Branches of the tables of a workspace. Safe for threads and processes.

    `conflicts` is the directory for rows that could not be merged.
    """

    def __init__(
        self, database: Database, objects: ObjectStore, clock: Clock, datasets: Datasets, conflicts: Path
    ) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock
        self._datasets = datasets
        self._versions = Versions(objects)
        self._conflicts = conflicts

    def create(self, version: Version, name: str, *, actor: str = "local") -> None:
        """Begin a branch at a version.

        Raises: InvalidName if it cannot be one. AlreadyExists if the dataset has a branch or tag of this name. WrongType if it
            holds files.
        """
        check_tabular(version)
        if name == MAIN or name.isdecimal():
            raise InvalidName(
                f"{name!r} cannot be a branch: it names {'the main line' if name == MAIN else 'a version'}. Choose another name."
            )
        check_name("branch", name)
        with self._database.write() as connection:
            if (
                lines.head(connection, self._objects, version.dataset, name) is not None
                or tags.tagged(connection, self._objects, version.dataset, name) is not None
            ):
                raise AlreadyExists(f"{version.dataset!r} has a branch or tag {name!r} already. Choose another name.")
            self._point(connection, version, name, actor)

    def all(self, dataset: str) -> dict[str, Version]:
        """The newest version of each branch, by name.

        Raises: NotFound if there is no such dataset.
        """
        self._datasets.version(dataset)
        with self._database.read() as connection:
            heads = {
                name: lines.head(connection, self._objects, dataset, name) for name in lines.names(connection, dataset)
            }
        return {name: head for name, head in heads.items() if head is not None}

    def delete(self, dataset: str, name: str, *, actor: str = "local") -> Version:
        """Take the name away; its versions stay, by their numbers. The last of them is returned.

        Raises: NotFound naming the branches there are.
        """
        version = self.head(dataset, name)
        with self._database.write() as connection:
            refs.drop(connection, lines.ref(dataset, name))
            fact = BranchMoved(actor=actor, dataset=dataset, branch=name, version=None)
            ledger.append(connection, self._clock.now(), fact)
        return version

    def head(self, dataset: str, name: str) -> Version:
        """The newest version of a branch, or of the main line.

        Raises: NotFound naming the branches there are.
        """
        found = self.all(dataset)
        if name != MAIN and name not in found:
            raise NotFound(
                f"Dataset {dataset!r} has no branch {name!r}. There are: {', '.join([MAIN, *found])}. Begin it: homeostat data "
                f"branch {dataset} {name}"
            )
        return self._datasets.version(dataset) if name == MAIN else found[name]

    def append(self, dataset: str, name: str, rows: Any, *, source: str = "", actor: str = "local") -> Version:
        """Add rows to a branch; the contract of the dataset holds.

        Raises: NotFound. ContractViolated if the contract refuses them: they are not kept. MissingColumn, WrongType or BadData
            if they do not fit.
        """
        return self._add(dataset, name, Table.of(rows), source=source, actor=actor, keeps_history=True)

    def replace(self, dataset: str, name: str, rows: Any, *, source: str = "", actor: str = "local") -> Version:
        """Make `rows` the whole content of a branch. Else as `append`; columns may differ."""
        return self._add(dataset, name, Table.of(rows), source=source, actor=actor, keeps_history=False)

    def _add(self, dataset: str, name: str, offered: Table, *, source: str, actor: str, keeps_history: bool) -> Version:
        head = self.head(dataset, name)
        verdict = self._judged(head, name, offered)
        accepted = offered if verdict is None else verdict.accepted
        rejected = self._objects.put(encode(verdict.rejected)) if verdict and verdict.rejected.rows else None
        arrival = Arrival(
            dataset=dataset,
            offered=offered.digest,
            source=source,
            actor=actor,
            origin=offered.origin,
            keeps_history=keeps_history,
        )
        while True:
            fit = fitted(dataset, accepted, head.columns) if keeps_history else accepted
            draft = self._versions.draft(head, [fit.arrow()], keeps_history=keeps_history)
            with self._database.write() as connection:
                if lines.head(connection, self._objects, dataset, name) == head:
                    at = self._clock.now()
                    version = commit(connection, arrival, draft, at, verdict=verdict, rejected=rejected, branch=name)
                    self._point(connection, version, name, actor)
                    return version
            head = self.head(dataset, name)  # another process was faster: build on its version

    def _judged(self, head: Version, name: str, offered: Table) -> Verdict | None:
        contract = self._datasets.contract(head.dataset)
        if contract is None:
            return None
        wanted = {column.name: column.type for column in head.columns} | contract.types
        verdict = validate(widened(offered, wanted), contract)
        if verdict.report.is_blocked:
            raise ContractViolated(
                f"Contract {contract.name!r} blocked {offered.rows} rows for {head.dataset}@{name}: {verdict.report.reason}. "
                f"Nothing was added or kept. Mend the rows and append them again."
            )
        return verdict

    def merge(
        self, dataset: str, name: str, *, into: str = MAIN, key: Sequence[str] = (), actor: str = "local"
    ) -> Merge:
        """Bring what was done on a branch into the main line, or into another branch.

        If nothing was done there meanwhile, its name moves forward to the branch's newest version. Else both sides' changes since
        the version they began with make a new version.

        Args:
            key: columns that name a row; without it a row is its values.

        Raises: NotFound. MergeConflict with the rows, which are in a file too. WrongType if the columns differ. BadData if the key
            does not name rows.
        Cost: that of two diffs; holds the rows of the line that is merged into.
        """
        while True:
            ours, theirs = self.head(dataset, into), self.head(dataset, name)
            with self._database.read() as connection:
                parents = lines.parents(connection, dataset)
            before = _ancestors(parents, ours.number), _ancestors(parents, theirs.number)
            if theirs.number in before[0]:
                return Merge(version=ours, how="nothing")
            is_forward = ours.number in before[1]
            draft = None if is_forward else self._draft(max(before[0] & before[1]), ours, theirs, key, (name, into))
            with self._database.write() as connection:
                if [lines.head(connection, self._objects, dataset, line) for line in (into, name)] != [ours, theirs]:
                    continue  # another process was faster: look again
                if draft is None:
                    return Merge(version=self._forward(connection, before, theirs, into, actor), how="forward")
                arrival = Arrival(
                    dataset=dataset, offered=draft.content.digest.id, source="", actor=actor, keeps_history=False
                )
                version = commit(
                    connection,
                    arrival,
                    draft,
                    self._clock.now(),
                    verdict=None,
                    rejected=None,
                    branch="" if into == MAIN else into,
                    merged=theirs,
                )
                if into != MAIN:
                    self._point(connection, version, into, actor)
                return Merge(version=version, how="merged")

    def _draft(self, base: int, ours: Version, theirs: Version, key: Sequence[str], names: tuple[str, str]) -> Draft:
        began = self._datasets.version(ours.dataset, base)
        if not began.columns == ours.columns == theirs.columns:
            raise WrongType(
                f"{ours.name} and {theirs.name} cannot be merged: their columns, or those of {began.name} with which both began, "
                f"differ. Bring them to the same columns first: homeostat data diff {ours.dataset} {ours.number} {theirs.number}"
            )
        diffs = [compare(self._versions, began, side, key) for side in (ours, theirs)]
        found = merged(self._datasets.read(ours).arrow(), *diffs)
        if found.conflicts.num_rows:
            raise self._conflict(ours, theirs, key, names, found.conflicts)
        return self._versions.draft(ours, [found.rows], keeps_history=False)

    def _conflict(
        self, ours: Version, theirs: Version, key: Sequence[str], names: tuple[str, str], rows: Any
    ) -> MergeConflict:
        self._conflicts.mkdir(parents=True, exist_ok=True)
        path = self._conflicts / f"{ours.dataset}-{ours.number}-{theirs.number}.parquet"
        write_file(path, rows.schema, [rows])
        shown = "; ".join(
            ", ".join(f"{name}={value!r}" for name, value in row.items()) for row in rows.slice(0, 4).to_pylist()
        )
        why = (
            f"both did something else to rows with the same {', '.join(key)}"
            if key
            else "both added or removed equal rows, which may be one change or two: say --key"
        )
        return MergeConflict(
            f"{names[0]!r} ({theirs.name}) cannot be merged into {names[1]!r} ({ours.name}): {why}. {shown}"
            f"{'; ...' if rows.num_rows > 4 else ''}. All {rows.num_rows} are in {path}. Nothing was changed; settle them on the "
            f"branch and merge again."
        )

    def _forward(
        self, connection: Connection, before: tuple[set[int], set[int]], theirs: Version, into: str, actor: str
    ) -> Version:
        """Let a line have what it lacks of the ancestors of `theirs`."""
        if into == MAIN:
            lines.take_into_main(connection, theirs.dataset, before[1] - before[0])
            refs.move(connection, f"dataset/{theirs.dataset}", theirs.manifest, self._clock.now(), actor)
            return msgspec.structs.replace(theirs, branch="")
        self._point(connection, theirs, into, actor)
        return theirs

    def _point(self, connection: Connection, version: Version, name: str, actor: str) -> None:
        at = self._clock.now()
        target = self._objects.put(tags.record(version))
        refs.move(connection, lines.ref(version.dataset, name), target, at, actor)
        fact = BranchMoved(actor=actor, dataset=version.dataset, branch=name, version=version.number)
        ledger.append(connection, at, fact)


def _ancestors(parents: dict[int, tuple[int, ...]], number: int) -> set[int]:
    """A version and all it came from."""
    found, left = {number}, [number]
    while left:
        fresh = [parent for parent in parents[left.pop()] if parent not in found]
        found.update(fresh)
        left.extend(fresh)
    return found
