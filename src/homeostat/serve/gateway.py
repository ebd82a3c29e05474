"""The gateway process: it pulls the desired deployments and serves them.

Level-triggered: every few milliseconds it compares the newest deployment of each system with the endpoint it serves. A
new generation is loaded beside the old one (prepared, worker started and warmed); then the new
endpoint takes the old one's place in one assignment, and the old workers end when the last of their requests has. The
worker of the previous champion is kept warm, so that a rollback takes effect at once.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from sqlalchemy.exc import DBAPIError

from homeostat.codec.signatures import Signature
from homeostat.core.clock import Clock, Watermark
from homeostat.core.digests import Digest
from homeostat.core.errors import HomeostatError
from homeostat.serve.edge import Edge, allowed_hosts
from homeostat.serve.endpoint import Endpoint
from homeostat.serve.lanes import Lane, LaneState
from homeostat.serve.listening import free_port
from homeostat.serve.log import GroupCommit
from homeostat.serve.metrics import Metrics
from homeostat.serve.preparing import prepare
from homeostat.serve.records import Deployment, GatewayState, Status
from homeostat.serve.service import Deployments
from homeostat.serve.workers import Others, Spares
from homeostat.store.db import Database
from homeostat.store.objects import ObjectStore

_POLL_S = 0.05
_HEARTBEAT_S = 1.0
_RETRY_FAILED_S = 5.0
_SHADOW_PATIENCE_S = 0.05
_REPLAY_SHADOW_PATIENCE_S = 10.0
_BACKLOG = 1024

_log = logging.getLogger(__name__)


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Where a gateway lives.

    Attributes:
        name: of the gateway, part of prediction ids; two that share a home need two names.
        home: the directory with `log/` and `run/`.
        systems: the ones to serve, all if empty.
    """

    name: str
    home: Path
    host: str
    port: int
    systems: frozenset[str]


class _System:
    """What the gateway holds for one system."""

    def __init__(self, predictions: GroupCommit, labels: GroupCommit) -> None:
        self.predictions = predictions
        self.labels = labels
        self.lanes: dict[Digest, Lane] = {}
        self.signatures: dict[Digest, Signature] = {}
        self.served: Deployment | None = None
        self.previous_champion: Digest | None = None
        self.applying: asyncio.Task[None] | None = None
        self.tried_generation = 0
        self.tried_at_s = 0.0
        self.status: Status = "starting"
        self.message = "Its first deployment is being loaded."

    def condition(self) -> tuple[Status, str]:
        """Status and message; a model that was given up outweighs the rest."""
        for arm in self.served.arms if self.served else ():
            lane = self.lanes[arm.model]
            if lane.failed:
                return "failed", lane.failed
        return self.status, self.message


class Gateway:
    """Serves the desired deployments of one workspace. Belongs to one event loop; implements `edge.Board`."""

    def __init__(self, deployments: Deployments, objects: ObjectStore, clock: Clock, site: Site) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.metrics = Metrics()
        self._deployments = deployments
        self._objects = objects
        self._clock = clock
        self._site = site
        self._systems: dict[str, _System] = {}
        self._spares = Spares()
        self._closing: set[asyncio.Task[None]] = set()
        self._reported_s = 0.0
        self._has_news = True

    @property
    def waiting(self) -> Mapping[str, str]:
        return {name: held.message for name, held in self._systems.items() if name not in self.endpoints}

    def label_log(self, system: str) -> GroupCommit:
        return self._systems[system].labels

    def lanes(self) -> Sequence[LaneState]:
        return [lane.state(name) for name, lane in self._lanes()]

    async def run(self, stop: asyncio.Event) -> None:
        """Reconcile until `stop`, then finish what is under way."""
        self._spares.prepare()
        # Arrow imports pandas, where there is one, at its first conversion: a second that no request should wait.
        await asyncio.to_thread(pa.array, [0])
        while not stop.is_set():
            try:
                self._reconcile(await asyncio.to_thread(self._deployments.every_desired))
                await self._report()
            except (DBAPIError, HomeostatError) as error:
                # What is served goes on being served while the database is away.
                _log.warning("The database does not answer: %s", error)
                await asyncio.sleep(_HEARTBEAT_S)
            try:
                async with asyncio.timeout(_POLL_S):
                    await stop.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """End the workers after their last requests, make the logs durable, and say goodbye."""
        applying = [held.applying for held in self._systems.values() if held.applying is not None]
        for task in applying:
            task.cancel()
        await asyncio.gather(*applying, return_exceptions=True)
        await asyncio.gather(*(lane.close() for _, lane in self._lanes()), *self._closing, self._spares.close())
        for held in self._systems.values():
            await held.predictions.close()
            await held.labels.close()
        await self._report(is_last=True)

    def _lanes(self) -> list[tuple[str, Lane]]:
        return [(name, lane) for name, held in self._systems.items() for lane in held.lanes.values()]

    def _reconcile(self, desired: Sequence[Deployment]) -> None:
        for deployment in desired:
            name = deployment.system
            if self._site.systems and name not in self._site.systems:
                continue
            held = self._systems.get(name) or self._systems.setdefault(name, self._open(name))
            is_applied = held.served is not None and held.served.generation == deployment.generation
            is_retry = held.tried_generation == deployment.generation
            is_too_early = is_retry and time.monotonic() - held.tried_at_s < _RETRY_FAILED_S
            if is_applied or is_too_early or held.applying is not None:
                continue
            held.tried_generation, held.tried_at_s = deployment.generation, time.monotonic()
            held.applying = asyncio.get_running_loop().create_task(self._apply(held, deployment))

    def _open(self, system: str) -> _System:
        root = self._site.home / "log"
        return _System(
            GroupCommit(root, system, "predictions", self._site.name),
            GroupCommit(root, system, "labels", self._site.name),
        )

    async def _apply(self, held: _System, deployment: Deployment) -> None:
        """Bring `deployment` to life, or say why that fails; then what was served goes on."""
        begun = time.perf_counter()
        try:
            for arm in deployment.arms:
                await self._ensure_lane(held, arm.version, arm.model)
            self._flip(held, deployment)
            held.status, held.message = "ready", ""
            _log.info(
                "%s generation %d is served after %.0f ms",
                deployment.system,
                deployment.generation,
                (time.perf_counter() - begun) * 1e3,
            )
        except (HomeostatError, OSError) as error:
            held.status, held.message = "failed", f"Generation {deployment.generation}: {error}"
            _log.error("%s %s", deployment.system, held.message)
        finally:
            held.applying = None
            self._has_news = True

    async def _ensure_lane(self, held: _System, version: int, model: Digest) -> None:
        lane = held.lanes.get(model)
        if lane is not None and not lane.failed:
            return
        # In a thread: an MLflow model may need an environment that takes a minute to install.
        prepared = await asyncio.to_thread(prepare, model, self._objects, self._site.home / "run")
        fresh = Lane(version, prepared.load, self._spares if prepared.is_ours else Others(prepared.command))
        try:
            ready = await fresh.start()
        except BaseException:
            await fresh.close()
            raise
        _log.info("Version %d loaded in %.0f ms, warm in %.0f ms", version, ready.load_ms, ready.warm_ms)
        if lane is not None:
            self._retire(lane)
        held.lanes[model], held.signatures[model] = fresh, prepared.signature

    def _flip(self, held: _System, deployment: Deployment) -> None:
        """The new endpoint takes the old one's place; lanes that nobody needs any more end when they are idle."""
        is_replay = isinstance(self._clock, Watermark)
        self.endpoints[deployment.system] = Endpoint(
            deployment,
            {arm.version: held.lanes[arm.model] for arm in deployment.arms},
            {arm.version: held.signatures[arm.model] for arm in deployment.arms},
            held.predictions,
            shadow_patience_s=_REPLAY_SHADOW_PATIENCE_S if is_replay else _SHADOW_PATIENCE_S,
        )
        champion = deployment.champion.model
        if held.served is not None and held.served.champion.model != champion:
            held.previous_champion = held.served.champion.model
        held.served = deployment
        needed = {arm.model for arm in deployment.arms} | {held.previous_champion}
        for model in held.lanes.keys() - needed:
            self._retire(held.lanes.pop(model))
            del held.signatures[model]

    def _retire(self, lane: Lane) -> None:
        task = asyncio.get_running_loop().create_task(_close_when_idle(lane))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _report(self, *, is_last: bool = False) -> None:
        """Write what is served when it changed, and every heartbeat."""
        now = time.monotonic()
        if not (self._has_news or is_last or now - self._reported_s > _HEARTBEAT_S):
            return
        self._has_news, self._reported_s = False, now
        states = [self._state("", 0, "ready", "")]
        states += [
            self._state(name, held.served.generation if held.served else 0, *held.condition())
            for name, held in self._systems.items()
        ]
        counted = self.metrics.take_traffic()
        try:
            await asyncio.to_thread(self._deployments.report, states, counted)
            if is_last:
                await asyncio.to_thread(self._deployments.forget, self._site.name)
        except BaseException:
            self.metrics.put_back_traffic(counted)
            self._has_news = True
            raise

    def _state(self, system: str, generation: int, status: Status, message: str) -> GatewayState:
        return GatewayState(
            gateway=self._site.name,
            system=system,
            generation=generation,
            status=status,
            message=message,
            host=self._site.host,
            port=self._site.port,
            pid=os.getpid(),
            heartbeat_wall=time.time(),
        )


async def _close_when_idle(lane: Lane) -> None:
    # A request that took the old endpoint a moment ago may not have reached the lane's queue yet.
    await asyncio.sleep(1.0)
    await lane.close()


def run_gateway(
    database: Database,
    objects: ObjectStore,
    clock: Clock,
    home: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8500,
    systems: Sequence[str] = (),
    name: str = "",
    on_ready: Callable[[int], None] = lambda _port: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way and return.

    Args:
        home: directory with `log/` and `run/`, made if missing.
        port: 0 for any that is free.
        systems: the ones to serve, all if empty.
        name: of this gateway; `g<port>` by default. Gateways that share a home need different names.
        on_ready: called with the port when it listens.
    Raises: PortInUse before anything else is started.
    """
    port = free_port(host, port, "gateway")
    site = Site(name=name or f"g{port}", home=home, host=host, port=port, systems=frozenset(systems))
    uvloop.run(_serve(Gateway(Deployments(database, clock), objects, clock, site), clock, site, on_ready))


async def _serve(gateway: Gateway, clock: Clock, site: Site, on_ready: Callable[[int], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server: Any = Server(  # ships no types
        Edge(gateway, gateway.metrics, clock, allowed_hosts(site.host)),
        address=site.host,
        port=site.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        backlog=_BACKLOG,
        websockets=False,
        log_level=LogLevels.error,
        log_access=False,
    )
    serving = loop.create_task(server.serve())
    reconciling = loop.create_task(gateway.run(stop))
    await asyncio.sleep(0)
    on_ready(site.port)
    await asyncio.wait([serving, reconciling], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    server.stop()
    await asyncio.gather(serving, reconciling)
    await gateway.close()
