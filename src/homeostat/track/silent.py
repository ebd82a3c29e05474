"""The run of a rank that does not log."""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeostat.core.clock import Micros
from homeostat.core.ids import RunId
from homeostat.track.records import DEFAULT_EXPERIMENT_NAME
from homeostat.track.run import Run


class SilentRun(Run):
    """Takes everything and keeps nothing, so that code need not ask which rank it runs on.

    Attributes:
        node: the run with the system metrics of this machine, if this process samples them.
    """

    def __init__(self, name: str, node: Run | None = None) -> None:
        self.id = RunId("")
        self.name = name
        self.experiment = DEFAULT_EXPERIMENT_NAME
        self.node = node
        self._params = {}
        self._is_open = True
        self._said = deque(maxlen=0)
        self._say = self._said.append

    def log(self, step: int | None = None, **metrics: float) -> None:
        """Keep nothing."""

    def artifact(self, name: str, source: str | Path | bytes, media_type: str = "") -> None:
        """Keep nothing."""

    def json(self, name: str, value: Any) -> None:
        """Keep nothing."""

    def figure(self, name: str, figure: Any) -> None:
        """Keep nothing."""

    def image(self, name: str, image: Any) -> None:
        """Keep nothing."""

    def table(self, name: str, rows: Any) -> None:
        """Keep nothing."""

    def audio(self, name: str, sound: Any, rate: int = 44_100) -> None:
        """Keep nothing."""

    def model(self, name: str, model: Any, example: Any = None) -> None:
        """Keep nothing."""

    def dataset(self, name: str, *, digest: str = "", context: str = "") -> None:
        """Keep nothing."""

    def part(
        self,
        name: str,
        *,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        began_at: Micros | None = None,
    ) -> Run:
        """A part that keeps nothing either."""
        del params, tags, began_at
        return SilentRun(name)

    def flush(self) -> bool:
        """Nothing is on its way."""
        return True

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        """Close the run of the node, if there is one."""
        self._is_open = False
        if self.node is not None:
            self.node.finish(status, error)
