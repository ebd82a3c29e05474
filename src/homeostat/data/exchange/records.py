"""What stands on a remote about the datasets of a project.

The project's document names for each dataset its history, an object; the history names for each version its inventory, an object that
lists every object of the version. So a remote that has the document has all of it, and nobody has to know manifests to fetch,
keep or mend them.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from homeostat.core.digests import Digest
from homeostat.data.catalog.records import Version
from homeostat.data.contracts.report import Report
from homeostat.store.lineage import Edge

# Told how many bytes are done, and of how many.
Progress = Callable[[int, int], None]


class Item(msgspec.Struct, frozen=True, array_like=True):
    """An object of a version."""

    digest: Digest
    size_bytes: int


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """A version as a remote knows it.

    Attributes:
        edges: what it was made from.
        inventory: the object that lists its objects; None if its contents are not there.
    """

    version: Version
    edges: tuple[Edge, ...]
    report: Report | None
    inventory: Digest | None


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset on a remote.

    Attributes:
        history: the object with its versions, oldest first.
        refs: tags, contract and other names of the dataset, as in the project.
    """

    history: Digest
    refs: dict[str, Digest]


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """The document of a project."""

    datasets: dict[str, Directory]
    format: Literal["datasets-1"] = "datasets-1"


class Exchanged(msgspec.Struct, frozen=True, kw_only=True):
    """What a push or pull did.

    Attributes:
        versions: names of versions whose contents are now on the other side too.
        objects, bytes: that travelled.
        refs_kept: names that point elsewhere on the other side, and still do.
    """

    remote: str
    versions: tuple[str, ...]
    objects: int
    bytes: int
    refs_kept: tuple[str, ...] = ()
