"""What reproductions say to the ledger."""

from typing import ClassVar

from homeostat.core.digests import Digest
from homeostat.core.facts import Fact
from homeostat.reproduction.records import Grade


class ModelReproduced(Fact, frozen=True, kw_only=True):
    """`reproduction` is the object that holds the whole record; `number` is 0 if the model is no version."""

    kind: ClassVar[str] = "model-reproduced"

    number: int
    run_id: str = ""
    model: Digest
    grade: Grade
    reproduction: Digest
    sentence: str
