"""Finding versions, by number, tag and branch, and naming them."""

from collections.abc import Sequence

from homeostat.core.clock import Clock
from homeostat.core.errors import AlreadyExists, NotFound
from homeostat.data.catalog import lines, queries, tags
from homeostat.data.catalog.records import Version
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects


class Catalog:
    """The versions of every dataset, of tables and of files. Safe for threads and processes. Loads no library of tables."""

    def __init__(self, database: Database, objects: FileObjects, clock: Clock) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock

    def version(self, name: str, number: int | None = None) -> Version:
        """A version by its number, the latest if None.

        Raises: NotFound saying what there is.
        """
        with self._database.read() as connection:
            found = queries.newest(connection, name) if number is None else queries.by_number(connection, name, number)
            if found is not None:
                return found
            newest = queries.newest(connection, name)
            last = queries.last_number(connection, name)
            known = queries.names(connection)
        if newest is not None:
            raise NotFound(
                f"Dataset {name!r} has no version {number}: its versions are 1 to {last}. List them: homeostat data log {name}"
            )
        there = (
            f"There are: {', '.join(known)}"
            if known
            else "There is none yet; begin one with: homeostat data append NAME FILE"
        )
        raise NotFound(f"No dataset is named {name!r}. {there}.")

    def find(self, named: str) -> Version:
        """The version of `flights`, `flights@3` or `flights@2013-q1`: the latest, one by its number, one by its tag or branch.

        Raises: NotFound saying what there is.
        """
        name, label = tags.split(named)
        if not label or label.isdecimal():
            return self.version(name, int(label) if label else None)
        with self._database.read() as connection:
            number = tags.tagged(connection, self._objects, name, label)
            head = lines.head(connection, self._objects, name, label) if number is None else None
            branches = lines.names(connection, name)
        if head is not None:
            return head
        if number is None:
            raise _no_label(self.version(name), label, self.tags(name), branches)
        return self.version(name, number)

    def tag(self, version: Version, tag: str, *, actor: str = "local") -> None:
        """Let `tag` name a version; a transaction by itself. It may have named another: the ref's history keeps that.

        Raises: InvalidName if it cannot be a tag. AlreadyExists if a branch is called so.
        """
        tags.check_tag(tag)
        target = self._objects.put(tags.record(version))
        with self._database.write() as connection:
            if tag in lines.names(connection, version.dataset):
                raise AlreadyExists(f"{version.dataset!r} has a branch {tag!r}. Choose another name.")
            tags.point(connection, version, tag, target, self._clock.now(), actor)

    def tags(self, name: str) -> dict[str, int]:
        """Version number of each tag of a dataset, by name."""
        with self._database.read() as connection:
            return tags.tags(connection, self._objects, name)

    def versions(self, name: str) -> list[Version]:
        """Every version of a dataset, newest first.

        Raises: NotFound if there is no such dataset.
        """
        with self._database.read() as connection:
            found = queries.versions(connection, name)
        return found or [self.version(name)]

    def names(self) -> list[str]:
        with self._database.read() as connection:
            return queries.names(connection)

    def newest(self) -> list[Version]:
        """The latest version of each dataset, by name."""
        with self._database.read() as connection:
            return queries.catalog(connection)


def _no_label(latest: Version, label: str, known: dict[str, int], branches: Sequence[str]) -> NotFound:
    there = f" Its branches: {', '.join(branches)}." if branches else ""
    return NotFound(
        f"Dataset {latest.dataset!r} has no tag {label!r}. Its tags: {', '.join(known) or 'none'}.{there} Its versions are 1 to "
        f"{latest.number}; tag one: homeostat data tag {latest.dataset} {label} NUMBER"
    )
