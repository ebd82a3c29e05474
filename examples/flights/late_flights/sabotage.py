"""What goes wrong on purpose: a broken feed, and a bad model that a careless person forces past its gates."""

from dataclasses import dataclass, field

import polars as pl

from homeostat.core.clock import HOUR, Micros
from homeostat.loop import queries
from homeostat.loop.records import DeployCommand, RetrainCommand
from homeostat.registry import queries as registry_queries
from homeostat.workspace import Workspace
from late_flights.feed import HISTORY_WEEKS, day_start

SYSTEM = "late-flights"
KM_PER_MILE = 1.609344
FEED_DAY = 7 * HISTORY_WEEKS + 2
MODEL_DAY = 7 * HISTORY_WEEKS + 7
CULPRIT = "careless"
REVIEWER = "hasty-reviewer"
