"""Metaflow: the step in a flow; the first run is `run`, the next `resume`. The flow is this script again.

`resume` keeps what succeeded, whatever became of the code: it is how Metaflow goes on after a failure, and all it has.
"""

import subprocess
import sys
from pathlib import Path

from metaflow import Flow, FlowSpec, namespace, step

from bench.stale_cache.adapters.observed import observe, project, report

RAN = Path("ran.txt")


class Cached(FlowSpec):
    """A flow of one step; the first and the last are always there."""

    @step
    def start(self) -> None:
        """Call the step."""
        work, argument = project()
        self.seen = observe(lambda: work.compute(argument))
        RAN.touch()
        self.next(self.end)

    @step
    def end(self) -> None:
        """Nothing is left to do."""


if __name__ == "__main__" and sys.argv[1:]:
    Cached()
elif __name__ == "__main__":
    verb = "resume" if Path(".metaflow").exists() else "run"
    RAN.unlink(missing_ok=True)
    subprocess.run([sys.executable, __file__, "--no-pylint", verb], check=True, stdout=sys.stderr)
    namespace(None)
    report({**Flow("Cached").latest_run["start"].task.data.seen, "ran": RAN.exists()})
