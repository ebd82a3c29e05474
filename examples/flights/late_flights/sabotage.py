"""What goes wrong on purpose: a broken feed, and a bad model that careless people force past its gates."""

import polars as pl

from homeostat.core.clock import Micros
from homeostat.loop import queries
from homeostat.loop.records import DeployCommand, RetrainCommand
from homeostat.registry import queries as registry_queries
from homeostat.workspace import Workspace
from late_flights.feed import HISTORY_WEEKS, day_start
from late_flights.source import WEATHER

SYSTEM = "late-flights"
KM_PER_MILE = 1.609344
FEED_DAY = 7 * HISTORY_WEEKS + 2
CARELESS = "careless-operator"
REVIEWER = "hasty-reviewer"
WHY = "The release is promised for today."


class Sabotage:
    """One broken day of feeds, and one challenger whose features do not belong to its labels.

    Args:
        model_day: the day from which the bad model is tried, as soon as no other version is on its way.
    """

    def __init__(self, model_day: int = 7 * HISTORY_WEEKS + 8) -> None:
        self._model_at = Micros(day_start(model_day))
        self._asked = False
        self._forced = False
        self.version: int | None = None

    def is_spoiled(self, day: int) -> bool:
        return day == FEED_DAY

    def spoil(self, name: str, rows: pl.DataFrame, day: int) -> pl.DataFrame:
        """The day's rows as the broken feed sends them: half the weather missing, distances in kilometres."""
        if not self.is_spoiled(day):
            return rows
        if name == "flights":
            return rows.with_columns(pl.col("distance") * KM_PER_MILE)
        is_lost = pl.int_range(pl.len()) % 2 == 0
        return rows.with_columns(
            pl.when(is_lost).then(None).otherwise(pl.col(column)).alias(column) for column in WEATHER
        )

    def hour(self, workspace: Workspace, at: Micros) -> None:
        """Train the bad model when its day has come; when its gates block it, waive them, approve it and send it on trial."""
        if self._forced or at < self._model_at:
            return
        with workspace.database.read() as connection:
            row = queries.row(connection, SYSTEM)
            newest = registry_queries.latest_number(connection, SYSTEM)
        if row is None or row.phase != "idle":
            return
        if not self._asked:
            self._asked = True
            self.version = newest + 1
            self._ask(workspace, RetrainCommand(why="A new idea.", arguments={"shuffle_seed": 13}), at)
        elif newest == self.version:
            self._force(workspace, newest, at)

    def _force(self, workspace: Workspace, number: int, at: Micros) -> None:
        self._forced = True
        with workspace.database.read() as connection:
            judged = registry_queries.latest_report(connection, SYSTEM, number)
        for result in judged.report.results if judged else ():
            if result.status == "failed":
                workspace.registry.waive(SYSTEM, number, result.gate, why=WHY, by=CARELESS)
        with workspace.database.write() as connection:
            workspace.registry.request_approval(connection, SYSTEM, number, by=CARELESS)
        workspace.registry.approve(SYSTEM, number, by=REVIEWER, why=WHY)
        self._ask(workspace, DeployCommand(why=WHY, number=number, skips_shadow=True), at)

    @staticmethod
    def _ask(workspace: Workspace, command: RetrainCommand | DeployCommand, at: Micros) -> None:
        with workspace.database.write() as connection:
            queries.ask(connection, SYSTEM, command, at=at, by=CARELESS)
