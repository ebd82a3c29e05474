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

    def requests(self, begin: Micros, end: Micros) -> dict[Micros, list[Ask]]:
        """By hour of scheduled departure in [begin, end): one request for each airport, raw fields only."""
        chosen = self.flights.filter(pl.col("scheduled").is_between(moment(begin), moment(end), closed="left"))
        asked = source.with_weather(chosen.drop("late", "known"), self.weather).with_columns(
            pl.col("scheduled").dt.truncate("1h").dt.epoch("us").alias("hour")
        )
        asked = asked.sort("hour", "origin", maintain_order=True)
        rows = asked.drop("hour", "scheduled").to_dicts()
        keys = asked["key"].to_list()
        asks: dict[Micros, list[Ask]] = {}
        start = 0
        for hour, size in asked.group_by("hour", "origin", maintain_order=True).len().select("hour", "len").iter_rows():
            asks.setdefault(Micros(hour), []).append(
                Ask(keys=keys[start : start + size], rows=rows[start : start + size])
            )
            start += size
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
