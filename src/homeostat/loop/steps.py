"""The shapes in which a look is taken: what it starts from, what it moves, what it ends with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from homeostat.core.clock import Micros
from homeostat.core.facts import Fact
from homeostat.data.service import Datasets
from homeostat.loop.declaration import Phase
from homeostat.loop.ports import Reproductions
from homeostat.loop.records import Asked, Progress
from homeostat.loop.system import System
from homeostat.monitor.records import Reading
from homeostat.monitor.service import Monitor
from homeostat.pipelines.service import Pipelines
from homeostat.registry.service import Registry
from homeostat.serve.service import Deployments
from homeostat.store.db import Database
from homeostat.store.objects import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """The rooms the loop drives.

    Attributes:
        folder: where models that are judged by their workers are written out.
    """

    database: Database
    objects: ObjectStore
    datasets: Datasets
    pipelines: Pipelines
    registry: Registry
    deployments: Deployments
    monitor: Monitor
    reproductions: Reproductions
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a look starts from.

    Attributes:
        labels: labels that have arrived since the beginning.
        readings: the setpoints as they are now.
    """

    system: System
    now: Micros
    phase: Phase
    progress: Progress
    asked: Asked | None
    labels: int
    readings: tuple[Reading, ...]

    @property
    def next_look(self) -> Micros:
        """The regular next look, on a grid of event time, so that it does not depend on when this one took place."""
        every = self.system.look_every_us
        return Micros((self.now // every + 1) * every)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a look ended with: the new state of the system's row, and the decision to be written down."""

    phase: Phase
    progress: Progress
    wake_at: Micros
    verdict: str
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()


# Writes everything that was decided, in the transaction it is given. Runs at most once with effect.
Move = Callable[[Connection], Step]
