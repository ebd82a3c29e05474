"""What the loop keeps between two looks at a system, and what it writes down of each."""

from typing import Any

import msgspec

from homeostat.core.clock import Micros
from homeostat.loop.declaration import Phase
from homeostat.pipelines.records import Stored


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a system's model is on its way; the body of its row in `loops`.

    Attributes:
        champion: version that answers, and since when; None before the first.
        champion_data_until: end of the champion's training data.
        trained_until: end of the newest training's data, whatever became of it.
        labels_seen: labels that had arrived when the newest training was decided.
        last_training_at: when the newest training was decided.
        trigger: what set it off.
        breach_since: since when the performance setpoint is breached, or None.
        breach_at: onset of the breach that set the newest training off, if a breach did.
        inputs: dataset versions of the training, fixed when it was decided.
        arguments: of the pipeline beside its datasets.
        challenger: version on its way to production.
        challenger_data_until: end of its training data.
        challenger_reference: rows that its inputs are compared with once it is champion, or None.
        skips_shadow: the challenger goes to its first canary share at once, as a person asked.
        stage: index into the rollout's canary shares; -1 is the shadow.
        stage_at: when this stage began.
        rollout_at: when the rollout began.
    """

    champion: int | None = None
    champion_since: Micros = Micros(0)
    champion_data_until: Micros = Micros(0)
    trained_until: Micros = Micros(0)
    labels_seen: int = 0
    last_training_at: Micros | None = None
    trigger: str = ""
    breach_since: Micros | None = None
    breach_at: Micros | None = None
    inputs: dict[str, int] = {}
    arguments: dict[str, Any] = {}
    challenger: int | None = None
    challenger_data_until: Micros = Micros(0)
    challenger_reference: Stored | None = None
    skips_shadow: bool = False
    stage: int = -1
    stage_at: Micros = Micros(0)
    rollout_at: Micros = Micros(0)


class LoopRow(msgspec.Struct, frozen=True, kw_only=True):
    """A system's row as it stands."""

    system: str
    phase: Phase
    progress: Progress
    wake_at: Micros
    fence: int
    owner: str | None


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One decision with its evidence, also to do nothing."""

    id: int
    system: str
    at: Micros
    verdict: str
    phase: str
    sentence: str
    evidence: dict[str, Any]
    fence: int


class RetrainCommand(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="retrain"):
    """Train now.

    Attributes:
        arguments: of the pipeline, beside its datasets.
    """

    why: str
    arguments: dict[str, Any] = {}


class DeployCommand(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="deploy"):
    """Roll a version out whose gates are passed or waived.

    Attributes:
        skips_shadow: begin with the first canary share.
    """

    why: str
    number: int
    skips_shadow: bool = False


class RollbackCommand(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="rollback"):
    """Stop the rollout that is on; or, when none is, give the answers back to the champion before this one, or to `to`."""

    why: str
    to: int | None = None


Command = RetrainCommand | DeployCommand | RollbackCommand


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A command that waits to be handled."""

    id: int
    by: str
    command: Command
