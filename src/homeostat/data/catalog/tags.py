"""Tags: names for versions of a dataset, as people say them (`flights@2013-q1`). A tag can move; its history is kept.

A tag is the ref `tag/DATASET/NAME` to an object that says which version it names.
"""

import msgspec
from sqlalchemy import Connection

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest, canonical_json
from homeostat.core.errors import InvalidName
from homeostat.core.ids import check_name
from homeostat.data.catalog.records import Version
from homeostat.data.facts import DatasetTagged
from homeostat.store import ledger, refs
from homeostat.store.objects import ObjectStore


class Tagged(msgspec.Struct, frozen=True, kw_only=True):
    """What a tag points at."""

    dataset: str
    number: int
    id: Digest


def split(named: str) -> tuple[str, str]:
    """Dataset and label of `flights`, `flights@3` or `flights@2013-q1`; the label is empty for the latest version."""
    dataset, _, label = named.partition("@")
    return dataset, label


def check_tag(tag: str) -> str:
    """Raises: InvalidName if it cannot be a tag: digits alone are a version's number."""
    if tag == "main":
        raise InvalidName("'main' cannot be a tag: it names the main line of a dataset. Choose another name.")
    if tag.isdecimal():
        raise InvalidName(f"{tag!r} cannot be a tag: it would be taken for version {tag}. Begin it with a letter.")
    return check_name("tag", tag)


def tagged(connection: Connection, objects: ObjectStore, dataset: str, tag: str) -> int | None:
    """Number of the version that a tag names."""
    digest = refs.get(connection, _prefix(dataset) + tag)
    return None if digest is None else read_target(objects, digest).number


def tags(connection: Connection, objects: ObjectStore, dataset: str) -> dict[str, int]:
    """Version number of each tag of a dataset, by name."""
    prefix = _prefix(dataset)
    return {
        name.removeprefix(prefix): read_target(objects, digest).number
        for name, digest in refs.under(connection, prefix).items()
    }


def record(version: Version) -> bytes:
    """The object that a tag on `version` points at."""
    return canonical_json(Tagged(dataset=version.dataset, number=version.number, id=version.id))


def point(connection: Connection, version: Version, tag: str, target: Digest, at: Micros, actor: str) -> None:
    """Let a tag name `version`, in the caller's transaction; nothing happens if it does already.

    Args:
        target: the object with `record(version)`.
    """
    ref = _prefix(version.dataset) + tag
    if refs.get(connection, ref) != target:
        refs.move(connection, ref, target, at, actor)
        ledger.append(
            connection, at, DatasetTagged(actor=actor, dataset=version.dataset, version=version.number, tag=tag)
        )


def _prefix(dataset: str) -> str:
    return f"tag/{dataset}/"


def read_target(objects: ObjectStore, digest: Digest) -> Tagged:
    """What a tag or a branch points at."""
    return msgspec.json.decode(objects.read(digest), type=Tagged)
