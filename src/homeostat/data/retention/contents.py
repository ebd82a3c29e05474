"""The objects of a version: what it cannot do without, and all that it leads to."""

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, HomeostatError, NotFound
from homeostat.data.catalog.records import Version
from homeostat.data.packs import PACKED_BELOW_BYTES
from homeostat.data.records import Manifest
from homeostat.data.tree import FilesManifest, read_shard
from homeostat.store.objects import FileObjects
from homeostat.store.retention.mentions import Mentions, digests_in


def objects_of(version: Version, mentions: Mentions) -> set[Digest]:
    """Digests that the manifest of a version leads to: its objects, and whatever else has a digest in them.

    It follows digests in JSON, so that it stands whatever the manifests of tables and files come to hold.
    """
    return mentions.reached([version.manifest])


def needed_by(version: Version, objects: FileObjects) -> frozenset[Digest]:
    """The objects without which a version cannot be read.

    Raises: CorruptObject if the manifest is lost.
    """
    try:
        content = objects.read(version.manifest)
    except HomeostatError as error:
        raise CorruptObject(
            f"The manifest of {version.node} cannot be read: {error.message} Add the data again from its source."
        ) from error
    if not version.is_files:
        return msgspec.json.decode(content, type=Manifest).objects | {version.manifest}
    files = msgspec.json.decode(content, type=FilesManifest)
    return frozenset({version.manifest, *files.named, *_large(files, objects)})


def _large(files: FilesManifest, objects: FileObjects) -> Iterator[Digest]:
    """Large files that are objects themselves, and what recipes list; what is lost on the way there is named by itself."""
    pieced = {one.content for one in files.pieced}
    for shard in files.tree:
        with suppress(NotFound, CorruptObject):
            for entry in read_shard(objects.read(shard.object)):
                if entry.size >= PACKED_BELOW_BYTES and entry.digest not in pieced:
                    yield entry.digest
    for one in files.pieced:
        with suppress(NotFound, CorruptObject):
            yield from digests_in(objects.read(one.recipe))
