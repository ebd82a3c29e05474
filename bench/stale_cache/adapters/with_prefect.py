"""Prefect: a task whose results are kept, `cache_policy=INPUTS + TASK_SOURCE`."""

from typing import Any

from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE

from bench.stale_cache.adapters.observed import observe, project, report

work, argument = project()
kept = task(cache_policy=INPUTS + TASK_SOURCE, persist_result=True)(work.compute)


def main() -> Any:
    """Call the task."""
    return kept(argument)


report(observe(flow(main)))
