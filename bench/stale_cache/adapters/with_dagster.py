"""Dagster: an asset with a `code_version`, materialized when its status is not fresh ("Materialize unsynced" in its pages).

The guide writes the version by hand; here it is a digest of the step's own file, as if nobody ever forgot to change it.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

from dagster import AssetKey, DagsterInstance, Definitions, asset, materialize
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest as Loading

from bench.stale_cache.adapters.observed import observe, project, report

work, argument = project()


@asset(code_version=hashlib.sha256(Path("work.py").read_bytes()).hexdigest())
def kept() -> Any:
    """Call the step."""
    return work.compute(argument)


def run(instance: DagsterInstance) -> Any:
    """Materialize the asset if Dagster says that it is not fresh, and load its value."""
    definitions = Definitions(assets=[kept])
    graph = definitions.resolve_asset_graph()
    statuses = CachingStaleStatusResolver(instance, graph, Loading(instance))
    if statuses.get_status(AssetKey("kept")) is not StaleStatus.FRESH:
        materialize([kept], instance=instance)
    return definitions.load_asset_value("kept", instance=instance)


Path(os.environ["DAGSTER_HOME"]).mkdir(parents=True, exist_ok=True)
with DagsterInstance.get() as opened:
    report(observe(lambda: run(opened)))
