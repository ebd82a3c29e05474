"""What a run needs of others."""

from collections.abc import Mapping
from typing import Any, Protocol

from homeostat.core.digests import Digest
from homeostat.store.objects import ObjectStore
from homeostat.track.spool import Spool


class Destination(Protocol):
    """Where runs go. Called from the run's own threads."""

    @property
    def objects(self) -> ObjectStore:
        """Where the contents of artifacts go."""
        ...

    def ship(self, spool: Spool) -> bool:
        """Take what is new in a spool.

        Returns: whether all of it is where it belongs, so that the file may be deleted.
        Raises: anything, if that cannot be done now; it is tried again.
        """
        ...

    def capture(self) -> Mapping[str, Any]:
        """What surrounds this process, JSON-like; `code` and `environment` are digests. Empty if it is not captured."""
        ...

    def encode_model(self, model: Any, example: Any, code: Digest) -> bytes:
        """A model file (`codec.models`).

        Args:
            model: an `hs.Model`, or an estimator.
            example: rows it takes, or None.
            code: digest of the code tree it was trained from; may be empty.
        """
        ...
