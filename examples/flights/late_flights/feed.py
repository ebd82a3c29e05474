"""What the world delivers, and when: rows of each day for the datasets, requests of each hour, labels when known.

A day is one of New York, counted from the beginning of the year. When it ends, the flights whose
outcome became known in it are appended to the dataset `flights`, and its weather to `weather`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from homeostat.core.clock import DAY, HOUR, Micros, moment, parse_iso
from late_flights import source

WEEK = 7 * DAY
HISTORY_WEEKS = 6
WEEKS = 52
BEGIN = parse_iso(source.YEAR_BEGINS)


def day_start(day: int) -> Micros:
    return Micros(BEGIN + day * DAY)


@dataclass(frozen=True)
class Ask:
    """One request: the flights that leave one airport within an hour."""

    keys: list[str]
    rows: list[dict[str, Any]]


class Feed:
    """The year 2013, sliced as it would have been delivered."""

    @cached_property
    def flights(self) -> pl.DataFrame:
        return source.flights()

    @cached_property
    def weather(self) -> pl.DataFrame:
        return source.weather()

    def flights_known(self, day: int) -> pl.DataFrame:
        """Flights whose outcome became known on `day`, with it."""
        return self._within(self._known, "known", day).drop("known")

    def weather_seen(self, day: int) -> pl.DataFrame:
        """Observations of `day`."""
        return self._within(self.weather, "time", day)

    @cached_property
    def requests(self) -> dict[Micros, list[Ask]]:
        """By hour of scheduled departure: one request for each airport, raw fields only."""
        rows = source.with_weather(self.flights.drop("late", "known"), self.weather)
        hour = pl.col("scheduled").dt.truncate("1h").dt.epoch("us").alias("hour")
        asks: dict[Micros, list[Ask]] = {}
        for group in rows.with_columns(hour).partition_by("hour", "origin", maintain_order=True):
            ask = Ask(keys=group["key"].to_list(), rows=group.drop("hour", "scheduled").to_dicts())
            asks.setdefault(Micros(group["hour"][0]), []).append(ask)
        return asks

    def labels(self, begin: Micros, end: Micros) -> dict[str, int]:
        """Outcomes that became known in [begin, end), by key of the flight."""
        chosen = self._known.filter(pl.col("known").is_between(moment(begin), moment(end), closed="left"))
        return dict(zip(chosen["key"].to_list(), chosen["late"].to_list(), strict=True))

    @cached_property
    def _known(self) -> pl.DataFrame:
        return self.flights.filter(pl.col("late").is_not_null()).sort("known", "key")

    @staticmethod
    def _within(rows: pl.DataFrame, column: str, day: int) -> pl.DataFrame:
        bounds = (moment(day_start(day)), moment(day_start(day + 1)))
        return rows.filter(pl.col(column).is_between(*bounds, closed="left"))


def hours(begin: Micros, end: Micros) -> Iterator[Micros]:
    """Every full hour in [begin, end)."""
    yield from (Micros(at) for at in range(begin, end, HOUR))
