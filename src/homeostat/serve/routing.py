"""Which arm answers which row.

A pure function of (system, challenger version, entity, weight): the same entity reaches the same arm while the weights
stand, and a growing challenger only ever takes entities over, never gives one back. The challenger's version is part
of the key, so that it is not always the same entities on which new versions are tried.
"""

import msgspec
from blake3 import blake3

from homeostat.serve.records import Arm, Deployment

_RESOLUTION = 2.0**-53  # a float64 holds 53 bits exactly


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """The traffic split of one generation; immutable, replaced whole.

    Attributes:
        key: 32 bytes, the secret-free key of the entity hash.
    """

    champion: Arm
    challenger: Arm | None
    key: bytes

    @classmethod
    def of(cls, deployment: Deployment) -> "Routing":
        trial = deployment.challenger
        name = f"{deployment.system}@{trial.version if trial else 0}"
        return cls(champion=deployment.champion, challenger=trial, key=blake3(name.encode()).digest())

    def arm_of(self, entity: str) -> Arm:
        """The arm that answers `entity`, with probability equal to its weight over random entities."""
        if self.challenger is None or self.challenger.weight <= 0.0:
            return self.champion
        return self.challenger if self.point(entity) < self.challenger.weight else self.champion

    def point(self, entity: str) -> float:
        """Where `entity` stands in [0, 1): uniform over entities, fixed for each."""
        hashed = blake3(entity.encode(), key=self.key).digest(8)
        return (int.from_bytes(hashed, "little") >> 11) * _RESOLUTION
