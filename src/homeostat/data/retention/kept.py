"""Whether the contents of a version are kept."""

from homeostat.core.clock import iso
from homeostat.core.errors import NotFound
from homeostat.data.catalog.records import Version


def check_kept(version: Version) -> None:
    """Raises: NotFound, if its contents were forgotten, saying how to get them back."""
    if version.forgotten_at is not None:
        raise NotFound(
            f"{version.node} was forgotten on {iso(version.forgotten_at)[:10]} to save space: its row is kept, its contents are "
            f"not. If a remote has them: homeostat data pull {version.name}"
        )
