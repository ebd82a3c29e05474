"""Style sheet and scripts, addressed by content so that browsers may keep them for ever.

The bundle is built from `web/` by npm; without it every page works, only quieter.
"""

from functools import cache
from pathlib import Path

from homeostat.core.digests import digest_bytes, short

STATIC = Path(__file__).parent / "static"
_BUNDLE = "bundle/app.js"


@cache
def asset_url(name: str) -> str:
    """`/static/style.css?v=1f2e3d4c`; the version changes with the content."""
    return f"/static/{name}?v={short(digest_bytes((STATIC / name).read_bytes()))}"


@cache
def has_bundle() -> bool:
    """Whether the client bundle was built. Read once: a server keeps what it started with."""
    return (STATIC / _BUNDLE).is_file()
