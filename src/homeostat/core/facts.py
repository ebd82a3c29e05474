"""Facts: what happened, in the past tense, written to the ledger in the transaction of the rows they speak of.

Each room declares its facts in its `facts.py` as frozen structs of this base. The tag is the fact's kind on disk
and never changes; fields may be added with defaults. The ledger is also the audit log, so a fact names its actor.
"""

from typing import ClassVar

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every fact.

    Attributes:
        kind: stable name on disk, such as `model-promoted`.
        system: the system it concerns, or empty.
        actor: who caused it: a user name, or `controller`, `gateway`, `pipeline`.
    """

    kind: ClassVar[str] = "fact"

    system: str = ""
    actor: str = "local"
