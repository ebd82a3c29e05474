"""The files of a model in MLflow's format as one object: the list of them with their digests, under the digest of that list.

It names a version as the digest of a `ModelFile` names one of ours.
"""

from collections.abc import Mapping

import msgspec

from homeostat.core.digests import Digest, canonical_json
from homeostat.core.errors import CorruptObject

DESCRIPTION = "MLmodel"


class ModelFolder(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a model: path below its root -> digest. A path never leads out."""

    files: dict[str, Digest]


_folders = msgspec.json.Decoder(ModelFolder)


def write_folder(files: Mapping[str, Digest]) -> bytes:
    """The bytes whose digest names a folder of these files."""
    return canonical_json({"files": dict(files)})


def is_folder(content: bytes) -> bool:
    """Whether these bytes are a list of files, and not a `ModelFile`."""
    return content.startswith(b'{"files"')


def read_folder(content: bytes) -> ModelFolder:
    """Raises: CorruptObject if it is none, holds no MLmodel, or names a path that leads out of it."""
    try:
        folder = _folders.decode(content)
    except msgspec.MsgspecError as error:
        raise CorruptObject(f"These {len(content)} bytes are not the list of a model's files ({error}).") from error
    for path in folder.files:
        if "\\" in path or any(part in {"", ".", ".."} for part in path.split("/")):
            raise CorruptObject(
                f"The model names the file {path!r}, which leads out of its folder. Nothing was written."
            )
    if DESCRIPTION not in folder.files:
        raise CorruptObject(
            f"The version holds no file MLmodel, so nothing here can run it. It holds: {', '.join(sorted(folder.files)[:5])}. "
            f"Register a folder that log_model wrote."
        )
    return folder
