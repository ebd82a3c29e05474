"""What imports say to the ledger."""

from typing import ClassVar

from homeostat.core.facts import Fact


class StoreImported(Fact, frozen=True, kw_only=True):
    """`fresh`, `changed`: runs and models. `differing`: what is not here as it is there."""

    kind: ClassVar[str] = "store-imported"

    source: str
    fresh: int
    changed: int
    differing: int
