"""The metadata with every table in it. Who reads some tables imports their modules only, as each takes its time."""

from homeostat.store.db.schema import data, importing, loop, monitor, pipelines, registry, serve, track
from homeostat.store.db.schema.store import metadata

__all__ = ["data", "importing", "loop", "metadata", "monitor", "pipelines", "registry", "serve", "track"]
