"""Objects that mend themselves: what is missing or damaged here is fetched from a remote that has it."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from homeostat.core.digests import Digest, short
from homeostat.core.errors import CorruptObject, HomeostatError, NotFound, Unavailable
from homeostat.store.objects.files import FileObjects
from homeostat.store.objects.remote import Remote

_log = logging.getLogger(__name__)


class HealingObjects(FileObjects):
    """FileObjects that ask remotes for what they lost. What `path` gives is there, but unchecked, as ever.

    Args:
        remotes: to ask, in this order; called when something is lost for the first time.
    """

    def __init__(self, root: Path, remotes: Callable[[], Sequence[Remote]]) -> None:
        super().__init__(root)
        self._remotes = remotes

    def __reduce__(self) -> tuple[type[FileObjects], tuple[Path]]:
        """A process of a step is sent what needs no project: it reads what is here, and mending is left to its parent."""
        return FileObjects, (self._root,)

    def read(self, digest: Digest) -> bytes:
        try:
            return super().read(digest)
        except (NotFound, CorruptObject) as lost:
            heal(self, digest, self._remotes(), lost)
            return super().read(digest)

    def path(self, digest: Digest) -> Path:
        try:
            return super().path(digest)
        except NotFound as lost:
            heal(self, digest, self._remotes(), lost)
            return super().path(digest)

    def check(self, digest: Digest) -> None:
        try:
            super().check(digest)
        except (NotFound, CorruptObject) as lost:
            heal(self, digest, self._remotes(), lost)


def heal(objects: FileObjects, digest: Digest, remotes: Sequence[Remote], lost: HomeostatError) -> Remote:
    """Fetch an object that is `lost` here from the first remote that has it whole; says so in the log.

    Raises: what `lost` is, with what each remote said.
    """
    said = []
    for remote in remotes:
        try:
            objects.receive(digest, remote.fetch(digest))
        except (NotFound, CorruptObject, Unavailable) as error:
            said.append(error.message)
        else:
            _log.warning("Object %s was lost here and came back from %s: %s", short(digest), remote.url, lost.message)
            return remote
    raise type(lost)(" ".join([lost.message, *said])) from lost
