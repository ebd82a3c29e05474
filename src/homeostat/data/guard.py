"""Holding rows to a contract beside what their dataset holds already."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from homeostat.codec.tables import Table
from homeostat.core.clock import Clock
from homeostat.data.catalog import queries
from homeostat.data.catalog.records import Version
from homeostat.data.contracts.check import Context
from homeostat.data.contracts.contract import Contract, NoSkew
from homeostat.data.contracts.derived import Derived
from homeostat.data.contracts.past import History, Stretch
from homeostat.data.contracts.ports import Serving
from homeostat.data.contracts.profile import Profile
from homeostat.data.contracts.validate import validate
from homeostat.data.contracts.verdict import Verdict
from homeostat.data.records import Offer
from homeostat.data.rules import check_tabular, widened
from homeostat.data.versions import Versions
from homeostat.store.db import Database


class Guard:
    """Contracts at work. What they need of the past is read when an expectation asks for it."""

    def __init__(
        self,
        database: Database,
        versions: Versions,
        clock: Clock,
        folder: Path,
        *,
        find: Callable[[str], Version],
        serving: Serving | None,
    ) -> None:
        self._database = database
        self._versions = versions
        self._clock = clock
        self._derived = Derived(folder)
        self._find = find
        self._serving = serving

    def validate(self, name: str, rows: Any, contract: Contract, *, environment: str = "") -> Verdict:
        """What a contract says of rows that would be appended to a dataset now; nothing is kept.

        Raises: InvalidDeclaration if the contract has no such environment.
        """
        with self._database.read() as connection:
            head = queries.newest(connection, name)
        return self.hold(Table.of(rows), contract, head, keeps_history=True, environment=environment)

    def profile(self, version: Version) -> Profile:
        """What the values of each column look like. Cost: once O(rows); then it is kept by segment."""
        check_tabular(version)
        return self.past(version).profile([column.name for column in version.columns])

    def judge(self, offer: Offer, contract: Contract | None, head: Version | None) -> Verdict | None:
        """The verdict on rows on their way into a dataset; None without a contract."""
        if contract is None:
            return None
        return self.hold(offer.rows, contract, head, keeps_history=offer.keeps_history)

    def hold(
        self, rows: Table, contract: Contract, head: Version | None, *, keeps_history: bool, environment: str = ""
    ) -> Verdict:
        """The verdict of `contract` on rows that come after `head`, or that replace it; see `validate`.

        The rows are brought into the types that contract and dataset want, as far as nothing is lost.
        """
        wanted = {column.name: column.type for column in head.columns} if head else {}
        past = None if head is None else self.past(head, keeps_history=keeps_history)
        serving = None if self._serving is None else _Once(self._serving, contract)
        context = Context(now=self._clock.now(), environment=environment, past=past, serving=serving)
        return validate(widened(rows, wanted | contract.types), contract, context)

    def past(self, head: Version, *, keeps_history: bool = True) -> History:
        """What there is up to `head`; rows that replace it are compared with no rows of it but those of a named version."""

        @cache
        def stretches(label: str) -> Sequence[Stretch]:
            if not label and not keeps_history:
                return ()
            version = self._find(f"{head.dataset}@{label}") if label else head
            return [
                Stretch(segment.rows, segment.columns, partial(self._versions.segment, version, segment))
                for segment in self._versions.manifest(version).segments
            ]

        return History(self._derived, stretches, head.rows_added if keeps_history else head.rows)


class _Once:
    """A `Serving` that is asked once for all columns that a contract compares with a system, for each asking reads its log."""

    def __init__(self, serving: Serving, contract: Contract) -> None:
        compared = [one for one in contract.expectations if isinstance(one, NoSkew)]

        @cache
        def found(system: str, last_us: int) -> Profile:
            return serving.profile(system, sorted({one.column for one in compared if one.system == system}), last_us)

        self._found = found

    def profile(self, system: str, columns: Sequence[str], last_us: int) -> Profile:
        del columns  # they are among the contract's
        return self._found(system, last_us)
