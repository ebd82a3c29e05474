"""Pipelines of cached steps: plain Python whose results are kept, never stale, and traced to their inputs."""
