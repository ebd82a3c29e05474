"""What happens to runs."""

from typing import ClassVar

from homeostat.core.facts import Fact
from homeostat.core.ids import RunId


class RunStarted(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "run-started"

    run_id: RunId
    name: str


class RunFinished(Fact, frozen=True, kw_only=True):
    """`status`: finished, failed or killed."""

    kind: ClassVar[str] = "run-finished"

    run_id: RunId
    name: str
    status: str
    error: str = ""
