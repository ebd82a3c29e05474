"""The objects of a version: what it cannot do without, and all that it leads to."""

import msgspec

from homeostat.core.digests import Digest
from homeostat.core.errors import CorruptObject, HomeostatError
from homeostat.data.records import Manifest, Version
from homeostat.data.tree import FilesManifest
from homeostat.store.objects import FileObjects
from homeostat.store.retention.mentions import Mentions


def objects_of(version: Version, mentions: Mentions) -> set[Digest]:
    """Digests that the manifest of a version leads to: its objects, and whatever else has a digest in them.

    It follows digests in JSON, so that it stands whatever the manifests of tables and files come to hold.
    """
    return mentions.reached([version.manifest])


def needed_by(version: Version, objects: FileObjects) -> frozenset[Digest]:
    """The objects without which a version cannot be read, as far as its manifest names them.

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
    return frozenset({version.manifest, *files.named})
