"""What the pipeline room needs from others."""

from collections.abc import Mapping
from typing import Any, Protocol


class TrackedRun(Protocol):
    """A run that is open."""

    @property
    def id(self) -> str: ...

    def log(self, step: int | None = None, **metrics: float) -> None:
        """Note metric values."""
        ...

    def artifact(self, name: str, source: bytes) -> None:
        """Keep bytes under a name."""
        ...

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        """Close it as `finished` or `failed`."""
        ...


class RunLog(Protocol):
    """Where runs are tracked."""

    def start(
        self,
        name: str,
        *,
        kind: str = "run",
        system: str = "",
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        surroundings: Mapping[str, Any] | None = None,
    ) -> TrackedRun:
        """Open a run; `surroundings` is what was captured at its start."""
        ...
