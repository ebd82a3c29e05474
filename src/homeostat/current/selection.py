"""Runs of the current project as a table: `hs.runs("metrics.loss < 0.3", order_by="metrics.loss ASC").polars()`."""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from homeostat.configuration import HOME
from homeostat.core.errors import NoWorkspace, UserError
from homeostat.current.destinations import InProject, opened_project, project_or_folder
from homeostat.store.db import Database
from homeostat.track import experiments, export
from homeostat.track.records import Life
from homeostat.track.search.selection import Selection

_TIME = pl.Datetime("us", "UTC")
_TYPES: dict[str, Any] = {"experiment_id": pl.Int64, "started_at": _TIME, "finished_at": _TIME}


class FoundRuns:
    """The runs of a search, a row each, read once. Columns are `run_id`, `name`, ..., `params.lr`, `tags.team`, `metrics.loss`."""

    def __init__(self, database: Database, selection: Selection) -> None:
        """Use `hs.runs`."""
        self._database = database
        self._selection = selection

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """A dict a run: params as they were given, the latest metrics as floats, times as aware datetimes. What a run lacks
        is not in its dict.
        """
        with self._database.read() as connection:
            return [export.row(one) for page in self._selection.pages(connection) for one in page]

    def polars(self) -> pl.DataFrame:
        """(runs, columns). A param is a column of numbers or of truth values where every run gave such; else of texts."""
        names = dict.fromkeys([*export.ATTRIBUTES, *sorted({name for row in self.rows for name in row})])
        return pl.DataFrame([_column(name, [row.get(name) for row in self.rows]) for name in names])

    def pandas(self) -> Any:
        """The same as a pandas frame.

        Raises: UserError if pandas is not installed.
        """
        try:
            return self.polars().to_pandas()
        except ModuleNotFoundError as error:
            raise UserError(f"{error}. Install it: pip install pandas, or use .polars().") from None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return f"<{len(self)} runs: {self._selection.command('list')}>"


def runs(
    filter: str = "",  # noqa: A002  the word people look for
    /,
    *,
    experiment: str | Sequence[str] = (),
    order_by: str | Sequence[str] = (),
    life: Life = "active",
) -> FoundRuns:
    """The runs of this project that a filter holds for.

    Args:
        filter: such as `metrics.loss < 0.3 AND params.model = 'cnn'`; empty: all.
        experiment: only of these, by name or number.
        order_by: such as `metrics.loss ASC`; then newest first.
        life: `active`, `deleted` or `all`.
    Raises: InvalidFilter, or NotFound for an experiment. NoWorkspace if nothing was tracked here.
    """
    root, is_declared = project_or_folder(Path.cwd())
    if not is_declared and not (root / HOME / "homeostat.db").is_file():
        raise NoWorkspace(f"No run was tracked in {root}. Track one: with hs.run('baseline') as run: ...")
    database: Database = opened_project(InProject(root, is_declared=is_declared)).database
    names = [experiment] if isinstance(experiment, str) else experiment
    orders = (order_by,) if isinstance(order_by, str) else tuple(order_by)
    with database.read() as connection:
        numbers = tuple(experiments.ids(connection, names)) if names else None
    found = FoundRuns(database, Selection(text=filter, experiment_ids=numbers, order_by=orders, life=life))
    len(found)  # read now: what cannot be read is said here
    return found


def _column(name: str, values: list[Any]) -> pl.Series:
    if name.startswith("metrics."):
        return pl.Series(name, values, pl.Float64)
    if name in _TYPES:
        return pl.Series(name, values, _TYPES[name])
    given = [value for value in values if value is not None]
    for kind, allowed in ((pl.Boolean, (bool,)), (pl.Int64, (int,)), (pl.Float64, (int, float))):
        if given and all(type(value) in allowed for value in given) and not _is_too_large(given):
            return pl.Series(name, values, kind, strict=False)
    return pl.Series(name, [None if value is None else _text(value) for value in values], pl.String)


def _is_too_large(given: list[Any]) -> bool:
    return any(type(value) is int and abs(value) >= 2**63 for value in given)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
