"""A selection of runs: what a list, a page, an export and a notebook all ask for, read page by page."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, literal, select

from homeostat.store.db.schema.track import runs
from homeostat.track.records import Life, RunSummary
from homeostat.track.search.pages import find_ids, find_runs, that_hold

_PAGE = 1000  # runs read at once
_LIVE = frozenset('"$`\\!')  # mean something in double quotes


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs, in which order: the arguments of `find_runs`."""

    text: str = ""
    experiment_ids: tuple[int, ...] | None = None
    order_by: tuple[str, ...] = ()
    life: Life = "active"

    def pages(self, connection: Connection, size: int = _PAGE) -> Iterator[tuple[RunSummary, ...]]:
        """All of them, never more than `size` at once.

        Raises: InvalidFilter.
        """
        token = ""
        while True:
            page = find_runs(
                connection,
                self.text,
                experiment_ids=self.experiment_ids,
                order_by=self.order_by,
                limit=size,
                page_token=token,
                life=self.life,
            )
            yield page.runs
            token = page.next_token
            if not token:
                return

    def search(self, connection: Connection) -> "Search":
        """It in one transaction. Raises: InvalidFilter."""
        return Search(connection, self)

    def command(self, verb: str) -> str:
        """`homeostat runs list ...`, as it is typed into a shell; `verb` is `list` or `export`."""
        words = ["homeostat", "runs", verb]
        if self.text.strip():
            words.append(self.text.strip())
        for number in self.experiment_ids or ():
            words += ["--experiment", str(number)]
        for order in self.order_by:
            words += ["--order", order]
        if self.life == "deleted":
            words.append("--deleted")
        return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    """A word of a shell: in double quotes where single ones stand in it and nothing that double ones would not keep."""
    return f'"{word}"' if "'" in word and not _LIVE & set(word) else shlex.quote(word)


class Search:
    """A selection in one transaction, for who asks more than one thing of it: its filter is made into conditions once."""

    def __init__(self, connection: Connection, selection: Selection) -> None:
        """Raises: InvalidFilter."""
        self.connection = connection
        self.selection = selection
        self.where = that_hold(connection, selection.text, experiment_ids=selection.experiment_ids, life=selection.life)

    def page(self, limit: int, token: str = "", order_by: Sequence[str] | None = None) -> tuple[list[str], str]:
        """Ids of a page, and the token of the next; empty at the end.

        Args:
            order_by: in another order than that of the selection.
        Raises: InvalidFilter.
        """
        asked = self.selection
        return find_ids(
            self.connection,
            asked.text,
            experiment_ids=asked.experiment_ids,
            order_by=asked.order_by if order_by is None else order_by,
            limit=limit,
            page_token=token,
            life=asked.life,
            where=self.where,
        )

    def id_pages(self, size: int = 5 * _PAGE) -> Iterator[list[str]]:
        """All ids, never more than `size` at once. Raises: InvalidFilter."""
        token = ""
        while True:
            ids, token = self.page(size, token)
            yield ids
            if not token:
                return

    def count(self, at_most: int) -> int:
        """How many there are, counted up to `at_most` if there is a filter: that may have to look at each run."""
        asked = self.selection
        if not asked.text.strip() and asked.experiment_ids is None:
            deleted = self._one(select(func.count()).where(runs.c.deleted_at.is_not(None)))
            everything = self._one(select(func.count()).select_from(runs))
            return {"active": everything - deleted, "deleted": deleted, "all": everything}[asked.life]
        found = select(literal(1)).select_from(runs).where(*self.where).limit(at_most)
        return self._one(select(func.count()).select_from(found.subquery()))

    def _one(self, query: Select[Any]) -> int:
        return int(self.connection.execute(query).scalar_one())
