"""Every table, one module for each owner. A room reads and writes its own tables and no others.

Instants are BigInteger microseconds of event time (`*_at`) unless named `*_wall` (seconds of the machine's clock).
Structured values are canonical JSON in Text, typed by the owner's `records.py`.
"""

from homeostat.store.db.schema import data, loop, monitor, pipelines, registry, serve, track
from homeostat.store.db.schema.store import metadata

__all__ = ["data", "loop", "metadata", "monitor", "pipelines", "registry", "serve", "track"]
