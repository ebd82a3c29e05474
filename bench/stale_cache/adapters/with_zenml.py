"""ZenML: `@step` in a `@pipeline`, whose cache is on unless one turns it off."""

from typing import Any

from zenml import pipeline, step
from zenml.client import Client

from bench.stale_cache.adapters.observed import observe, project, report

work, argument = project()
task = step(work.compute)
vars(work)["compute"] = task  # as if it were decorated: ZenML finds a step by its name in its module


@pipeline
def main() -> None:
    """Call the step."""
    task(argument)


def run() -> Any:
    """Run the pipeline and load what the step returned, in this run or in an earlier one."""
    main()
    return Client().get_pipeline("main").last_run.steps["compute"].output.load()


report(observe(run))
