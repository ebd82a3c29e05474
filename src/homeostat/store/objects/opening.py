"""From a remote's address to the remote."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from homeostat.store.objects.bucket import BucketRemote
from homeostat.store.objects.folder import FolderRemote
from homeostat.store.objects.remote import Location, Remote, check_location


def open_remote(location: Location, *, create: bool = False) -> Remote:
    """The remote at an address.

    Args:
        create: make its directory if it is not there. Otherwise one that is missing is a disk that is not mounted.

    Raises: InvalidDeclaration if the address is none. Unavailable if its directory cannot be used.
    """
    check_location(location)
    if location.url.startswith("s3:"):
        return BucketRemote(location)
    return FolderRemote(Path(unquote(urlsplit(location.url).path)), create=create)
