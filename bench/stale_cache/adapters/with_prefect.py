"""Prefect: a task whose `cache_policy` is `INPUTS + TASK_SOURCE`, its default less the id of the run, in a flow."""

from typing import Any

from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE

from bench.stale_cache.adapters.observed import observe, project, report

work, argument = project()
compute = task(cache_policy=INPUTS + TASK_SOURCE)(work.compute)


@flow
def main() -> Any:
    """Call the step."""
    return compute(argument)


report(observe(main))
