"""Pipelines of cached steps: plain Python whose results are kept, never stale, and traced to their inputs."""

from homeostat.pipelines.records import Candidate
from homeostat.pipelines.splits import split_by_time
from homeostat.pipelines.steps import Pipeline, Step, current_run, pipeline, step

__all__ = ["Candidate", "Pipeline", "Step", "current_run", "pipeline", "split_by_time", "step"]
