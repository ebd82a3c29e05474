"""What the control loop did."""

from typing import ClassVar

from homeostat.core.facts import Fact


class SystemDeclared(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "system-declared"

    digest: str


class TrainingDecided(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "training-decided"

    trigger: str
    sentence: str


class TrainingFailed(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "training-failed"

    sentence: str


class RolloutAdvanced(Fact, frozen=True, kw_only=True):
    """A challenger got a new share of the answers; `share` 0 is the shadow, 1 the whole."""

    kind: ClassVar[str] = "rollout-advanced"

    version: int
    share: float
    sentence: str


class RolledBack(Fact, frozen=True, kw_only=True):
    kind: ClassVar[str] = "rolled-back"

    version: int
    champion: int
    sentence: str


class Asked(Fact, frozen=True, kw_only=True):
    """A person asked the loop for something."""

    kind: ClassVar[str] = "asked"

    command: str
    why: str
