"""What the loop needs that no room of the lifecycle has."""

from typing import Protocol

from homeostat.registry.records import Reproduced


class Reproductions(Protocol):
    """Where models are made again from their records."""

    def reproduce(self, run_id: str) -> Reproduced:
        """Make the model of a training again and keep what came of it. Takes as long as the training, and longer.

        Never raises for the model's sake: what cannot be made again has grade F.
        """
        ...
