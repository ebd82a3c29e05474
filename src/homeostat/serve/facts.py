"""What serving tells the ledger."""

from typing import ClassVar

from homeostat.core.facts import Fact
from homeostat.serve.records import Arm


class Deployed(Fact, frozen=True, kw_only=True):
    """A new deployment became the desired one."""

    kind: ClassVar[str] = "deployed"

    generation: int
    arms: tuple[Arm, ...]
    mirrored: bool
