"""A selection of runs: what a list, a page, an export and a notebook all ask for, read page by page."""

import shlex
from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection

from homeostat.track.records import Life, RunSummary
from homeostat.track.search.pages import find_ids, find_runs

_PAGE = 1000  # runs read at once


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

    def id_pages(self, connection: Connection, size: int = 5 * _PAGE) -> Iterator[list[str]]:
        """Only their ids, never more than `size` at once. Raises: InvalidFilter."""
        token = ""
        while True:
            ids, token = find_ids(
                connection,
                self.text,
                experiment_ids=self.experiment_ids,
                order_by=self.order_by,
                limit=size,
                page_token=token,
                life=self.life,
            )
            yield ids
            if not token:
                return

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
        return shlex.join(words)
