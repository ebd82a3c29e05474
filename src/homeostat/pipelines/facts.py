"""What the pipeline room tells the ledger."""

from typing import ClassVar

from homeostat.core.facts import Fact


class PipelineFinished(Fact, frozen=True, kw_only=True):
    """A run of a pipeline came to its end, good or bad."""

    kind: ClassVar[str] = "pipeline-finished"

    run_id: str
    pipeline: str
    status: str
    ran: int
    cached: int
    error: str = ""
