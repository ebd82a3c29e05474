"""Whether a store still holds what was put there: every object read again, and each loss named with all that it touches."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from sqlalchemy import inspect, table
from sqlalchemy.sql import column

from homeostat.core.digests import Digest, short
from homeostat.core.errors import CorruptObject, NotFound
from homeostat.data.catalog import queries
from homeostat.data.retention.contents import needed_by
from homeostat.store.db import Database
from homeostat.store.objects import FileObjects
from homeostat.store.objects.healing import heal
from homeostat.store.objects.remote import Remote
from homeostat.store.retention.mentions import Mentions, digests_in, rows

# Columns of rows whose digest is an object; others may be names of values only.
_OBJECT_COLUMNS = (
    ("refs", "digest"),
    ("run_artifacts", "digest"),
    ("quarantine", "object"),
    ("model_versions", "model"),
)
# They tell the past, of everything.
_HISTORIES = {"ledger", "lineage", "refs", "ref_history"}


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """An object that is not what it was.

    Attributes:
        problem: what the store says of it.
        touches: what leads to it: `dataset:flights@3`, `model_versions late-flights 2`.
        healed_from: address of the remote it came back from; empty if it did not.
    """

    object: Digest
    problem: str
    touches: tuple[str, ...]
    healed_from: str = ""


class Integrity:
    """Reads a whole store. It may serve several projects; what a loss touches is told of the one whose database this is.

    Args:
        objects: a store that does not mend itself: losses are to be seen.
    """

    def __init__(self, database: Database, objects: FileObjects) -> None:
        self._database = database
        self._objects = objects

    def losses(self, progress: Callable[[int, int], None]) -> list[Loss]:
        """Every object that is damaged or missing.

        Cost: reads the whole store once; what losses touch is looked for only if there are any.
        """
        problems = dict(self._damaged(progress))
        problems |= dict(self._missing(problems))
        return self._named(problems)

    def heal(self, losses: Sequence[Loss], remotes: Sequence[Remote]) -> list[Loss]:
        """Fetch what was lost from the remotes, one after the other, and then what a manifest that came back needs."""
        done: list[Loss] = []
        while losses:
            done += [self._healed(loss, remotes) for loss in losses]
            seen = {loss.object for loss in done}
            losses = self._named({digest: problem for digest, problem in self._missing({}) if digest not in seen})
        return done

    def _named(self, problems: Mapping[Digest, str]) -> list[Loss]:
        """Problems of objects, with what they touch."""
        touched = self._touched(set(problems)) if problems else {}
        return [
            Loss(object=digest, problem=problem, touches=tuple(sorted(touched.get(digest, ()))))
            for digest, problem in sorted(problems.items())
        ]

    def _healed(self, loss: Loss, remotes: Sequence[Remote]) -> Loss:
        try:
            remote = heal(self._objects, loss.object, remotes, NotFound(loss.problem))
        except NotFound as error:
            return msgspec.structs.replace(loss, problem=error.message)
        return msgspec.structs.replace(loss, healed_from=remote.url)

    def _damaged(self, progress: Callable[[int, int], None]) -> Iterator[tuple[Digest, str]]:
        entries = list(self._objects.entries())
        total, done = sum(entry.size_bytes for entry in entries), 0
        for entry in entries:
            try:
                self._objects.check(entry.digest)
            except CorruptObject as error:
                yield entry.digest, error.message
            except NotFound:
                continue  # discarded meanwhile: if anything needs it, it is found missing
            done += entry.size_bytes
            progress(done, total)

    def _missing(self, damaged: dict[Digest, str]) -> Iterator[tuple[Digest, str]]:
        for digest in sorted(self._needed(damaged)):
            try:
                self._objects.path(digest)
            except NotFound as error:
                yield digest, error.message

    def _needed(self, damaged: dict[Digest, str]) -> set[Digest]:
        needed: set[Digest] = set()
        with self._database.read() as connection:
            tables = inspect(connection).get_table_names()
            for name, digest in _OBJECT_COLUMNS:
                if name in tables:
                    query = table(name, column(digest)).select()
                    needed |= {Digest(found) for found in connection.execute(query).scalars() if found}
            versions = queries.every(connection)
        kept = {version.manifest: version for version in versions if version.forgotten_at is None}
        for version in kept.values():
            needed.add(version.manifest)
            if version.manifest not in damaged and self._objects.has(version.manifest):
                needed |= needed_by(version, self._objects)
        return needed

    def _touched(self, lost: set[Digest]) -> dict[Digest, set[str]]:
        leading = Mentions(self._objects).leading_to(lost)
        touched: dict[Digest, set[str]] = {}
        with self._database.read() as connection:
            for row in rows(connection):
                if row.table in _HISTORIES:
                    continue
                key = [str(part) for part in row.key]
                name = f"dataset:{'@'.join(key)}" if row.table == "dataset_versions" else " ".join([row.table, *key])
                for digest in digests_in(row.text):
                    for one in leading.get(digest, ()):
                        touched.setdefault(one, set()).add(name)
        return touched


def sentence(loss: Loss) -> str:
    """A loss as people read it."""
    touches = ", ".join(loss.touches[:8]) + (f" and {len(loss.touches) - 8} more" if len(loss.touches) > 8 else "")
    touched = f" It touches {touches}." if touches else " Nothing known leads to it."
    healed = f" It came back from {loss.healed_from}." if loss.healed_from else ""
    return f"{short(loss.object)}: {loss.problem}{touched}{healed}"


def check_whole(losses: Sequence[Loss]) -> None:
    """Raises: CorruptObject naming every object that is lost and not healed, with what it touches."""
    left = [loss for loss in losses if not loss.healed_from]
    if left:
        raise CorruptObject(
            f"{len(left)} objects are damaged or missing. " + " ".join(map(sentence, left)) + " If a remote has them: "
            "homeostat data verify --heal"
        )
