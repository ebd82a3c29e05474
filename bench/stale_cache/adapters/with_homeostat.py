"""Homeostat: `@step(env=[...])` in a pipeline of a workspace."""

import os
from pathlib import Path
from typing import Any

from bench.stale_cache.adapters.observed import observe, project, report
from homeostat.pipelines.steps import pipeline, step
from homeostat.workspace import CONFIG_FILE, Config, Project, Workspace

work, argument = project()
task = step(env=os.environ["BENCH_ENV"].split())(work.compute)


@pipeline
def main() -> Any:
    """Call the step."""
    return task(argument)


root = Path.cwd()
made = (root / CONFIG_FILE).exists()
with Workspace.open(root) if made else Workspace.create(root, Config(project=Project(name="bench"))) as workspace:
    report(observe(lambda: workspace.pipelines.value(workspace.pipelines.run(main, {}).result)))
