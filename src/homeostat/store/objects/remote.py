"""What a remote can do: hold objects of many projects, and for each project one document that says what of it is there.

`tests/contract/test_remotes.py` holds each implementation to it.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from homeostat.core.digests import Digest
from homeostat.core.errors import InvalidDeclaration
from homeostat.store.objects.files import FileObjects
from homeostat.store.objects.port import Entry


class Location(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a remote is, as it stands in `homeostat.toml`. Never holds a secret.

    Attributes:
        url: `file:///path` or `s3://bucket/prefix`.
        endpoint: of a server that speaks S3, if it is not Amazon's.
        region: of the bucket; empty: from AWS_REGION.
    """

    url: str
    endpoint: str = ""
    region: str = ""


def check_location(location: Location) -> None:
    """Raises: InvalidDeclaration saying what is wrong with the address."""
    parts = urlsplit(location.url)
    if parts.username or parts.password or parts.query:
        # The address is not repeated: a message ends up in logs.
        raise InvalidDeclaration(
            "The address of a remote holds a name, password or query. Secrets stay out of homeostat.toml: give an address "
            "without them, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment."
        )
    is_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    if not is_folder and not (parts.scheme == "s3" and parts.netloc):
        raise InvalidDeclaration(
            f"{location.url!r} is no address of a remote. Write file:///path/to/directory or s3://bucket/prefix."
        )


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A project's document on a remote; `tag` names this state of it."""

    content: bytes
    tag: str


class Remote(Protocol):
    """Objects under their digests, and documents that are swapped. Safe for any number of threads, processes and machines.

    Every verb raises Unavailable if the remote does not answer, or refuses us.
    """

    @property
    def url(self) -> str: ...

    def has(self, digest: Digest) -> bool:
        """As `ObjectStore.has`: who is told yes may rely on it for the grace period."""
        ...

    def send(self, digest: Digest, source: FileObjects) -> int:
        """Put an object of `source` there unless it is there; how many bytes travelled.

        Raises: NotFound or CorruptObject if `source` has it not, or damaged: damage is never sent.
        """
        ...

    def fetch(self, digest: Digest) -> Iterable[bytes]:
        """The content, in parts; unchecked.

        Raises: NotFound if it is not there, when the first part is asked for at the latest.
        """
        ...

    def entries(self) -> Iterator[Entry]:
        """Every object, in no order."""
        ...

    def discard(self, digest: Digest, before: float) -> bool:
        """As `FileObjects.discard`."""
        ...

    def documents(self) -> list[str]:
        """Names of the projects that have a document there."""
        ...

    def document(self, project: str) -> Document | None: ...

    def swap(self, project: str, content: bytes, tag: str | None) -> bool:
        """Write a project's document if it still is in the state `tag` (None: there is none); whether it was."""
        ...
