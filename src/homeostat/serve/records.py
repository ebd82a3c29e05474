"""What should be served, and what is."""

from typing import Literal

import msgspec

from homeostat.core.clock import Micros
from homeostat.core.digests import Digest

Role = Literal["champion", "challenger"]
Status = Literal["starting", "ready", "failed"]


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One model version that takes part in answering for a system.

    Attributes:
        role: `champion` answers by default; a `challenger` is on trial.
        version: number in the registry.
        model: digest of the model file.
        weight: share of entities it answers, in [0, 1].
    """

    role: Role
    version: int
    model: Digest
    weight: float


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """What every gateway should serve for a system from `at` on.

    Attributes:
        generation: counts the deployments of the system from 1; a gateway serves exactly one.
        arms: the champion, and at most one challenger; their weights sum to 1.
        mirrored: whether each arm also scores, in the shadow, the rows that it does not answer. Evidence is then
            paired: both versions saw the same rows.
        entity: the raw column whose value decides the arm of a row; empty when requests name their entities.
    """

    system: str
    generation: int
    arms: tuple[Arm, ...]
    mirrored: bool
    entity: str
    at: Micros
    by: str

    @property
    def champion(self) -> Arm:
        return next(arm for arm in self.arms if arm.role == "champion")

    @property
    def challenger(self) -> Arm | None:
        return next((arm for arm in self.arms if arm.role == "challenger"), None)


class GatewayState(msgspec.Struct, frozen=True, kw_only=True):
    """What one gateway says of one system; the row with an empty system speaks of the process itself.

    Attributes:
        generation: the deployment it serves now, 0 when none.
        heartbeat_wall: when it said so, seconds of the machine's clock.
    """

    gateway: str
    system: str
    generation: int
    status: Status
    message: str
    host: str
    port: int
    pid: int
    heartbeat_wall: float


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of a system, and how many of them failed by our own fault (5xx)."""

    requests: int
    failures: int
