"""ZenML: steps in a pipeline of the local stack, its cache on as it is unless one turns it off."""

import json
import sys
import time

from zenml import pipeline, step
from zenml.client import Client

STEPS = int(sys.argv[1])
calls: list[int] = []


@step
def add_one(number: int) -> int:
    """One more."""
    calls.append(number)
    return number + 1


@pipeline
def chain() -> None:
    """Call the step so many times."""
    number = 0
    for _ in range(STEPS):
        number = add_one(number)


if __name__ == "__main__":
    began = time.perf_counter()
    chain()
    took = time.perf_counter() - began
    last = "add_one" if STEPS == 1 else f"add_one_{STEPS}"
    result = Client().get_pipeline("chain").last_run.steps[last].output.load()
    print(json.dumps({"run_s": took, "ran": len(calls), "result": result}))
