"""Prefect: tasks in a flow, `INPUTS + TASK_SOURCE`; the flow starts its own server, as it does where none is configured."""

import json
import sys
import time

from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE

calls: list[int] = []


@task(cache_policy=INPUTS + TASK_SOURCE)
def add_one(number: int) -> int:
    """One more."""
    calls.append(number)
    return number + 1


@flow
def chain(steps: int) -> int:
    """Call the step so many times."""
    number = 0
    for _ in range(steps):
        number = add_one(number)
    return number


began = time.perf_counter()
result = chain(int(sys.argv[1]))
print(json.dumps({"run_s": time.perf_counter() - began, "ran": len(calls), "result": result}))
