"""What is known of models that were made again."""

import msgspec
from sqlalchemy import Connection

from homeostat.core.clock import Micros
from homeostat.registry import queries as registry_queries
from homeostat.reproduction.facts import ModelReproduced
from homeostat.reproduction.records import Reproduction
from homeostat.store import ledger
from homeostat.store.objects import ObjectStore

_NEWEST = 1000


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The newest reproduction of a version, and when it was."""

    at: Micros
    fact: ModelReproduced

    def record(self, objects: ObjectStore) -> Reproduction:
        """All of it. Raises: NotFound if its object is gone."""
        return msgspec.json.decode(objects.read(self.fact.reproduction), type=Reproduction)


def latest(connection: Connection, system: str) -> dict[int, Kept]:
    """The newest reproduction of each version of a system that has one, by number.

    What was made again before it became a version counts for it: it is the same model.
    """
    newest: dict[str, Kept] = {}
    kinds = (ModelReproduced.kind,)
    for entry in ledger.entries(connection, system=system, kinds=kinds, limit=_NEWEST, newest_first=True):
        fact = msgspec.json.decode(entry.body, type=ModelReproduced)
        newest.setdefault(fact.model, Kept(at=entry.at, fact=fact))
    versions = registry_queries.versions(connection, system, limit=_NEWEST) if newest else []
    return {version.number: newest[version.model] for version in versions if version.model in newest}
