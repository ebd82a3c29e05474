"""Dagster: an asset a step with a `code_version`; those that are not fresh are materialized, in this process."""

import json
import os
import sys
import time
from pathlib import Path

from dagster import AssetIn, AssetKey, AssetsDefinition, DagsterInstance, Definitions, asset, materialize
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest as Loading

STEPS = int(sys.argv[1])
calls: list[int] = []


@asset(name="n0", code_version="1")
def zero() -> int:
    """Where the chain begins."""
    return 0


def add_one(at: int) -> AssetsDefinition:
    """The asset that is one more than the one before."""

    @asset(name=f"n{at + 1}", ins={"number": AssetIn(f"n{at}")}, code_version="1")
    def one_more(number: int) -> int:
        calls.append(number)
        return number + 1

    return one_more


assets = [zero, *map(add_one, range(STEPS))]
Path(os.environ["DAGSTER_HOME"]).mkdir(parents=True, exist_ok=True)
with DagsterInstance.get() as instance:
    definitions = Definitions(assets=assets)
    began = time.perf_counter()
    statuses = CachingStaleStatusResolver(instance, definitions.resolve_asset_graph(), Loading(instance))
    stale = [one for one in assets if statuses.get_status(AssetKey(one.key.path)) is not StaleStatus.FRESH]
    if stale:
        materialize(assets, instance=instance, selection=stale)
    took = time.perf_counter() - began
    print(
        json.dumps(
            {"run_s": took, "ran": len(calls), "result": definitions.load_asset_value(f"n{STEPS}", instance=instance)}
        )
    )
