"""Giving up the contents of older versions, to save space. The row of such a version stays, and says so.

A version is given up only if nothing speaks of it: no tag or branch, no run, action, model, deployment or decision, in any row.
"""

import re
from collections.abc import Sequence

from sqlalchemy import Connection, update

from homeostat.core.clock import Clock
from homeostat.core.errors import UserError
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Version
from homeostat.data.facts import DataAdded, VersionForgotten
from homeostat.store import ledger
from homeostat.store.db import Database
from homeostat.store.db.schema.data import dataset_versions
from homeostat.store.objects import FileObjects
from homeostat.store.retention.mentions import Row, digests_in, rows

_REF_TABLES = {"refs", "ref_history"}
_NAMED = re.compile(r"(?<![\w.-])[A-Za-z0-9][\w.-]*@[0-9]+(?![\w.-])")
# What a tag points at.
_TAGGED = re.compile(rb'"dataset":"(?P<dataset>[^"]+)".*?"number":(?P<number>[0-9]+)', re.DOTALL)


class Forgetting:
    """Decides which versions of a project can be given up, and gives them up."""

    def __init__(self, database: Database, objects: FileObjects, clock: Clock) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock

    def candidates(self, datasets: Sequence[str], keep_last: int) -> list[Version]:
        """Versions before the last `keep_last` of each dataset that nothing speaks of, and whose contents are still kept.

        The newest of the main line is none, however many versions branches have added after it.

        Raises: UserError if not even the newest is to be kept.
        """
        with self._database.read() as connection:
            return self._candidates(connection, datasets, keep_last)

    def forget(self, datasets: Sequence[str], keep_last: int, *, actor: str) -> list[Version]:
        """Mark the candidates as forgotten, in one transaction; their objects go with the next collection."""
        with self._database.write() as connection:
            found = self._candidates(connection, datasets, keep_last)
            at = self._clock.now()
            for version in found:
                connection.execute(
                    update(dataset_versions)
                    .where(dataset_versions.c.dataset == version.dataset, dataset_versions.c.number == version.number)
                    .values(forgotten_at=at)
                )
            facts = (VersionForgotten(actor=actor, dataset=one.dataset, version=one.number) for one in found)
            ledger.append(connection, at, *facts)
        return found

    def _candidates(self, connection: Connection, datasets: Sequence[str], keep_last: int) -> list[Version]:
        if keep_last < 1:
            raise UserError(f"--keep-last {keep_last} would keep no version. Keep 1 or more.")
        older: list[Version] = []
        for name in datasets:
            newest = queries.newest(connection, name)
            versions = queries.versions(connection, name)[keep_last:]
            older += (version for version in versions if version.forgotten_at is None and version != newest)
        said = (
            {token for row in rows(connection) if not _is_own(row) for token in self._tokens(row)} if older else set()
        )
        return [version for version in older if not said & {version.name, version.id, version.manifest}]

    def _tokens(self, row: Row) -> set[str]:
        """Names of versions and digests that a row speaks of. A ref, such as a tag, speaks through its object."""
        found = {*_NAMED.findall(row.text), *digests_in(row.text)}
        if row.table == "refs":
            for digest in digests_in(row.text):
                content = self._objects.read(digest)
                found |= digests_in(content)
                if said := _TAGGED.search(content):
                    found.add(f"{said['dataset'].decode()}@{said['number'].decode()}")
        return found


def _is_own(row: Row) -> bool:
    """Whether it is only there because versions are: it would speak of every one of them."""
    if row.table in _REF_TABLES:
        # A name that has moved on holds nothing.
        return row.table == "ref_history" or row.values["name"].startswith("dataset/")
    if row.table == "ledger":
        return row.values["kind"] in {DataAdded.kind, VersionForgotten.kind}
    if row.table == "lineage":
        child, parent = row.values["child"], row.values["parent"]
        is_of_other = parent.startswith("dataset:") and parent.partition("@")[0] != child.partition("@")[0]
        return child.startswith("dataset:") and not is_of_other
    return row.table == "dataset_versions"
